"""ome-serving as Helm renders it: a model served by values alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ome.api import InferenceServiceSpec, ServingRuntimeSpec
from ome.errors import SelectionError
from ome.selection import RuntimeCandidate, validate_named_runtime
from tests.catalogue.support import after_download, known, reported, request
from tests.charts.support import CHARTS, Json, keyed, refused, rendered

pytestmark = [pytest.mark.control_plane, pytest.mark.timeout(120)]

CHART = "ome-serving"
REGISTRY: dict[str, Json] = json.loads((CHARTS / CHART / "files/registry.json").read_text())
OWN: Json = {
    "enabled": True,
    "hfModelId": "me/mine",
    "runtime": {"architecture": "LlamaForCausalLM", "sizeRange": {"min": "7B", "max": "9B"}},
}


def objects(models: Json, **more: Any) -> dict[tuple[str, str], Json]:
    return keyed(rendered(CHART, {"models": models, **more}))


def test_nothing_is_served_by_default() -> None:
    assert rendered(CHART) == []


def test_every_model_that_is_known_gets_along_with_its_runtime() -> None:
    found = objects({name: {"enabled": True} for name in REGISTRY})
    facts = {model.name: model for model in known().models}
    for name in REGISTRY:
        model = found["ClusterBaseModel", name]["spec"]
        runtime = ServingRuntimeSpec.model_validate(
            found["ClusterServingRuntime", f"srt-{name}"]["spec"]
        )
        service = InferenceServiceSpec.model_validate(found["InferenceService", name]["spec"])
        assert service.runtime is not None
        assert service.runtime.name == f"srt-{name}"
        candidate = RuntimeCandidate(f"srt-{name}", "", runtime)
        kind = "ClusterServingRuntime"
        # The chart says where the files are; what they are is read from them, and waited for.
        with pytest.raises(SelectionError, match="wait for an agent to read it"):
            validate_named_runtime(candidate.name, kind, request(name, model), [candidate])
        spec = after_download(model, reported(facts[name]))
        validate_named_runtime(candidate.name, kind, request(name, spec), [candidate])
    assert len(found) == 4 * len(REGISTRY)


def test_a_model_of_ones_own() -> None:
    found = objects({"mine": {**OWN, "capabilities": ["CHAT"], "key": "token"}})
    assert found["ClusterBaseModel", "mine"]["spec"] == {
        "disabled": False,
        "version": "1.0.0",
        "displayName": "other.mine",
        "modelCapabilities": ["CHAT"],
        "storage": {"storageUri": "hf://me/mine", "key": "token"},
    }
    runner = found["ClusterServingRuntime", "srt-mine"]["spec"]["engineConfig"]["runner"]
    command = runner["command"]
    assert command[command.index("--served-model-name") + 1] == "me/mine"
    assert runner["resources"]["limits"] == {"cpu": 10, "memory": "30Gi", "nvidia.com/gpu": 1}


def test_namespaces_are_made_once_or_not_at_all() -> None:
    shared = {"namespaceScope": True, "namespace": "team", "clusterScope": False}
    models = {"a": {**OWN, **shared}, "b": {**OWN, **shared}, "c": {**OWN, "namespace": "x"}}
    found = objects(models)
    assert [name for kind, name in found if kind == "Namespace"] == ["team", "c"]
    assert found["BaseModel", "a"]["metadata"]["namespace"] == "team"
    assert ("ClusterBaseModel", "a") not in found
    assert found["InferenceService", "b"]["metadata"]["namespace"] == "team"
    # Without namespaceScope a namespace is the model's name.
    assert found["InferenceService", "c"]["metadata"]["namespace"] == "c"
    assert not any(kind == "Namespace" for kind, _ in objects(models, createNamespace=False))


def test_prefill_and_decode_apart() -> None:
    runtime = {**OWN["runtime"], "extraArgs": ["--x", 1048576], "ibDevice": "mlx5_9"}
    found = objects({"mine": {**OWN, "pdMode": True, "runtime": runtime}})
    spec = found["ClusterServingRuntime", "srt-mine"]["spec"]
    for part, mode in (("engineConfig", "prefill"), ("decoderConfig", "decode")):
        pod = spec[part]
        assert pod["hostNetwork"] is True
        assert pod["annotations"]["rdma.ome.io/profile"] == "oci-roce"
        assert pod["runner"]["command"][-6:] == [
            "--disaggregation-mode",
            mode,
            "--disaggregation-ib-device",
            "mlx5_9",
            "--x",
            "1048576",
        ]
        assert pod["runner"]["readinessProbe"]["httpGet"]["path"] == "/health"
    router = spec["routerConfig"]["runner"]["command"]
    assert "--pd-disaggregation" in router
    assert "component=decoder ome.io/inferenceservice=$(INFERENCESERVICE_NAME)" in router
    service = found["InferenceService", "mine"]["spec"]
    assert {"engine", "decoder", "router"} <= service.keys()


def test_names_that_look_like_numbers_stay_names() -> None:
    own = {**OWN, "namespaceScope": True, "namespace": "2024", "vendor": "360"}
    found = objects({"7": own})
    assert ("Namespace", "2024") in found
    assert found["InferenceService", "7"]["metadata"]["namespace"] == "2024"
    assert found["BaseModel", "7"]["spec"]["vendor"] == "360"


def test_replicas_down_to_zero() -> None:
    own = {**OWN, "minReplicas": 0, "maxReplicas": 4, "engine": {"maxReplicas": 3}, "router": {}}
    service = objects({"mine": {**own, "decoder": {"minReplicas": 5}}})["InferenceService", "mine"]
    assert service["spec"]["engine"] == {"minReplicas": 0, "maxReplicas": 3}
    assert service["spec"]["router"] == {"minReplicas": 1, "maxReplicas": 1}
    assert "decoder" not in service["spec"]


@pytest.mark.parametrize(
    ("own", "uri"),
    [
        ({"oci": {"namespace": "n", "bucket": "b", "object": "o"}}, "oci://n/n/b/b/o/o"),
        ({"storageUri": "pvc://claim/path"}, "pvc://claim/path"),
        ({"hfModelId": "a/b", "storageUri": "pvc://claim/path"}, "hf://a/b"),
    ],
)
def test_where_files_come_from(own: Json, uri: str) -> None:
    found = objects({"mine": {"enabled": True, "createRuntime": False, **own}})
    assert found["ClusterBaseModel", "mine"]["spec"]["storage"]["storageUri"] == uri
    assert "runtime" not in found["InferenceService", "mine"]["spec"]


def test_a_model_that_is_there_already() -> None:
    found = objects({"mine": {**OWN, "createModel": False}})
    assert {kind for kind, _ in found} == {
        "Namespace",
        "ClusterServingRuntime",
        "InferenceService",
    }


@pytest.mark.parametrize(
    ("own", "text"),
    [
        ({"enabled": True, "createRuntime": False}, "For model 'mine', one of 'hfModelId'"),
        ({"enabled": True, "hfModelId": "a/b"}, "Model 'mine' not found in registry"),
        ({**OWN, "runtime": {**OWN["runtime"], "gpus": 16}}, "asks for 16 GPUs"),
        ({**OWN, "runtme": {}}, "runtme"),
    ],
)
def test_a_value_that_cannot_be_is_refused(own: Json, text: str) -> None:
    assert text in refused(CHART, {"models": {"mine": own}})


def test_sizes_of_ones_own_need_no_preset() -> None:
    runtime = {**OWN["runtime"], "gpus": 16, "cpu": 90, "memory": "1Ti"}
    found = objects({"mine": {**OWN, "runtime": runtime}})
    runner = found["ClusterServingRuntime", "srt-mine"]["spec"]["engineConfig"]["runner"]
    assert runner["resources"]["requests"] == {"cpu": 90, "memory": "1Ti", "nvidia.com/gpu": 16}
