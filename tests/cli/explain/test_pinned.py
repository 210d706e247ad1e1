"""A service that keeps its runtime as it was recorded is explained by the record."""

from __future__ import annotations

import random
from typing import Any

import anyio
import pytest

from ome.kube import Client
from tests.cli.explain.test_kept import account, shown
from tests.controllers.inferenceservice.world import (
    annotate,
    available,
    condition,
    model,
    new_cluster,
    operator,
    runtime,
    service,
)
from tests.support.virtual_time import VirtualClock, run_virtual


def test_a_pinned_runtime_that_fits_no_more_is_explained_as_the_condition_says() -> None:
    async def main() -> None:
        cluster = new_cluster()
        for item in (model(), runtime(), service()):
            cluster.put(item)
        client = Client(cluster, clock=VirtualClock(), rng=random.Random(1))
        async with operator(cluster):
            await anyio.sleep(1)
            available(cluster)
            annotate(cluster, pin_runtime="true")
            await anyio.sleep(1)
            cluster.put(runtime(disabled=True))
            cluster.put(runtime("a-newer"))
            await anyio.sleep(1)
            pinned = await account(client, "chat")
            cluster.put(model(quantization="fp8"))
            cluster.put(service("late"))
            await anyio.sleep(1)
            unfit = await account(client, "chat")
            said = condition(cluster, "EngineReady")["message"]
        assert pinned.document()["runtime"] == {
            "name": "r",
            "namespace": "",
            "named": False,
            "kept": False,
            "pinned": True,
        }
        assert "r  cluster scope, as annotation ome.io/pin-runtime keeps it" in shown(pinned)
        assert "a-newer" not in shown(pinned)
        assert unfit.problem == said
        assert "none: r, as annotation ome.io/pin-runtime keeps it, cannot serve" in shown(unfit)
        assert "remove the annotation to have a runtime chosen as they are now" in said

    run_virtual(main)


@pytest.mark.parametrize("named", [{}, {"runtime": {"name": "r"}}])
def test_a_runtime_is_explained_as_it_was_recorded_while_it_is_pinned(
    named: dict[str, Any],
) -> None:
    async def main() -> None:
        cluster = new_cluster()
        for item in (model(), runtime(), service(**named)):
            cluster.put(item)
        client = Client(cluster, clock=VirtualClock(), rng=random.Random(1))
        async with operator(cluster):
            await anyio.sleep(1)
            before = await account(client, "chat")
            annotate(cluster, pin_runtime="true")
            await anyio.sleep(1)
            cluster.put(runtime(disabled=True))
            cluster.put(runtime("better"))
            await anyio.sleep(1)
            pinned = await account(client, "chat")
            annotate(cluster, pin_runtime=None)
            after = await account(client, "chat")
        assert not before.document()["runtime"]["pinned"]
        assert (pinned.document()["runtime"]["name"], pinned.problem) == ("r", "")
        assert pinned.document()["runtime"]["pinned"]
        assert "as annotation ome.io/pin-runtime keeps it" in shown(pinned)
        assert "Candidates" not in shown(pinned)
        assert bool(after.problem) == bool(named)
        assert "pin-runtime" not in shown(after)

    run_virtual(main)
