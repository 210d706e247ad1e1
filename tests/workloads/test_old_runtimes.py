"""A runtime in the old form: one pod, written at the top of its spec."""

from __future__ import annotations

from typing import Any

import pytest

from ome.workloads import RenderError, plan
from tests.workloads.support import by_name, documents, inputs

Json = dict[str, Any]
MAIN: Json = {
    "name": "ome-container",
    "image": "example.test/serve:1",
    "args": ["--fast"],
    "ports": [{"containerPort": 9000}],
    "resources": {"limits": {"nvidia.com/gpu": "2"}},
}
SIDE: Json = {"name": "side", "image": "example.test/side:1"}
OLD: Json = {
    "containers": [SIDE, MAIN],
    "volumes": [{"name": "cache", "emptyDir": {}}],
    "tolerations": [{"key": "gpu", "operator": "Exists"}],
    "imagePullSecrets": [{"name": "registry"}],
    "nodeSelector": {"pool": "gpu"},
    "labels": {"team": "ml"},
    "annotations": {"note": "old"},
    "hostIPC": True,
}


def rendered(engine: Json | None, runtime: Json) -> dict[str, Json]:
    spec = {} if engine is None else {"engine": engine}
    return by_name(plan(inputs(documents(spec, runtime=runtime))))


def template(engine: Json | None, runtime: Json = OLD) -> Json:
    made: Json = rendered(engine, runtime)["Deployment/chat-engine"]["spec"]["template"]
    return made


@pytest.mark.parametrize("engine", [None, {}, {"minReplicas": 2}])
def test_its_pod_is_the_engine_of_a_service_that_brings_none(engine: Json | None) -> None:
    made = template(engine)
    assert (made["metadata"]["labels"]["team"], made["metadata"]["annotations"]["note"]) == (
        "ml",
        "old",
    )
    pod = made["spec"]
    assert pod["volumes"][0]["name"] == "cache"
    assert pod["tolerations"] == OLD["tolerations"]
    assert pod["imagePullSecrets"] == OLD["imagePullSecrets"]
    assert pod["nodeSelector"]["pool"] == "gpu"
    assert pod["hostIPC"] is True
    side, main = pod["containers"]
    assert (side["name"], main["name"]) == ("side", "ome-container")
    # The main one is a runner: it gets the model.
    assert main["args"] == ["--fast"]
    assert {item["name"] for item in main["env"]} == {"MODEL_PATH", "PARALLELISM_SIZE"}
    assert main["volumeMounts"] != []
    assert main["resources"]["limits"] == {"nvidia.com/gpu": "2"}
    (port,) = rendered(engine, OLD)["Service/chat-engine"]["spec"]["ports"]
    assert port["port"] == 9000


def test_without_a_container_of_the_usual_name_the_first_one_serves() -> None:
    pod = template({}, {"containers": [{**MAIN, "name": "vllm"}, SIDE]})["spec"]
    assert [item["name"] for item in pod["containers"]] == ["side", "vllm"]
    assert "MODEL_PATH" in {item["name"] for item in pod["containers"][1]["env"]}


def test_a_service_that_brings_its_container_is_as_it_was() -> None:
    own = {"runner": {"name": "ome-container", "image": "example.test/own:1", "args": ["--own"]}}
    pod = template(own)["spec"]
    (container,) = pod["containers"]
    assert (container["image"], container["args"]) == ("example.test/own:1", ["--own"])
    assert "tolerations" not in pod
    # The old containers go on to lend it their resources.
    assert container["resources"]["limits"] == {"nvidia.com/gpu": "2"}


def test_what_the_service_says_otherwise_wins() -> None:
    pod = template({"tolerations": [{"key": "spot"}], "labels": {"team": "x"}})
    assert pod["spec"]["tolerations"] == [{"key": "spot"}]
    assert pod["metadata"]["labels"]["team"] == "x"


def test_a_runtime_with_an_engine_or_with_no_container_is_not_in_the_old_form() -> None:
    new = {**OLD, "engineConfig": {"runner": {"name": "ome-container", "image": "new"}}}
    pod = template(None, new)["spec"]
    assert [item["image"] for item in pod["containers"]] == ["new"]
    assert "tolerations" not in pod
    bare = {name: value for name, value in OLD.items() if name != "containers"}
    with pytest.raises(RenderError, match="engine component is required"):
        rendered(None, bare)
