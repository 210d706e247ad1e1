"""The base of every kind: frozen pydantic models with camelCase JSON names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import pydantic
from pydantic.alias_generators import to_camel

__all__ = [
    "CoreType",
    "KindObject",
    "ObjectMeta",
    "OwnerReference",
    "Quantity",
    "Schema",
    "json_name",
    "to_json",
]


_SPELLED = {
    "ca_certs": "CACerts",
    "clock_speed_mhz": "clockSpeedMHz",
    "compartment_id": "compartmentID",
    "device_ids": "deviceIDs",
    "host_ipc": "hostIPC",
    "host_pid": "hostPID",
    "memory_bandwidth_gbps": "memoryBandwidthGBps",
    "memory_gb": "memoryGB",
    "min_compute_performance_tflops": "minComputePerformanceTFLOPS",
    "pci_vendor_id": "pciVendorID",
    "rest_url": "restURL",
    "set_hostname_as_fqdn": "setHostnameAsFQDN",
    "volcano_gpu_type": "volcanoGPUType",
}


def json_name(attribute: str) -> str:
    """The JSON name of an attribute: camelCase, with the API's own spelling of initialisms."""
    return _SPELLED.get(attribute) or to_camel(attribute)


class Schema(pydantic.BaseModel):
    """A JSON object of the API; absent members are ``None``, unknown ones are ignored."""

    model_config = pydantic.ConfigDict(
        alias_generator=json_name,
        populate_by_name=True,
        extra="ignore",
        frozen=True,
    )


@dataclass(frozen=True, slots=True)
class CoreType:
    """Marks a plain JSON value as a type of Kubernetes' own OpenAPI."""

    definition: str


Quantity = Annotated[int | float | str, CoreType("io.k8s.apimachinery.pkg.api.resource.Quantity")]


class OwnerReference(Schema):
    """``metav1.OwnerReference``."""

    api_version: str
    kind: str
    name: str
    uid: str
    controller: bool = False
    block_owner_deletion: bool = False


class ObjectMeta(Schema):
    """The metadata that OME reads."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    labels: dict[str, str] = pydantic.Field(default_factory=dict)
    annotations: dict[str, str] = pydantic.Field(default_factory=dict)
    finalizers: tuple[str, ...] = ()
    owner_references: tuple[OwnerReference, ...] = ()


class KindObject(Schema):
    """A top-level object; the class variables say how the API server serves its kind."""

    GROUP: ClassVar[str] = "ome.io"
    VERSION: ClassVar[str] = "v1beta1"
    KIND: ClassVar[str]
    PLURAL: ClassVar[str]
    SINGULAR: ClassVar[str]
    SHORT_NAMES: ClassVar[tuple[str, ...]] = ()
    NAMESPACED: ClassVar[bool]
    HAS_STATUS: ClassVar[bool] = True

    api_version: str = "ome.io/v1beta1"
    kind: str
    metadata: ObjectMeta = ObjectMeta()


def to_json(value: Schema) -> dict[str, Any]:
    """The JSON object: members that were given or have a default, never ``None``."""
    return value.model_dump(mode="json", by_alias=True, exclude_none=True)
