"""What an agent reads from a model."""

from __future__ import annotations

from typing import Any

import pytest

from ome.agent.models import Model
from ome.api import names
from ome.api.filled import FOUND_PATH, mark_of
from ome.api.truncate import truncate_with_hash
from ome.kube.resource import ObjectKey

OLD, NEW = "ome.oracle.com/skip-config-parsing", "ome.io/skip-config-parsing"


def model(
    annotations: dict[str, str] | None = None,
    labels: dict[str, str] | None = None,
    namespace: str = "",
    **spec: Any,
) -> Model:
    metadata = {"uid": "u", "annotations": annotations or {}, "labels": labels or {}}
    kind = "BaseModel" if namespace else "ClusterBaseModel"
    return Model.of(kind, ObjectKey(namespace, "m"), {"metadata": metadata, "spec": spec})


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        ({}, False),
        ({NEW: "true"}, True),
        ({NEW: "True"}, True),
        ({OLD: "TRUE"}, True),
        ({OLD: "false", NEW: "true"}, True),
        ({NEW: "yes"}, False),
        ({NEW: "1"}, False),
        ({NEW: "false"}, False),
        ({OLD: ""}, False),
    ],
)
def test_who_wants_nothing_parsed(annotations: dict[str, str], expected: bool) -> None:
    assert model(annotations).skip_parsing is expected


@pytest.mark.parametrize(
    ("value", "expected"), [("true", True), ("TRUE", True), ("yes", False), ("", False)]
)
def test_whose_files_stay(value: str, expected: bool) -> None:
    assert model(labels={"models.ome/reserve-model-artifact": value}).reserved is expected


@pytest.mark.parametrize(
    ("uri", "path", "expected"),
    [
        ("hf://org/m", "/raid/m", "/raid/m"),
        ("hf://org/m", "", "/mnt/models/hf:/org/m"),
        ("hf://org/m", None, "/mnt/models/hf:/org/m"),
        ("oci://n/ns/b/bk/o/x/", None, "/mnt/models/oci:/n/ns/b/bk/o/x"),
    ],
)
def test_where_its_files_go(uri: str, path: str | None, expected: str) -> None:
    storage = {"storageUri": uri} if path is None else {"storageUri": uri, "path": path}
    for root in ("/mnt/models", "/mnt/models/"):
        assert model(storage=storage).path_below(root) == expected


@pytest.mark.parametrize(
    ("uri", "policy", "reuses", "own"),
    [
        ("hf://org/m", "ReuseIfExists", True, True),
        ("hf://org/m", "AlwaysDownload", False, True),
        ("hf://org/m", None, False, True),
        ("s3://b/m", "ReuseIfExists", False, True),
        ("local:///m", None, False, False),
        ("vendor://v/t/p", None, False, False),
        ("pvc://c/m", None, False, False),
        ("", None, False, False),
    ],
)
def test_whose_the_files_are(uri: str, policy: str | None, reuses: bool, own: bool) -> None:
    made = model(storage={"storageUri": uri, "downloadPolicy": policy})
    assert (made.reuses, made.own_files) == (reuses, own)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, False),
        ({"modelFormat": {"name": "tensorrtllm"}}, True),
        ({"modelFormat": {"name": "TensorRTLLM"}}, True),
        ({"modelFormat": {"name": "safetensors"}}, False),
        (
            {"modelFormat": {"name": "tensorrtllm"}, "additionalMetadata": {"type": "Serving"}},
            True,
        ),
        (
            {"modelFormat": {"name": "tensorrtllm"}, "additionalMetadata": {"type": "Training"}},
            False,
        ),
    ],
)
def test_engines_for_one_shape(spec: dict[str, Any], expected: bool) -> None:
    assert model(**spec).for_shape is expected


def test_what_it_is_called_in_reports() -> None:
    assert model().report_key == "clusterbasemodel.m"
    assert model(namespace="ns").report_key == "ns.basemodel.m"
    assert model().label == "models.ome.io/clusterbasemodel.m"
    assert (model().kind, model(namespace="ns").kind) == ("ClusterBaseModel", "BaseModel")


def weight(name: str = "w", **storage: Any) -> Model:
    metadata = {"uid": "u"}
    document = {"metadata": metadata, "spec": {"storage": {"storageUri": "hf://o/w", **storage}}}
    return Model.of("FineTunedWeight", ObjectKey("", name), document)


def test_a_weight_is_for_nodes_when_it_says_where() -> None:
    assert not weight().for_nodes
    assert not weight(path="").own_files
    assert weight(path="/raid/w").own_files
    assert weight(path="/raid/w").skip_parsing
    oci = weight(storageUri="oci://n/a/b/c/o/d", path="/raid/w")
    assert not oci.for_nodes, "pods fetch and unpack it"


def test_key_and_label_of_a_weight() -> None:
    long = "w" * 250
    assert (weight().report_key, weight().label) == (
        "finetunedweight.w",
        "models.ome.io/finetunedweight.w",
    )
    assert weight(long).report_key == f"finetunedweight.{truncate_with_hash(long, 237)}"
    assert weight(long).label == f"models.ome.io/finetunedweight.{truncate_with_hash(long, 33)}"
    assert not weight("m").is_of(model())


def test_a_path_that_was_found_is_no_place_to_fetch_to() -> None:
    mark = mark_of("/models/mine")
    storage = {"storageUri": "hf://a/b", "path": "/models/mine"}
    filled = {names.ANNOTATION_AUTO_FILLED_FIELDS: f"storage.path={mark},{FOUND_PATH}={mark}"}
    assert model(storage=storage).path_below("/models") == "/models/mine"
    assert model(filled, storage=storage).path_below("/models") == "/models/hf:/a/b"
