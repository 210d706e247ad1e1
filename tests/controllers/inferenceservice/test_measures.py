"""What is measured of services: a change counts, a pass does not."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from ome.api import InferenceService, names
from ome.controllers.inferenceservice.measures import Measures
from ome.controllers.inferenceservice.passes import Pass
from ome.controllers.inferenceservice.steps import StepFailed
from ome.kube.resource import ObjectKey
from ome.kube.resources import DEPLOYMENTS
from tests.controllers.inferenceservice.world import (
    ENGINE,
    SERVICE,
    model,
    new_cluster,
    operator,
    runtime,
    service,
)
from tests.support.virtual_time import VirtualClock, run_virtual

READY = "ome_inferenceservice_time_to_ready_seconds"


def a_pass(generation: int = 1, runtime: str = "") -> Pass:
    document = service()
    document["metadata"] |= {"generation": generation}
    if runtime:
        document["spec"]["runtime"] = {"name": runtime}

    class Stored:
        class metadata:
            key = SERVICE

    return Pass(Stored(), InferenceService.model_validate(document))  # type: ignore[arg-type]


def count(registry: CollectorRegistry, name: str, **labels: str) -> float:
    return registry.get_sample_value(name, labels) or 0.0


@pytest.mark.parametrize(
    ("reason", "named", "result"),
    [
        (names.REASON_RUNTIME_SELECTION, "", "none"),
        (names.REASON_RUNTIME_VALIDATION, "mine", "invalid"),
    ],
)
def test_a_choice_that_stays_the_same_counts_once(reason: str, named: str, result: str) -> None:
    registry = CollectorRegistry()
    measures = Measures(registry)
    failed = StepFailed("EngineReady", reason, "no")
    for _ in range(3):
        measures.chose(a_pass(runtime=named), None, failed)
    assert count(registry, "ome_runtime_selections_total", result=result) == 1
    measures.forget(SERVICE)
    measures.chose(a_pass(runtime=named), None, failed)
    assert count(registry, "ome_runtime_selections_total", result=result) == 2


def test_a_failure_of_another_step_is_no_choice() -> None:
    registry = CollectorRegistry()
    Measures(registry).chose(a_pass(), None, StepFailed("EngineReady", "ModelReconcileError", "x"))
    assert [sample for family in registry.collect() for sample in family.samples] == []


def test_times_to_ready() -> None:
    registry = CollectorRegistry()
    measures = Measures(registry)

    def told(generation: int, observed: int, now: float, *, ready: bool) -> float:
        measures.told(a_pass(generation), observed, 1000.0, ready, now)
        return count(registry, f"{READY}_sum", mode="RawDeployment")

    assert told(1, 0, 1002, ready=False) == 0
    assert told(1, 1, 1030, ready=True) == 30  # from its creation
    assert told(1, 1, 1040, ready=False) == 30  # a pod was lost
    assert told(1, 1, 1050, ready=True) == 30
    assert told(2, 1, 2000, ready=True) == 30  # its pods do not know of the change yet
    assert told(2, 2, 2001, ready=False) == 30
    assert told(2, 2, 2060, ready=True) == 90  # from the change
    assert count(registry, f"{READY}_count", mode="RawDeployment") == 2


def test_a_service_that_is_made_is_measured() -> None:
    registry = CollectorRegistry()

    async def body() -> None:
        clock, cluster = VirtualClock(), new_cluster()
        for document in (model(), runtime(), service()):
            cluster.put(document)
        async with operator(cluster, registry=registry):
            await clock.sleep(5)
            deployment: Any = cluster.object(DEPLOYMENTS, ObjectKey("demo", ENGINE.name))
            assert deployment is not None

    run_virtual(body)
    assert count(registry, "ome_runtime_selections_total", result="selected") == 1
