"""Reviews and clusters of plain documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.webhooks.documents import Documents
from ome.webhooks.registry import Review

if TYPE_CHECKING:
    from ome.webhooks.registry import Lookup, Verdict

NAMESPACE = "team-a"
CLUSTER_SCOPED = {
    "ClusterBaseModel",
    "ClusterServingRuntime",
    "FineTunedWeight",
    "AcceleratorClass",
}
CLASS = "ome.io/autoscalerClass"
KEDA = {CLASS: "keda"}
OPERATOR_NOTE = "autoscaling.keda.sh/operator"
THRESHOLD_NOTE = "autoscaling.keda.sh/threshold"
UTILIZATION = "ome.io/targetUtilizationPercentage"
IMAGE = {"runner": {"image": "a"}}
FULL: dict[str, Any] = {"model": {"name": "llama"}, "engine": {}}


def document(
    kind: str,
    name: str,
    spec: dict[str, Any] | None = None,
    annotations: dict[str, str] | None = None,
    **metadata: Any,
) -> dict[str, Any]:
    held: dict[str, Any] = {"name": name, **metadata}
    if kind not in CLUSTER_SCOPED:
        held.setdefault("namespace", NAMESPACE)
    if annotations is not None:
        held["annotations"] = annotations
    return {"apiVersion": "ome.io/v1beta1", "kind": kind, "metadata": held, "spec": spec or {}}


def review(given: dict[str, Any], old: dict[str, Any] | None = None) -> Review:
    held = given.get("metadata") or {}
    return Review(
        operation="CREATE" if old is None else "UPDATE",
        kind=given["kind"],
        namespace=held.get("namespace", ""),
        name=held.get("name", ""),
        object=given,
        old=old,
        user="anna",
    )


class Cluster(Documents):
    """A cluster of plain documents, which can be planted on a server as well."""

    def __init__(self, *documents: dict[str, Any], **settings: Any) -> None:
        self.planted = documents
        super().__init__(documents, namespace=NAMESPACE, **settings)


def cluster(*documents: dict[str, Any], **settings: Any) -> Cluster:
    return Cluster(*documents, **settings)


def model(name: str = "llama", kind: str = "ClusterBaseModel", **spec: Any) -> dict[str, Any]:
    return document(
        kind,
        name,
        {
            "storage": {"storageUri": "hf://meta-llama/Llama-3.1-8B"},
            "modelFormat": {"name": "safetensors"},
            "modelFramework": {"name": "transformers"},
            "modelArchitecture": "LlamaForCausalLM",
            "modelParameterSize": "8B",
            **spec,
        },
    )


ENTRY: dict[str, Any] = {
    "modelFormat": {"name": "safetensors"},
    "modelFramework": {"name": "transformers"},
    "modelArchitecture": "LlamaForCausalLM",
    "autoSelect": True,
    "priority": 1,
}


def runtime(
    name: str = "srt", kind: str = "ClusterServingRuntime", entry: Any = None, **spec: Any
) -> dict[str, Any]:
    formats = [{**ENTRY, **(entry or {})}]
    return document(
        kind, name, {"supportedModelFormats": formats, "protocolVersions": ["openAI"], **spec}
    )


def service(
    spec: dict[str, Any] | None = None, annotations: dict[str, str] | None = None, **metadata: Any
) -> dict[str, Any]:
    name = metadata.pop("name", "chat")
    return document("InferenceService", name, spec, annotations, **metadata)


def note(name: str) -> str:
    return f'metadata.annotations["{name}"]'


def keda(**config: Any) -> dict[str, Any]:
    return service({"kedaConfig": config}, KEDA)


def told(verdict: Verdict) -> str:
    """Everything that a user is told, for a failing assertion."""
    problems = [f"{problem.field}: {problem.message}" for problem in verdict.problems]
    return "\n".join([*problems, *(f"warning: {text}" for text in verdict.warnings)])


EMPTY: Lookup = cluster()
LLAMA = cluster(model(), runtime())
