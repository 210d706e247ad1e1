"""Weights that the node has: seen where fetched ones would be, by everybody who would see those."""

from __future__ import annotations

from typing import Any

import pytest

from ome.workloads import RenderError
from tests.workloads.test_weights import (
    ADAPTER,
    BASE,
    COHERE,
    MOUNT,
    READY,
    RUNNER,
    TWO,
    VLLM,
    Json,
    container,
    rendered,
    template,
    weight,
)

ON_NODE = "ome.io/fine-tuned-weights-on-node"
COPY: Json = {"name": "fine-tuned-weight", "mountPath": "/opt/ml/model", "readOnly": True}
TFEW: Json = {"hyperParameters": {"strategy": "tfew"}}
MERGED: Json = {"configuration": {"merged_weights": True}}
PREPARED: Json = {"annotations": {"ome.io/inject-model-init": "true"}}


def copy(name: str = "law", **spec: Any) -> Json:
    storage = {"storageUri": f"hf://acme/{name}", "path": f"/raid/w/{name}"}
    return weight(name, storage=storage, **spec)


def volumes(made: Json) -> list[str]:
    return [item["name"] for item in made["spec"]["volumes"]]


def label(name: str) -> dict[str, str]:
    return {f"models.ome.io/finetunedweight.{name}": "Ready"}


def test_an_adapter_is_mounted_from_a_node_that_has_it() -> None:
    made = template(copy())
    spec, annotations = made["spec"], made["metadata"]["annotations"]
    assert spec["containers"][0]["volumeMounts"] == [BASE, COPY]
    assert spec["volumes"][-1] == {
        "name": "fine-tuned-weight",
        "hostPath": {"path": "/raid/w/law"},
    }
    assert volumes(made) == ["m", "fine-tuned-weight"]
    assert spec["nodeSelector"] == {READY: "Ready", **label("law")}
    assert (annotations[ON_NODE], annotations.get(ADAPTER)) == ("law", None)
    assert made["metadata"]["labels"]["fine-tuned-serving"] == "true"


def test_an_object_of_oci_is_fetched_by_the_pod_with_a_path_or_without() -> None:
    """The path had no effect before there were weights on nodes: such pods must not change."""
    uri = "oci://n/space/b/weights/o/law"
    bare, pathed = (
        template(weight("law", storage={"storageUri": uri, **path}))
        for path in ({}, {"path": "/raid/w/law"})
    )
    assert pathed == bare


def test_merged_weights_ask_for_no_node_with_the_base_model() -> None:
    made = template(copy(**MERGED))
    assert made["spec"]["containers"][0]["volumeMounts"] == [COPY]
    assert made["spec"]["nodeSelector"] == label("law")
    assert volumes(made) == ["fine-tuned-weight"]


def test_a_router_has_none() -> None:
    made = rendered([copy()])["Deployment/chat-router"]["spec"]["template"]
    assert "volumes" not in made["spec"]
    assert "nodeSelector" not in made["spec"]


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        ({"mountPath": "/mine"}, {"mountPath": "/mine"}),
        ({"mountPath": "/mine", "subPath": "a"}, {"mountPath": "/mine", "subPath": "a"}),
    ],
)
def test_every_mount_of_the_volume_shows_the_copy(given: Json, seen: Json) -> None:
    own = {"name": "model-empty-dir", **given}
    beside = {"name": "beside", "image": "b", "volumeMounts": [own]}
    engine = {"runner": {**RUNNER, "volumeMounts": [own]}, "containers": [beside]}
    spec = template(copy(), engine=engine)["spec"]
    want = {**seen, "name": "fine-tuned-weight", "readOnly": True}
    mounts = {item["name"]: item["volumeMounts"] for item in spec["containers"]}
    assert mounts == {"beside": [want], "ome-container": [want, BASE]}


