"""Any single call while a service changes how it is exposed fails: the world ends the same."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from ome.controllers.resources import HTTP_ROUTES, INFERENCE_SERVICES, SCALED_OBJECTS
from ome.kube.resources import DEPLOYMENTS, HPAS, INGRESSES, SERVICES
from tests.controllers.inferenceservice.exposed import (
    ACCEPTED,
    GATEWAY,
    PLAIN,
    answer,
    names,
    settle,
)
from tests.controllers.inferenceservice.test_every_call import Flaky, plain
from tests.controllers.inferenceservice.world import (
    annotate,
    available,
    model,
    new_cluster,
    operator,
    runtime,
    service,
)
from tests.support.virtual_time import run_virtual

KINDS = (INFERENCE_SERVICES, DEPLOYMENTS, SERVICES, HPAS, SCALED_OBJECTS, INGRESSES, HTTP_ROUTES)
CALLS = 40
"""More than a life has."""


async def life(number: int = -1, *, lost: bool = False) -> tuple[list[Any], int]:
    """An Ingress and an HPA, then routes and KEDA; the objects at the end and the calls."""
    cluster = new_cluster(HTTP_ROUTES, SCALED_OBJECTS, kind=Flaky)
    assert isinstance(cluster, Flaky)
    cluster.number, cluster.lost = number, lost
    for item in (model(), runtime(), service()):
        cluster.put(item)
    settle(cluster, **PLAIN)
    async with operator(cluster):
        await anyio.sleep(10)
        available(cluster)
        await anyio.sleep(10)
        settle(cluster, **GATEWAY)
        annotate(cluster, autoscalerClass="keda")
        await anyio.sleep(20)
        available(cluster)
        await anyio.sleep(10)
        for name in names(cluster, HTTP_ROUTES):
            answer(cluster, name, ACCEPTED)
        await anyio.sleep(70)
    found = [plain(item) for resource in KINDS for item in cluster.objects(resource, "demo")]
    return found, cluster.calls


@pytest.mark.parametrize("lost", [False, True], ids=["refused", "lost"])
@pytest.mark.parametrize(
    "numbers",
    [
        range(0, CALLS, 15),
        pytest.param(range(CALLS), marks=[pytest.mark.slow, pytest.mark.timeout(120)]),
    ],
    ids=["some", "every"],
)
def test_a_failing_call_changes_nothing_in_the_end(numbers: range, lost: bool) -> None:
    expected, calls = run_virtual(life)
    assert 15 < calls <= CALLS, "every call gets its turn"
    kinds = [item["kind"] for item in expected]
    assert kinds.count("HTTPRoute") == 2
    assert kinds.count("ScaledObject") == 1
    assert not {"Ingress", "HorizontalPodAutoscaler"} & set(kinds)
    (told,) = [item for item in expected if item["kind"] == "InferenceService"]
    assert told["status"]["url"] == "http://chat.demo.example.com"
    for number in numbers:

        async def flawed(number: int = number) -> tuple[list[Any], int]:
            return await life(number, lost=lost)

        found, _ = run_virtual(flawed)
        assert found == expected, f"call {number} failed"
