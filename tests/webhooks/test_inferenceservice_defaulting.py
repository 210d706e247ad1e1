"""What is written into a service, and that writing it twice is writing it once."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest

from ome.errors import AdmissionDenied
from ome.webhooks.inferenceservice import default
from ome.webhooks.inferenceservice.defaulting import DEPRECATION
from ome.webhooks.registry import BadSetting
from ome.workloads import ConfigError
from tests.webhooks.objects import EMPTY, cluster, document, model, review

MODE = "ome.io/deploymentMode"
FINALIZER = "inferenceservice.finalizers"
WORKERS = {"leader": {}, "worker": {"size": 2}}


def service(spec: Any = None, annotations: dict[str, str] | None = None) -> dict[str, Any]:
    return document("InferenceService", "chat", spec, annotations)


def settings(deploy: str) -> dict[str, Any]:
    return {
        "kind": "ConfigMap",
        "metadata": {"name": "inferenceservice-config"},
        "data": {"deploy": deploy},
    }


RAW = settings('{"defaultDeploymentMode": "RawDeployment"}')
SERVERLESS = settings('{"defaultDeploymentMode": "Serverless"}')
MODES: list[tuple[dict[str, Any], dict[str, Any] | None, str | None]] = [
    ({"engine": {}, "decoder": {}}, RAW, "PDDisaggregated"),
    ({"engine": WORKERS, "decoder": {}}, RAW, "PDDisaggregated"),
    ({"engine": WORKERS}, SERVERLESS, "MultiNode"),
    ({"engine": {"leader": {}, "worker": {}}}, RAW, "RawDeployment"),
    ({"engine": {"leader": {}, "worker": {"size": 0}}}, RAW, "RawDeployment"),
    ({"engine": {"worker": {"size": 2}}}, RAW, "RawDeployment"),
    ({"decoder": {}}, RAW, "RawDeployment"),
    ({}, RAW, "RawDeployment"),
    ({"engine": {}}, SERVERLESS, None),
    ({"engine": {}}, None, "RawDeployment"),
]


@pytest.mark.parametrize(("spec", "config", "mode"), MODES)
def test_the_mode(spec: dict[str, Any], config: dict[str, Any] | None, mode: str | None) -> None:
    lookup = cluster(*([config] if config else []))
    written = default(review(service(spec)), lookup)
    assert written["metadata"].get("annotations", {}).get(MODE) == mode


@pytest.mark.parametrize("value", ["Serverless", "Odd", ""])
def test_a_mode_that_is_there_stays(value: str) -> None:
    given = service({"engine": {}, "decoder": {}}, {MODE: value})
    assert default(review(given), EMPTY)["metadata"]["annotations"] == {MODE: value}


@pytest.mark.parametrize(
    ("text", "error", "reason"),
    [
        ("{", BadSetting, "unable to unmarshal deploy json string: Expecting"),
        ("[]", BadSetting, "it is no JSON object"),
        ("[" * 5000, BadSetting, "it is nested too deeply"),
        ("{}", ConfigError, "invalid deploy config, defaultDeploymentMode is required"),
        (
            '{"defaultDeploymentMode": "Fast"}',
            ConfigError,
            "invalid deployment mode 'Fast'. Supported modes are Serverless and RawDeployment",
        ),
    ],
)
def test_settings_that_cannot_be_used(text: str, error: type[Exception], reason: str) -> None:
    with pytest.raises(error) as caught:
        default(review(service()), cluster(settings(text)))
    assert reason in str(caught.value)
    # A service that says its mode does not need them.
    assert default(review(service(None, {MODE: "a"})), cluster(settings(text)))


REPLICAS: list[tuple[str, dict[str, Any], tuple[int, int]]] = [
    ("engine", {}, (1, 3)),
    ("decoder", {}, (1, 3)),
    ("router", {}, (1, 2)),
    ("engine", {"minReplicas": 0}, (0, 3)),
    ("engine", {"minReplicas": 8}, (8, 8)),
    ("router", {"minReplicas": 2, "maxReplicas": 0}, (2, 2)),
    ("engine", {"maxReplicas": 2}, (1, 2)),
    ("engine", {"minReplicas": 5, "maxReplicas": 4}, (5, 4)),
    ("engine", {"minReplicas": None, "maxReplicas": None}, (1, 3)),
]


@pytest.mark.parametrize(("name", "component", "bounds"), REPLICAS)
def test_replica_bounds(name: str, component: dict[str, Any], bounds: tuple[int, int]) -> None:
    spec = {"engine": {}, name: component}
    written = default(review(service(spec)), EMPTY)["spec"][name]
    assert (written["minReplicas"], written["maxReplicas"]) == bounds


def test_nothing_else_is_written() -> None:
    spec = {"model": {"name": "a"}, "runtime": {"name": "b"}, "predictor": {}, "unknown": 1}
    written = default(review(service(spec)), EMPTY)
    expected = service(spec, {MODE: "RawDeployment"})
    expected["metadata"]["finalizers"] = [FINALIZER]
    assert written == expected
    workers = default(review(service({"engine": WORKERS})), EMPTY)["spec"]["engine"]
    assert workers == {**WORKERS, "minReplicas": 1, "maxReplicas": 3}


@pytest.mark.parametrize("held", [[], ["theirs"], [FINALIZER], [FINALIZER, "theirs"]])
def test_a_new_service_gets_the_finalizer_once(held: list[str]) -> None:
    given = service({})
    given["metadata"]["finalizers"] = list(held)
    written = default(review(given), EMPTY)["metadata"]["finalizers"]
    assert written == (held if FINALIZER in held else [*held, FINALIZER])
    assert given["metadata"]["finalizers"] == held


def test_an_update_brings_no_finalizer() -> None:
    written = default(replace(review(service({})), operation="UPDATE", old=service({})), EMPTY)
    assert "finalizers" not in written["metadata"]


def test_the_object_under_review_is_not_changed() -> None:
    given = service({"engine": {}, "predictor": {"minReplicas": 1}})
    before = copy.deepcopy(given)
    written = default(review(given), EMPTY)
    assert given == before
    assert written["metadata"]["annotations"]["ome.io/deprecation-warning"] == DEPRECATION


def test_an_own_deprecation_warning_stays() -> None:
    notes = {"ome.io/deprecation-warning": "seen"}
    written = default(review(service({"predictor": {"minReplicas": 1}}, notes)), EMPTY)
    assert written["metadata"]["annotations"]["ome.io/deprecation-warning"] == "seen"


def test_an_object_on_its_way_out_is_not_changed() -> None:
    given = service({"engine": {}})
    given["metadata"]["deletionTimestamp"] = "2026-05-06T10:11:12Z"
    assert default(review(given), EMPTY) == given
    gone = replace(review(given), operation="DELETE", object=None)
    assert default(gone, EMPTY) == {}


def test_a_finalizer_is_not_held_up_by_what_changed_meanwhile() -> None:
    """Stored while the webhook was off, its model gone since: as it is, but for the finalizer."""
    before = service({"predictor": {"model": {"baseModel": "gone"}}})
    after = copy.deepcopy(before)
    after["metadata"]["finalizers"] = ["inferenceservice.finalizers"]
    assert default(review(after, before), cluster()) == after
    assert default(review(after, before), cluster(settings("{"))) == after
    after["spec"]["engine"] = None
    with pytest.raises(AdmissionDenied):
        default(review(after, before), cluster())


@pytest.mark.parametrize(
    "spec",
    [
        {"engine": "a"},
        {"engine": {"minReplicas": "1"}},
        {"predictor": {"containers": [1]}},
        {"predictor": {"model": []}},
        [],
    ],
)
def test_what_has_a_wrong_type_is_left_to_the_schema(spec: Any) -> None:
    given = {**service(), "spec": spec}
    assert default(review(given), EMPTY) == given


@pytest.mark.parametrize("metadata", [{}, {"annotations": None}, None])
def test_metadata_may_be_bare(metadata: Any) -> None:
    given = {"kind": "InferenceService", "metadata": metadata, "spec": None}
    written = default(review(given), EMPTY)
    assert written["metadata"] == {
        "annotations": {MODE: "RawDeployment"},
        "finalizers": [FINALIZER],
    }
    assert written["spec"] == {}


def test_replicas_of_a_migrated_engine() -> None:
    given = service({"predictor": {"minReplicas": 4, "model": {"baseModel": "llama"}}})
    written = default(review(given), cluster(model()))
    assert written["spec"]["engine"] == {"minReplicas": 4, "maxReplicas": 4}
    assert written["metadata"]["annotations"][MODE] == "RawDeployment"


def test_migration_can_be_switched_off() -> None:
    given = service({"predictor": {"model": {"baseModel": "llama"}}})
    written = default(review(given), cluster(migrates=False))
    assert written["spec"] == given["spec"]
    assert "ome.io/deprecation-warning" in written["metadata"]["annotations"]