def test_an_expression_cannot_be_followed_and_keeps_its_volume() -> None:
    own = {"name": "model-empty-dir", "mountPath": "/mine", "subPathExpr": "$(POD)"}
    made = template(copy(), engine={"runner": {**RUNNER, "volumeMounts": [own]}})
    assert made["spec"]["containers"][0]["volumeMounts"] == [own, BASE]
    assert volumes(made) == ["m", "fine-tuned-weight", "model-empty-dir"]


@pytest.mark.parametrize("sub_path", ["", "tensorrt_llm"])
def test_tensorrt_looks_one_directory_down(sub_path: str) -> None:
    own = {**MOUNT, **({"subPath": sub_path} if sub_path else {})}
    runner = {**RUNNER, "volumeMounts": [own]}
    model = {"modelFormat": {"name": "TensorRT-LLM"}}
    made = container(copy(), engine={"runner": runner}, model=model)
    path = "/opt/ml/model" if sub_path else "/opt/ml/model/tensorrt_llm"
    assert made["volumeMounts"][0] == {**COPY, "mountPath": path}


@pytest.mark.parametrize("more", [{}, PREPARED])
def test_a_tfew_adapter_is_one_half_of_what_its_engine_sees(more: Json) -> None:
    made = template(copy(**TFEW), **COHERE, **more)
    mounts = [item for item in made["spec"]["containers"][0]["volumeMounts"] if item != BASE]
    assert mounts == [
        {"name": "model-empty-dir", "mountPath": "/opt/ml/model/ft", "subPath": "base"},
        {**COPY, "mountPath": "/opt/ml/tfew/ft"},
    ]
    assert sorted(volumes(made)) == ["fine-tuned-weight", "m", "model-empty-dir"]


def test_a_prepared_model_and_a_copy_want_the_same_path() -> None:
    with pytest.raises(RenderError, match=r"take spec.storage.path out of the weight"):
        template(copy(), **PREPARED)
    assert template(copy(**MERGED), **PREPARED)["spec"]["nodeSelector"] == label("law")
    assert template(copy(), copy("tax"), engine={"runner": VLLM}, wanted=TWO, **PREPARED)


@pytest.mark.parametrize("sidecar", [False, True])
def test_several_lie_side_by_side(sidecar: bool) -> None:
    notes = {"annotations": {"ome.io/inject-serving-sidecar": "true"}} if sidecar else {}
    made = template(copy(), copy("tax"), engine={"runner": VLLM}, wanted=TWO, **notes)
    spec = made["spec"]
    assert spec["containers"][0]["volumeMounts"] == [
        BASE,
        {**COPY, "mountPath": "/opt/ml/adapters/law"},
        {**COPY, "mountPath": "/opt/ml/adapters/tax", "name": "fine-tuned-weight-2"},
    ]
    assert spec["nodeSelector"] == {READY: "Ready", **label("law"), **label("tax")}
    assert ("model-empty-dir" in volumes(made)) is sidecar
    assert "law=/opt/ml/adapters/law" in spec["containers"][0]["args"]


def test_fetched_ones_lie_beside_copies() -> None:
    made = template(weight(), copy("tax"), engine={"runner": VLLM}, wanted=TWO)
    fetched = {"name": "model-empty-dir", "subPath": "finetuned/law", "readOnly": True}
    assert made["spec"]["containers"][0]["volumeMounts"] == [
        BASE,
        {**fetched, "mountPath": "/opt/ml/adapters/law"},
        {**COPY, "mountPath": "/opt/ml/adapters/tax", "name": "fine-tuned-weight-2"},
    ]
    annotations = made["metadata"]["annotations"]
    assert (annotations[ADAPTER], annotations[ON_NODE]) == ("law", "tax")
    assert made["spec"]["nodeSelector"] == {READY: "Ready", **label("tax")}


def test_the_users_own_word_on_nodes_stands() -> None:
    engine = {"nodeSelector": {"models.ome.io/finetunedweight.law": "Updating"}}
    selector = template(copy(), engine=engine)["spec"]["nodeSelector"]
    assert selector["models.ome.io/finetunedweight.law"] == "Updating"
