"""A service that keeps its runtime as it was recorded is explained by the record."""

from __future__ import annotations

import random

import anyio

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


def test_a_pinned_runtime_is_explained_as_it_was_recorded() -> None:
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
