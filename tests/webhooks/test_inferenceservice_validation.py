"""When a service is judged, and what is accepted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ome.errors import ServiceUnavailable
from ome.webhooks.inferenceservice import validate
from ome.webhooks.registry import Undecodable
from tests.webhooks.objects import (
    CLASS,
    FULL,
    IMAGE,
    LLAMA,
    OPERATOR_NOTE,
    THRESHOLD_NOTE,
    UTILIZATION,
    Cluster,
    keda,
    note,
    review,
    service,
    told,
)

ACCEPTED: list[dict[str, Any]] = [
    service(),
    service(FULL),
    service({"model": {"name": "llama"}}),
    service({"engine": {}, "runtime": {"name": "not-there-yet"}}),
    service({"engine": {}, "runtime": {"name": ""}}),
    service({"engine": IMAGE}),
    service({"engine": {"leader": IMAGE, "worker": IMAGE}}),
    service({"decoder": {}, **FULL}),
    service(name="a"),
    service(name="chat-2-b"),
    service(name="", generateName="chat-"),
    service(annotations={CLASS: "external", "ome.io/metrics": "rps"}),
    service(annotations={"ome.io/metrics": "rps", OPERATOR_NOTE: "no", THRESHOLD_NOTE: "no"}),
    service({"kedaConfig": {"scalingOperator": "no", "authenticationRef": {}}}),
    *(service(annotations={UTILIZATION: value}) for value in ("1", "100", "+50", "080")),
    *(keda(scalingThreshold=value) for value in ("-5", "0.5", "1e10", "10", ".5", "5.")),
    keda(promServerAddress="https://[::1]:9090/a", scalingOperator="LessThan"),
    keda(authModes=" tls ,", authenticationRef={"name": "a"}),
    service({"model": {"name": ""}}),
]


@pytest.mark.parametrize("given", ACCEPTED)
def test_what_is_accepted(given: dict[str, Any]) -> None:
    verdict = validate(review(given), LLAMA)
    assert verdict.problems == (), told(verdict)


def test_engine_and_worker_images_make_a_runner_only_together() -> None:
    given = service({"engine": {"leader": IMAGE, "worker": {}, "containers": [{"name": "a"}]}})
    (problem,) = validate(review(given), LLAMA).problems
    assert problem.field == "spec.model"


def test_an_object_on_its_way_out_is_not_judged() -> None:
    given = service({"decoder": {}}, name="1", deletionTimestamp="2026-05-06T10:11:12Z")
    assert validate(review(given), LLAMA).problems == ()
    gone = replace(review(service(name="1")), operation="DELETE", object=None)
    assert validate(gone, LLAMA).problems == ()


def test_an_update_that_changes_nothing_we_read_is_not_judged() -> None:
    """The operator's finalizer goes on and off although the model is gone."""
    before = service({"model": {"name": "gone"}}, {CLASS: "vpa", "other": "a"})
    after = service(
        {"model": {"name": "gone"}},
        {CLASS: "vpa", "other": "b"},
        finalizers=["inferenceservice.finalizers"],
    )
    assert validate(review(after, before), LLAMA).problems == ()
    fields = [problem.field for problem in validate(review(before), LLAMA).problems]
    assert fields == [note(CLASS), "spec.model.name"]
    annotated = service({"model": {"name": "gone"}}, {CLASS: "hpa"})
    assert validate(review(annotated, before), LLAMA).problems != ()


def test_values_of_a_wrong_type_are_named() -> None:
    given = service({"engine": {"minReplicas": "1", "scaleMetric": "tps"}})
    with pytest.raises(Undecodable) as caught:
        validate(review(given), LLAMA)
    assert "InferenceService chat: spec.engine.minReplicas: " in str(caught.value)
    assert "; spec.engine.scaleMetric: " in str(caught.value)
    assert "kubectl explain inferenceservice" in str(caught.value)


class Away(Cluster):
    """A cluster whose API server does not answer."""

    def base_model(self, namespace: str, name: str) -> Any:
        raise ServiceUnavailable("the server is away")


def test_a_failed_look_up_is_not_a_missing_model() -> None:
    with pytest.raises(ServiceUnavailable, match="the server is away"):
        validate(review(service(FULL)), Away())
