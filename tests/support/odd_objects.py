"""Worlds of objects that an API server takes: sound ones with odd values at places of their own.

The places are drawn from the schemas of our CRDs, so a new field is reached without a word here.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from hypothesis import strategies as st

from ome.api import ContainerFields, PodFields, json_name, names
from tests.api.schemas import CRDS, KEEP, errors, root
from tests.selection.accelerators import GPUS
from tests.support.odd_values import JSONS, LABELS, TEXTS, URIS, value

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["CASES", "NAMESPACE", "OPERATOR", "worlds"]

NAMESPACE = "demo"
OPERATOR = "ome"
CLUSTER_SCOPED = {kind for kind, crd in CRDS.items() if crd["spec"]["scope"] == "Cluster"}
_TOLD_BY = ("modelFormat", "modelFramework", "modelArchitecture", "quantization")
_CASES = Path(__file__).parents[1] / "workloads" / "cases"
_HELD = [(name, text) for name, text in vars(names).items() if isinstance(text, str)]
ANNOTATIONS = sorted(text for name, text in _HELD if name.startswith("ANNOTATION_"))
OUR_LABELS = sorted(text for name, text in _HELD if name.startswith("LABEL_"))
_AMOUNTS = {"cpuRequest": "2", "memoryRequest": "2Gi", "cpuLimit": "2", "memoryLimit": "2Gi"}
_BENCHMARKS = json.dumps({"podConfig": {"image": "image:1", **_AMOUNTS}})
SETTINGS = (
    *("deploy", "ingress", "kedaConfig", "multinodeProber", "modelInit", "servingSidecar"),
    *("fineTunedAdapter", "metricsAggregator", "router", "benchmarkjob", "modelConfig"),
)


def _full() -> Iterator[dict[str, Any]]:
    """What the cases do not have: the other kinds."""
    for name, spec in GPUS.items():
        discovery = {"nodeSelector": {"gpu": name}}
        yield _object("AcceleratorClass", name, {**spec, "discovery": discovery})
    yield _object(
        "BenchmarkJob",
        "bench",
        {
            "endpoint": {"inferenceService": {"name": "chat", "namespace": NAMESPACE}},
            "task": "text-to-text",
            "trafficScenarios": ["D(100,100)"],
            "numConcurrency": [1, 8],
            "maxTimePerIteration": 1,
            "maxRequestsPerIteration": 10,
            "outputLocation": {"storageUri": "s3://b/p"},
        },
    )
    storage = {"storageUri": "pvc://claim/models/m"}
    yield _object("BaseModel", "claimed", {"storage": storage})
    yield _object(
        "FineTunedWeight",
        "w",
        {
            "baseModelRef": {"name": "claimed", "namespace": NAMESPACE},
            "modelType": "LoRA",
            "hyperParameters": {"strategy": "lora"},
            "storage": {"storageUri": "hf://law/w"},
        },
    )


def _object(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": name} if kind in CLUSTER_SCOPED else {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": names.API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}


def _cases() -> list[list[dict[str, Any]]]:
    found = []
    for path in sorted(_CASES.glob("*.yaml")):
        every = yaml.safe_load_all(path.read_text())
        documents = [item for item in every if item["kind"] in CRDS]
        for document in documents:
            if document["kind"] not in CLUSTER_SCOPED:
                document["metadata"].setdefault("namespace", NAMESPACE)
        _match(documents)
        found.append([*documents, *_full()])
    return found


def _match(documents: list[dict[str, Any]]) -> None:
    """Have the runtimes of a case serve its models: cases are rendered without a choice."""
    models = [item["spec"] for item in documents if item["kind"].endswith("BaseModel")]
    for document in documents:
        for entry in document["spec"].get("supportedModelFormats", ()):
            for spec in models:
                entry |= {member: spec[member] for member in _TOLD_BY if member in spec}
            entry["autoSelect"] = True


_KUBERNETES = {
    json_name(name) for kind in (PodFields, ContainerFields) for name in kind.model_fields
}
CASES = _cases()


@st.composite
def worlds(draw: st.DrawFn, most: int = 3) -> list[dict[str, Any]]:
    """A few objects that belong together, of which some say odd things."""
    found = copy.deepcopy(draw(st.sampled_from(CASES)))
    for _ in range(draw(st.integers(1, most))):
        _make_odd(draw, draw(st.sampled_from(found)))
    return [*found, *draw(_AROUND)]


def _make_odd(draw: st.DrawFn, document: dict[str, Any]) -> None:
    where = draw(st.sampled_from(("spec", "spec", "spec", "status", "annotations", "labels")))
    if where == "annotations":
        document["metadata"].setdefault(where, {}).update(draw(_NOTES))
    elif where == "labels":
        document["metadata"].setdefault(where, {}).update(draw(_LABELS))
    else:
        schema = root(document["kind"])["properties"][where]
        held = document.get(where) or {}
        changed = _changed(draw, schema, held, where)
        # Some of the cases are older than a rule that makes a member required.
        if not set(errors(schema, changed)) - set(errors(schema, held)):
            document[where] = changed


def _changed(draw: st.DrawFn, schema: dict[str, Any], held: Any, name: str) -> Any:
    """The value with one place in it changed, or another value."""
    deeper = held and draw(st.integers(0, 3))
    if isinstance(held, dict) and "properties" in schema:
        member = draw(_members(schema, held))
        if member in held and member not in schema.get("required", ()) and not deeper:
            return {key: item for key, item in held.items() if key != member}
        inner = schema["properties"][member]
        before = held.get(member, {} if inner.get("type") == "object" else None)
        return {**held, member: _changed(draw, inner, before, member)}
    if isinstance(held, list) and deeper:
        index = draw(st.integers(0, len(held) - 1))
        new = _changed(draw, schema["items"], held[index], name)
        return [*held[:index], new, *held[index + 1 :]]
    if isinstance(held, dict) and deeper and not schema.get(KEEP):
        member = draw(st.sampled_from(sorted(held)))
        inner = schema["additionalProperties"]
        return {**held, member: _changed(draw, inner, held[member], name)}
    return draw(value(schema, name))


def _members(schema: dict[str, Any], held: dict[str, Any]) -> st.SearchStrategy[str]:
    """Those that are there, those of ours, and at times those of Kubernetes' own pods."""
    known = schema["properties"]
    ours = [name for name in known if name not in _KUBERNETES]
    kinds = (sorted(held.keys() & known.keys()), sorted(ours), sorted(known))
    return st.one_of(*(st.sampled_from(names_) for names_ in kinds if names_))


