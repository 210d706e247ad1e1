"""From predictor to engine, model and runtime: what goes where, and that nothing is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ome.api import ContainerFields, InferenceService, json_name
from ome.errors import AdmissionDenied, ApiError, ServiceUnavailable, TransportError
from ome.webhooks.documents import Documents
from ome.webhooks.inferenceservice import default
from tests.api.schemas import defaulted, errors, root
from tests.api.test_agreement import documents, without_empty
from tests.support.tiers import examples
from tests.webhooks.objects import NAMESPACE, cluster, document, model, review, runtime

if TYPE_CHECKING:
    from ome.webhooks.registry import Lookup

LLAMA = cluster(model(), runtime())


def migrated(predictor: dict[str, Any], lookup: Lookup = LLAMA, **spec: Any) -> dict[str, Any]:
    """The spec that is stored, replica bounds left out."""
    held = document("InferenceService", "chat", {"predictor": predictor, **spec})
    written: dict[str, Any] = default(review(held), lookup)["spec"]
    assert written["predictor"] == predictor
    engine = {**written.get("engine", {})}
    for bound in ("minReplicas", "maxReplicas"):
        if bound not in predictor:
            engine.pop(bound, None)
    return {**written, "engine": engine} if "engine" in written else written


def container(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, **fields}


BASE = {"baseModel": "llama"}
ENV = [{"name": "A", "value": "1"}]
# The predictor and the engine that it becomes.
ENGINES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"model": BASE}, {}),
    (
        {"minReplicas": 2, "nodeSelector": {"a": "b"}, "labels": {"c": "d"}, "hostIPC": True},
        {"minReplicas": 2, "nodeSelector": {"a": "b"}, "labels": {"c": "d"}, "hostIPC": True},
    ),
    ({"workerSpec": {"size": 2}}, {"worker": {"size": 2}}),
    (
        {"containers": [container("home-cache"), container("ome-container"), container("z")]},
        {
            "runner": container("ome-container"),
            "containers": [container("home-cache"), container("z")],
        },
    ),
    (
        {"containers": [container("a"), container("My-OME-runner"), container("b-ome")]},
        {"runner": container("My-OME-runner"), "containers": [container("a"), container("b-ome")]},
    ),
    (
        {"containers": [container("vllm"), container("proxy")]},
        {"runner": container("vllm"), "containers": [container("proxy")]},
    ),
    ({"containers": [container("vllm", image="x")]}, {"runner": container("vllm", image="x")}),
    (
        {
            "containers": [container("ome-container", env=ENV)],
            "model": {
                **BASE,
                "env": [{"name": "B", "value": "2"}],
                "storageUri": "hf://a/b",
                "protocolVersion": "openAI",
            },
        },
        {
            "runner": container(
                "ome-container",
                env=[
                    *ENV,
                    {"name": "B", "value": "2"},
                    {"name": "STORAGE_URI", "value": "hf://a/b"},
                    {"name": "PROTOCOL_VERSION", "value": "openAI"},
                ],
            )
        },
    ),
    (
        {
            "containers": [container("ome-container", env=[*ENV, {"name": "C", "value": "3"}])],
            "model": {**BASE, "env": [{"name": "A", "value": "later"}]},
        },
        {
            "runner": container(
                "ome-container",
                env=[{"name": "A", "value": "later"}, {"name": "C", "value": "3"}],
            )
        },
    ),
    (
        {
            "containers": [container("ome-container", image="own")],
            "model": {**BASE, "name": "other", "image": "not", "args": ["--tp", "8"]},
        },
        {"runner": container("ome-container", image="own", args=["--tp", "8"])},
    ),
    (
        {"model": {**BASE, "name": "vllm", "image": "x", "storageUri": "hf://a/b"}},
        {
            "runner": container(
                "vllm", image="x", env=[{"name": "STORAGE_URI", "value": "hf://a/b"}]
            )
        },
    ),
    (
        {"model": {**BASE, "env": ENV, "protocolVersion": "openAI"}},
        {
            "runner": container(
                "ome-container", env=[*ENV, {"name": "PROTOCOL_VERSION", "value": "openAI"}]
            )
        },
    ),
    ({"model": {**BASE, "storageUri": "hf://a/b", "protocolVersion": "openAI"}}, {}),
    # As typed clients write them.
    ({"model": {**BASE, "name": "", "resources": {}, "storageUri": ""}, "containers": []}, {}),
]


@pytest.mark.parametrize(("predictor", "engine"), ENGINES)
def test_the_engine(predictor: dict[str, Any], engine: dict[str, Any]) -> None:
    assert migrated(predictor)["engine"] == engine


MODELS: list[tuple[dict[str, Any], Documents, dict[str, Any]]] = [
    (BASE, LLAMA, {"name": "llama", "kind": "ClusterBaseModel"}),
    (BASE, cluster(model(kind="BaseModel")), {"name": "llama", "kind": "BaseModel"}),
    (
        BASE,
        cluster(model(kind="BaseModel"), model()),
        {"name": "llama", "kind": "ClusterBaseModel"},
    ),
    (
        {**BASE, "fineTunedWeights": ["w"]},
        LLAMA,
        {"name": "llama", "kind": "ClusterBaseModel", "fineTunedWeights": ["w"]},
    ),
    ({**BASE, "fineTunedWeights": []}, LLAMA, {"name": "llama", "kind": "ClusterBaseModel"}),
]


@pytest.mark.parametrize(("given", "lookup", "reference"), MODELS)
def test_the_model(given: dict[str, Any], lookup: Documents, reference: dict[str, Any]) -> None:
    assert migrated({"model": given}, lookup)["model"] == reference


RUNTIMES: list[tuple[Documents, str]] = [
    (cluster(runtime()), "ClusterServingRuntime"),
    (cluster(), "ClusterServingRuntime"),
    (cluster(runtime(kind="ServingRuntime")), "ServingRuntime"),
    (cluster(runtime(), runtime(kind="ServingRuntime")), "ServingRuntime"),
]


@pytest.mark.parametrize(("lookup", "kind"), RUNTIMES)
def test_the_runtime_also_without_a_model(lookup: Documents, kind: str) -> None:
    written = migrated({"minReplicas": 1, "model": {"runtime": "srt"}}, lookup)
    assert written["runtime"] == {"name": "srt", "kind": kind}
    assert "model" not in written


def test_what_the_service_says_itself_stays() -> None:
    predictor = {"model": {"baseModel": "unknown", "runtime": "unknown"}}
    kept: dict[str, Any] = {"model": {"name": "llama"}, "runtime": {"name": "srt"}}
    written = migrated(predictor, LLAMA, **kept)
    assert {key: written[key] for key in kept} == kept
    assert written["engine"] == {}


def test_an_engine_ends_the_migration() -> None:
    written = migrated({"model": BASE, "containers": [container("a")]}, engine={})
    assert written == {"predictor": {"model": BASE, "containers": [container("a")]}, "engine": {}}


UNUSED: list[dict[str, Any]] = [
    {},
    {"model": {"runtime": "srt"}},
    {"labels": {"a": "b"}, "hostIPC": True},
    {"maxReplicas": 0, "containers": [], "nodeSelector": {}, "serviceAccountName": ""},
]
USED: list[dict[str, Any]] = [
    {"minReplicas": 0},
    {"maxReplicas": 1},
    {"workerSpec": {}},
    {"serviceAccountName": "a"},
    {"volumes": [{"name": "a"}]},
    {"nodeSelector": {"a": "b"}},
    {"tolerations": [{"key": "a"}]},
    {"affinity": {"nodeAffinity": {}}},
    {"containers": [container("a")]},
    {"model": BASE},
]


@pytest.mark.parametrize("predictor", UNUSED)
def test_a_predictor_without_pods_is_not_migrated(predictor: dict[str, Any]) -> None:
    held = document("InferenceService", "chat", {"predictor": predictor})
    written = default(review(held), LLAMA)
    assert written["spec"] == {"predictor": predictor}
    assert "ome.io/deprecation-warning" not in written["metadata"]["annotations"]


@pytest.mark.parametrize("predictor", USED)
def test_a_predictor_in_use_is_migrated(predictor: dict[str, Any]) -> None:
    assert "engine" in migrated(predictor)


def test_a_missing_model_is_refused_here() -> None:
    with pytest.raises(AdmissionDenied) as caught:
        migrated({"model": {"baseModel": "mistral"}})
    ((field, message),) = caught.value.causes
    assert field == "spec.predictor.model.baseModel"
    assert "neither ClusterBaseModel nor BaseModel found with name mistral" in message
    assert "create the model first" in message


class Failing(Documents):
    """Some scopes do not answer."""

    failures: dict[str, Exception]

    def base_model(self, namespace: str, name: str) -> Any:
        if namespace in self.failures:
            raise self.failures[namespace]
        return super().base_model(namespace, name)


AWAY, CUT = ServiceUnavailable("away", status=503), TransportError("cut")
FAILED: list[tuple[dict[str, Exception], str]] = [
    (
        {"": AWAY},
        "failed to get ClusterBaseModel llama: away; BaseModel llama not found in namespace team-a",
    ),
    (
        {NAMESPACE: CUT},
        "ClusterBaseModel llama not found; failed to get BaseModel llama in namespace team-a: cut",
    ),
    (
        {"": AWAY, NAMESPACE: CUT},
        "failed to get ClusterBaseModel llama: away; failed to get BaseModel llama in namespace"
        " team-a: cut",
    ),
]


@pytest.mark.parametrize(("failures", "text"), FAILED)
def test_failed_look_ups_are_not_a_missing_model(failures: dict[str, Exception], text: str) -> None:
    lookup = Failing((), namespace=NAMESPACE)
    lookup.failures = failures
    with pytest.raises((ApiError, TransportError)) as caught:
        migrated({"model": BASE}, lookup)
    assert text in str(caught.value)
    assert isinstance(caught.value, ApiError) == ("" in failures)


def test_a_model_that_was_found_needs_no_second_answer() -> None:
    lookup = Failing([model(kind="BaseModel")], namespace=NAMESPACE)
    lookup.failures = {"": AWAY}
    assert migrated({"model": BASE}, lookup)["model"]["kind"] == "BaseModel"


SCHEMA = root("InferenceService")["properties"]["spec"]
CONTAINER = {json_name(attribute) for attribute in ContainerFields.model_fields}


PREDICTOR = SCHEMA["properties"]["predictor"]["properties"]
VARIABLES = st.lists(
    st.fixed_dictionaries({"name": st.sampled_from("AB"), "value": st.sampled_from("12")}),
    max_size=2,
    unique_by=lambda item: item["name"],
)


@st.composite
def predictors(draw: st.DrawFn) -> dict[str, Any]:
    """Predictors in use, most with containers and the fields of one in the model."""
    predictor: dict[str, Any] = draw(documents(SCHEMA["properties"]["predictor"]))
    predictor["minReplicas"] = 1
    called = draw(st.lists(st.sampled_from(["a", "ome-container", "b-ome"]), unique=True))
    item = documents(PREDICTOR["containers"]["items"])
    containers = [{**draw(item), "name": name} for name in called]
    inner = draw(documents(PREDICTOR["model"]))
    for holder in (*containers, inner):
        if draw(st.booleans()):
            holder["env"] = draw(VARIABLES)
    if draw(st.booleans()):
        inner["storageUri"] = "hf://a/b"
    for name, value in (("containers", containers), ("model", inner)):
        predictor.pop(name, None)
        if draw(st.integers(0, 3)):
            predictor[name] = value
    return predictor


def effective(variables: Any) -> dict[str, Any]:
    """What a process sees: the last variable of a name."""
    return {variable["name"]: variable for variable in variables or ()}


@settings(
    max_examples=examples(100),
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(predictors())
def test_nothing_is_lost(predictor: dict[str, Any]) -> None:
    """Every pod field, container and variable of a predictor is in the stored engine."""
    containers = predictor.get("containers") or []
    inner = predictor.get("model") or {}
    known = cluster(model(inner["baseModel"])) if inner.get("baseModel") else cluster()
    held = document("InferenceService", "chat", {"predictor": predictor})
    written = default(review(held), known)
    spec = written["spec"]
    assert spec["predictor"] == predictor
    assert errors(SCHEMA, spec) == []
    InferenceService.model_validate(written)
    engine, runner = spec["engine"], spec["engine"].get("runner") or {}
    for name, value in predictor.items():
        if name not in ("model", "workerSpec", "containers", "maxReplicas"):
            assert engine[name] == value
    assert engine.get("worker") == predictor.get("workerSpec")
    held_names = {item["name"] for item in engine.get("containers") or ()}
    assert held_names | ({runner["name"]} if containers else set()) == {
        item["name"] for item in containers
    }
    for item in containers:
        kept = runner if item["name"] == runner["name"] else None
        kept = kept or next(c for c in engine["containers"] if c["name"] == item["name"])
        for name, value in item.items():
            if name != "env" and value not in ("", [], {}, None):
                assert kept[name] == value
    own: dict[str, Any] = next(
        (item for item in containers if item["name"] == runner.get("name")), {}
    )
    for name in CONTAINER & inner.keys() - {"env", "name"}:
        if inner[name] not in ("", [], {}, None):
            assert runner[name] == (own.get(name) or inner[name])
    wanted = {**effective(own.get("env")), **effective(inner.get("env"))}
    if runner and inner.get("storageUri"):
        wanted["STORAGE_URI"] = {"name": "STORAGE_URI", "value": inner["storageUri"]}
    found = effective(runner.get("env"))
    assert {name: found.get(name) for name in wanted} == wanted
    assert default(review(written), known) == written
    assert without_empty(defaulted(SCHEMA, spec)) == without_empty(
        defaulted(SCHEMA, default(review(written), known)["spec"])
    )
