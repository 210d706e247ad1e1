"""Every object is of our kinds, whole: no field that nobody knows, no value that is refused."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ome.api import ClusterBaseModel, ClusterServingRuntime, to_json
from ome.workloads import plan
from tests.api.schemas import errors, pruned, root
from tests.catalogue.support import Json, candidates, known, objects, of_kind, request
from tests.workloads.support import inputs
from tests.workloads.support import objects as planned

KINDS = {kind.KIND: kind for kind in (ClusterBaseModel, ClusterServingRuntime)}


def missing(given: Any, written: Any, path: str = "") -> list[str]:
    """The members of ``given`` that ``written`` lost or changed; it may have more."""
    if isinstance(given, dict) and isinstance(written, dict):
        return [
            place
            for key, value in given.items()
            for place in missing(value, written.get(key), f"{path}.{key}")
        ]
    if isinstance(given, list) and isinstance(written, list) and len(given) == len(written):
        return [
            place
            for number, (one, other) in enumerate(zip(given, written, strict=True))
            for place in missing(one, other, f"{path}[{number}]")
        ]
    return [] if given == written else [path]


@pytest.mark.parametrize("name", objects())
def test_our_models_take_it_whole(name: str) -> None:
    item = objects()[name]
    assert missing(item, to_json(KINDS[item["kind"]].model_validate(item))) == []


@pytest.mark.parametrize("name", objects())
def test_the_schema_takes_it_whole(name: str) -> None:
    """Also inside Kubernetes' own types, which our models hold as they are."""
    item = objects()[name]
    schema = root(item["kind"])
    assert errors(schema, item) == []
    assert pruned(schema["properties"]["spec"], item["spec"]) == item["spec"]


def test_an_unknown_field_would_be_seen() -> None:
    item = objects()["sglang-llama-1gpu"]
    wrong: Json = {**item, "spec": {**item["spec"], "modelSizes": {"min": "1B"}}}
    assert missing(wrong, to_json(ClusterServingRuntime.model_validate(wrong))) == [
        ".spec.modelSizes"
    ]
    inner = {**item["spec"]["engineConfig"], "hostNetwrok": True}
    schema = root("ClusterServingRuntime")["properties"]["spec"]
    assert pruned(schema, {"engineConfig": inner})["engineConfig"] != inner


def test_names_are_labels_and_differ() -> None:
    """A runtime's and a model's name become label values and volumes of pods."""
    assert len(objects()) == len(of_kind("ClusterBaseModel")) + len(candidates())
    label = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
    assert [name for name in objects() if not label.fullmatch(name)] == []


def service(model: str) -> Json:
    return {
        "kind": "InferenceService",
        "metadata": {"name": "chat", "namespace": "demo"},
        "spec": {"model": {"name": model}, "engine": {"minReplicas": 1, "maxReplicas": 1}},
    }


def test_every_runtime_makes_pods() -> None:
    """On one node the engine is a Deployment that finds its model, its GPUs and its name."""
    spec = dict(objects()["llama-3-1-8b-instruct"]["spec"])
    spec["storage"] = {**spec["storage"], "path": "/mnt/models/llama"}
    model = {**objects()["llama-3-1-8b-instruct"], "spec": spec}
    for name, runtime in of_kind("ClusterServingRuntime").items():
        engine = runtime["spec"]["engineConfig"]
        documents = [service("llama-3-1-8b-instruct"), model, runtime]
        if "leader" in engine:
            kinds = [item["kind"] for item in planned(plan(inputs(documents)))]
            assert engine["worker"]["size"] > 0
            assert "LeaderWorkerSet" in kinds, name
            continue
        made = planned(plan(inputs(documents)))
        (deployment,) = [item for item in made if item["kind"] == "Deployment"]
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        env = {variable["name"]: variable for variable in container["env"]}
        assert env["MODEL_PATH"]["value"] == "/mnt/models/llama", name
        gpus = container["resources"]["limits"]["nvidia.com/gpu"]
        assert env["PARALLELISM_SIZE"]["value"] == str(gpus), name
        named = env["SERVED_MODEL_NAME"]["valueFrom"]["fieldRef"]["fieldPath"]
        label = re.fullmatch(r"metadata\.labels\['(.+)'\]", named)
        assert label is not None
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        assert labels[label[1]] == "llama-3-1-8b-instruct"


def test_every_reference_of_a_command_has_a_variable() -> None:
    """``$(X)`` of an unknown variable would reach the engine as it stands."""
    given = {"MODEL_PATH", "PARALLELISM_SIZE"}
    groups = {"LWS_LEADER_ADDRESS", "LWS_GROUP_SIZE", "LWS_WORKER_INDEX"}
    for name, runtime in of_kind("ClusterServingRuntime").items():
        for component in ("engineConfig", "decoderConfig", "routerConfig"):
            held = runtime["spec"].get(component, {})
            for pod in (held, held.get("leader", {}), held.get("worker", {})):
                runner = pod.get("runner", {})
                used = set(re.findall(r"\$\(?([A-Z_]+)", " ".join(runner.get("command", ()))))
                known_ = {variable["name"] for variable in runner.get("env", ())} | given
                allowed = known_ if pod is held else known_ | groups
                assert used <= allowed, (name, component)


def test_a_model_says_what_is_certain() -> None:
    for model in known().models:
        spec = request(model.name, objects()[model.name]["spec"]).model
        assert spec.model_format is not None, model.name
        assert (spec.model_format.name, spec.model_format.version) == ("safetensors", "1.0.0")
        assert spec.model_capabilities, model.name
        assert spec.vendor == model.vendor
        assert spec.storage.storage_uri == f"hf://{model.huggingface}"
        assert spec.storage.path is None
