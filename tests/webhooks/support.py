"""A cluster as plain values, and reviews of objects in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.webhooks.registry import BadSetting, Review

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ome.webhooks.registry import Document


class PlainLookup:
    """A ``Lookup`` over dicts; a setting that is a string stands for one that does not parse."""

    def __init__(
        self,
        settings: Mapping[str, Any] | None = None,
        weights: Mapping[str, Document] | None = None,
    ) -> None:
        self._settings = settings or {}
        self._weights = weights or {}

    def base_model(self, namespace: str, name: str) -> Document | None:
        return None

    def runtime(self, namespace: str, name: str) -> Document | None:
        return None

    def runtimes(self, namespace: str) -> Sequence[Document]:
        return ()

    def cluster_runtimes(self) -> Sequence[Document]:
        return ()

    def accelerator(self, name: str) -> Document | None:
        return None

    def accelerators(self) -> Sequence[Document]:
        return ()

    def fine_tuned_weight(self, name: str) -> Document | None:
        return self._weights.get(name)

    def inference_service(self, namespace: str, name: str) -> Document | None:
        return None

    def services_using(self, runtime_kind: str, namespace: str, name: str) -> tuple[int, int]:
        return (0, 0)

    def migrates_predictors(self) -> bool:
        return True

    def config(self, key: str) -> Document | None:
        value = self._settings.get(key)
        if isinstance(value, str):
            raise BadSetting(key, value)
        found: Document | None = value
        return found


SETTINGS: dict[str, Any] = {
    "metricsAggregator": {"enableMetricAggregation": "false", "enablePrometheusScraping": "false"},
    "modelInit": {
        "image": "registry/ome-agent:v1",
        "authType": "InstancePrincipal",
        "compartmentId": "compartment",
        "vaultId": "vault",
        "region": "ap-osaka-1",
        "cpuRequest": "15",
        "cpuLimit": "15",
        "memoryRequest": "150Gi",
        "memoryLimit": "180Gi",
        "extraEnvVars": [{"name": "EXTRA", "value": "1"}],
        "extraVolumeMounts": [{"name": "extra", "mountPath": "/extra"}],
    },
    "fineTunedAdapter": {
        "image": "registry/ome-agent:v1",
        "authType": "InstancePrincipal",
        "compartmentId": "compartment",
        "region": "ap-osaka-1",
        "memoryRequest": "",
    },
    "servingSidecar": {
        "image": "registry/ome-agent:v1",
        "authType": "InstancePrincipal",
        "compartmentId": "compartment",
        "region": "ap-osaka-1",
    },
}


def weight(uri: str = "oci://n/tenancy/b/weights/o/a/b") -> dict[str, Any]:
    """A FineTunedWeight in object storage."""
    return {"kind": "FineTunedWeight", "spec": {"storage": {"storageUri": uri}}}


def pod(
    annotations: Mapping[str, str] | None = None,
    *,
    labels: Mapping[str, str] | None = None,
    **spec: Any,
) -> dict[str, Any]:
    """A pod of an InferenceService with its serving container."""
    made: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "generateName": "llama-engine-",
            "labels": {"ome.io/inferenceservice": "llama"} if labels is None else dict(labels),
        },
        "spec": {
            "containers": [
                {
                    "name": "ome-container",
                    "image": "server",
                    "resources": {"limits": {"nvidia.com/gpu": "8"}},
                    "securityContext": {"runAsUser": 1000},
                }
            ],
            **spec,
        },
    }
    if annotations is not None:
        made["metadata"]["annotations"] = dict(annotations)
    return made


def review(obj: Mapping[str, Any] | None, **changes: Any) -> Review:
    """A review of the creation of an object."""
    values: dict[str, Any] = {
        "operation": "CREATE",
        "kind": "Pod",
        "namespace": "team",
        "name": "",
        "object": obj,
        "old": None,
        "user": "someone",
    }
    return Review(**{**values, **changes})
