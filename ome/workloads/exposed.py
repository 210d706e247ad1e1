"""A service as those outside of it see it: what every way of exposing it is made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ome.api import names
from ome.api.truncate import truncate_dns
from ome.workloads.metadata import owner_reference
from ome.workloads.service import is_cluster_local
from ome.workloads.urls import domain, service_host

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.api import InferenceService
    from ome.workloads.config import IngressConfig

__all__ = ["REQUEST_TIMEOUT", "Exposed", "ExposedComponent"]

REQUEST_TIMEOUT = 60
"""Seconds that a request may take where its component says nothing."""


@dataclass(frozen=True, slots=True)
class ExposedComponent:
    """A component that answers requests.

    ``port`` is the first of its Service, ``pod_port`` where its pods listen; ``timeout`` is for one
    request, in seconds.
    """

    name: str
    mode: str
    port: int = names.PORT_SERVICE
    pod_port: int = names.PORT_SERVICE
    timeout: int = REQUEST_TIMEOUT


@dataclass(frozen=True, slots=True)
class Exposed:
    """A service with its components (engine, decoder, router; the engine always).

    ``config`` is resolved: the service's annotations have had their say. ``domains`` are those that
    Knative serves, for additional hosts.
    """

    service: InferenceService
    components: tuple[ExposedComponent, ...]
    config: IngressConfig
    cluster_domain: str
    any_component: bool = False
    """Whether pods of the old predictor may still serve, so that no component is selected."""
    domains: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The service's name."""
        return self.service.metadata.name

    @property
    def namespace(self) -> str:
        """The service's namespace."""
        return self.service.metadata.namespace

    @property
    def cluster_local(self) -> bool:
        """Whether the service stays inside the cluster."""
        return is_cluster_local(self.service)

    @property
    def entrypoint(self) -> ExposedComponent:
        """The component that requests reach first: the router, else the engine."""
        return self.get(names.COMPONENT_ROUTER) or self.components[0]

    @property
    def deciding(self) -> ExposedComponent:
        """The component whose mode chooses the strategy: router, decoder, engine."""
        decoder = self.get(names.COMPONENT_DECODER)
        return self.get(names.COMPONENT_ROUTER) or decoder or self.components[0]

    def get(self, component: str) -> ExposedComponent | None:
        """A component by name, if the service has it."""
        return next((item for item in self.components if item.name == component), None)

    def workload(self, component: ExposedComponent) -> str:
        """The name of the component's workload."""
        return f"{self.name}-{component.name}"

    def backend(self, component: ExposedComponent) -> str:
        """The name of the component's Service."""
        return truncate_dns(self.workload(component))

    def pods(self, component: ExposedComponent) -> dict[str, str]:
        """The labels of the component's pods that answer; of many nodes only the heads do."""
        selector = {
            names.LABEL_INFERENCE_SERVICE: self.name,
            names.LABEL_COMPONENT: component.name,
        }
        if component.mode in (names.MODE_MULTI_NODE, names.MODE_RAY):
            selector[names.LABEL_RAY_NODE_TYPE] = names.RAY_HEAD
        return selector

    def host(self, component: ExposedComponent | None = None) -> str:
        """The host of the service or of one component. Raises ``ExposureError``."""
        metadata = self.service.metadata
        name = metadata.name if component is None else self.workload(component)
        return domain(name, metadata.namespace, metadata.labels, metadata.annotations, self.config)

    def inside(self, component: ExposedComponent) -> str:
        """The DNS name of the component's Service."""
        return service_host(self.backend(component), self.namespace, self.cluster_domain)

    def metadata(
        self,
        name: str,
        annotations: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Metadata of an object in front of the service, with the label that finds it."""
        described: dict[str, Any] = {
            "name": name,
            "namespace": self.namespace,
            "labels": {**(labels or {}), names.LABEL_INFERENCE_SERVICE: self.name},
            "ownerReferences": [owner_reference(self.service)],
        }
        if annotations:
            described["annotations"] = dict(annotations)
        return described

    def annotations(self) -> dict[str, str]:
        """The service's annotations without those that belong to it alone."""
        held = self.service.metadata.annotations
        return {
            key: value for key, value in held.items() if key not in names.NEVER_COPIED_ANNOTATIONS
        }
