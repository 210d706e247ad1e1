"""What a service keeps, and a weight for its model, are explained as the operator plans them."""

from __future__ import annotations

import random
from io import StringIO

import anyio
import pytest
from rich.console import Console

from ome.cli.explain.account import Account, explain, find_target
from ome.cli.explain.objects import read_cluster, read_workloads, stores
from ome.cli.explain.picture import show
from ome.controllers.decode import KindDecoder
from ome.controllers.inferenceservice.world import World
from ome.kube import Client
from tests.controllers.inferenceservice.test_keeping import describe
from tests.controllers.inferenceservice.world import (
    FORMAT,
    available,
    local,
    model,
    new_cluster,
    operator,
    runtime,
    service,
    weight,
)
from tests.support.virtual_time import VirtualClock, run_virtual


async def account(client: Client, name: str) -> Account:
    decode = KindDecoder()
    sources = stores(await read_cluster(client, "demo", name), VirtualClock())
    subject, found = find_target(sources, decode, name, "demo")
    existing = await read_workloads(client, "demo", name)
    return explain(World(sources, decode), subject, found, existing)


def shown(made: Account) -> str:
    text = StringIO()
    show(made, Console(file=text, width=400))
    return text.getvalue()


@pytest.mark.parametrize("place", ["", "models"])
def test_a_weight_for_a_model_is_explained_by_its_base_model(place: str) -> None:
    async def main() -> None:
        cluster = new_cluster()
        lures = [local(namespace) for namespace in ("demo", "models")]
        chat = service(model={"name": "w", "kind": "FineTunedWeight"})
        reference = {"name": "m", "namespace": place}
        for item in (model(), *lures, runtime(), weight(baseModelRef=reference), chat):
            cluster.put(item)
        client = Client(cluster, clock=VirtualClock(), rng=random.Random(1))
        made = await account(client, "chat")
        assert made.problem == ""
        assert made.document()["model"]["name"] == "m"
        assert made.document()["model"]["namespace"] == place
        assert made.document()["runtime"]["name"] == "r"

    run_virtual(main)


def test_a_kept_runtime_is_explained() -> None:
    async def main() -> None:
        cluster = new_cluster()
        for item in (model(), runtime(), service()):
            cluster.put(item)
        client = Client(cluster, clock=VirtualClock(), rng=random.Random(1))
        async with operator(cluster):
            await anyio.sleep(1)
            available(cluster)
            before = await account(client, "chat")
            describe(cluster)
            cluster.put(service("late"))
            await anyio.sleep(1)
            kept, late = [await account(client, name) for name in ("chat", "late")]
        assert (before.document()["runtime"]["kept"], "kept" in shown(before)) == (False, False)
        assert (kept.document()["runtime"]["name"], kept.problem) == ("r", "")
        assert kept.document()["runtime"]["kept"]
        assert "kept because its pods run" in shown(kept)
        assert "give its entry of supportedModelFormats modelFormat.version" in late.problem

    run_virtual(main)


def test_pods_of_a_runtime_that_would_not_be_chosen_now_are_told_of() -> None:
    async def main() -> None:
        cluster = new_cluster()
        for item in (model(), runtime(), service(), service("named", runtime={"name": "r"})):
            cluster.put(item)
        client = Client(cluster, clock=VirtualClock(), rng=random.Random(1))
        async with operator(cluster):
            await anyio.sleep(1)
            available(cluster)
            assert "note" not in shown(await account(client, "chat"))
            heavier = {**FORMAT["modelFormat"], "weight": 9}
            better = {**FORMAT, "modelFormat": heavier, "autoSelect": True}
            cluster.put(runtime("better", supportedModelFormats=[better]))
            await anyio.sleep(1)
            chat, named = [await account(client, name) for name in ("chat", "named")]
        assert chat.document()["runtime"]["name"] == "better"
        assert "its pods are made with r, which was chosen before" in chat.document()["note"]
        assert named.document()["note"] is None

    run_virtual(main)
