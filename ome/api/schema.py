"""The base of every kind: frozen pydantic models with camelCase JSON names."""

from __future__ import annotations

import types
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, Union, get_args, get_origin

import pydantic
from pydantic.alias_generators import to_camel

from ome.api.limits import QUANTITY_PATTERN, Limits

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
    """A JSON object of the API; absent members are ``None``, unknown ones are ignored.

    Empty means absent, as typed clients write it: ``null`` anywhere, ``""`` for an enumeration
    without that value, ``{}`` for an optional object that has required members.
    """

    model_config = pydantic.ConfigDict(
        alias_generator=json_name,
        populate_by_name=True,
        extra="ignore",
        frozen=True,
        strict=True,
    )

    _BLANKS: ClassVar[dict[str, Any]] = {}

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        cls._BLANKS = _blanks(cls)

    @pydantic.model_validator(mode="before")
    @classmethod
    def _without_empty(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        blanks = cls._BLANKS
        # Runs for every object on the way in: most hold nothing empty and are not copied.
        empty = [
            key
            for key, value in data.items()
            if value is None or (not value and key in blanks and value == blanks[key])
        ]
        return {key: data[key] for key in data.keys() - empty} if empty else data


def _blanks(model: type[Schema]) -> dict[str, Any]:
    """For members whose empty value is not one of their values: that empty value, by name."""
    found: dict[str, Any] = {}
    for attribute, info in model.model_fields.items():
        for kind in _alternatives(info.annotation):
            if get_origin(kind) is Literal and "" not in get_args(kind):
                found[attribute] = found[json_name(attribute)] = ""
            elif not info.is_required() and _has_required_members(kind):
                found[attribute] = found[json_name(attribute)] = {}
    return found


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    """The types that an annotation allows, None left out."""
    if get_origin(annotation) in (Union, types.UnionType):
        return tuple(kind for kind in get_args(annotation) if kind is not type(None))
    return (annotation,)


def _has_required_members(kind: Any) -> bool:
    if not (isinstance(kind, type) and issubclass(kind, Schema)):
        return False
    return any(info.is_required() for info in kind.model_fields.values())


@dataclass(frozen=True, slots=True)
class CoreType:
    """Marks a plain JSON value as a type of Kubernetes' own OpenAPI."""

    definition: str


Quantity = Annotated[
    int | str,
    CoreType("io.k8s.apimachinery.pkg.api.resource.Quantity"),
    Limits(pattern=QUANTITY_PATTERN),
]


class _Sparse(Schema):
    """An object of Kubernetes whose zero values mean absent: they are read, never written."""

    model_config = pydantic.ConfigDict(strict=False)

    @pydantic.model_serializer(mode="wrap")
    def _written(self, handler: pydantic.SerializerFunctionWrapHandler) -> dict[str, Any]:
        written: dict[str, Any] = handler(self)
        return {key: value for key, value in written.items() if value}


class OwnerReference(_Sparse):
    """``metav1.OwnerReference``."""

    api_version: str
    kind: str
    name: str
    uid: str
    controller: bool = False
    block_owner_deletion: bool = False


class ObjectMeta(_Sparse):
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
    """The JSON object as a manifest would say it.

    It holds the members that were given and the API's own defaults (``kind``, ``operator``, ...),
    so a reader of the result needs no defaulting; absent members and zero values of the metadata
    are left out. Values of Kubernetes' own types come out as they were given.
    """
    return value.model_dump(mode="json", by_alias=True, exclude_none=True)