_SAID = st.sampled_from(TEXTS) | st.sampled_from(URIS)
_NOTES = st.dictionaries(st.sampled_from(ANNOTATIONS), _SAID, min_size=1, max_size=3)
_LABELS = st.dictionaries(
    st.sampled_from(OUR_LABELS), st.sampled_from(LABELS), min_size=1, max_size=3
)
_ODD = st.sampled_from(TEXTS) | st.sampled_from(JSONS)
_TEXT = st.sampled_from(TEXTS) | st.sampled_from(JSONS).map(json.dumps)
_MEMBERS = (
    *("defaultDeploymentMode", "maxServicesUpdating", "ingressGateway", "ingressDomain"),
    *("domainTemplate", "pathTemplate", "urlScheme", "additionalIngressDomains", "tlsSecretName"),
    *("enableGatewayAPI", "omeIngressGateway", "disableIngressCreation", "ingressClassName"),
    *("image", "memoryRequest", "memoryLimit", "cpuRequest", "cpuLimit", "authType", "region"),
    *("compartmentId", "vaultId", "startupFailureThreshold", "startupPeriodSeconds"),
    *("unavailableThresholdSeconds", "enableKeda", "promServerAddress", "customPromQuery"),
    *("scalingThreshold", "scalingOperator", "authenticationRef", "podConfig", "authModes"),
)
_SETTING = _TEXT | st.dictionaries(st.sampled_from(_MEMBERS), _ODD, max_size=4).map(json.dumps)
_ENTRY = _TEXT | st.fixed_dictionaries(
    {"status": st.sampled_from(("Ready", "Failed", "Updating", "Deleted", ""))},
    optional=dict.fromkeys(("name", "path", "error", "config", "progress"), _ODD),
).map(json.dumps)


def _config_map(name: str, data: dict[str, str], **metadata: Any) -> dict[str, Any]:
    held = {"name": name, "namespace": OPERATOR, **metadata}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": held, "data": data}


def _node(capacity: str) -> dict[str, Any]:
    labels = {"gpu": "h100", "nvidia.com/gpu.memory": "81559"}
    held = {"nvidia.com/gpu": capacity, "cpu": "8"}
    status = {"capacity": held, "allocatable": held}
    metadata = {"name": "n", "labels": labels}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "status": status}


_REPORT = {"labels": {names.LABEL_MODEL_STATUS: "true", names.LABEL_NODE: "n"}}
_ENTRIES = ("clusterbasemodel.llama-3-8b", "clusterbasemodel.llama-3-70b", "finetunedweight.w", "x")
_AROUND = st.tuples(
    st.dictionaries(st.sampled_from(SETTINGS), _SETTING, max_size=2).map(
        lambda data: _config_map(names.CONFIGMAP_INFERENCE_SERVICE, data)
    ),
    st.dictionaries(st.just("benchmarkjob"), _SETTING, max_size=1).map(
        lambda data: _config_map(
            names.CONFIGMAP_BENCHMARK_JOB, data or {"benchmarkjob": _BENCHMARKS}
        )
    ),
    st.dictionaries(st.sampled_from(_ENTRIES), _ENTRY, max_size=3).map(
        lambda data: _config_map("n", data, **_REPORT)
    ),
    st.sampled_from(("0", "8", "9223372036854775807")).map(_node),
)
"""What the cluster has beside: settings, a node and what its agent reports."""
