"""What a service keeps, and a weight for its model, are explained as the operator plans them."""

from __future__ import annotations

import random
from io import StringIO

import anyio
from rich.console import Console

from ome.cli.explain.account import Account, explain, find_target
from ome.cli.explain.objects import read_cluster, read_workloads, stores
from ome.cli.explain.picture import show
from ome.controllers.decode import KindDecoder
from ome.controllers.inferenceservice.world import World
from ome.kube import Client
from tests.controllers.inferenceservice.test_keeping import describe
from tests.controllers.inferenceservice.test_wishes import weight
from tests.controllers.inferenceservice.world import (
    available,
    model,
    new_cluster,
    operator,
    runtime,
    service,
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


def test_a_weight_for_a_model_is_explained_by_its_base_model() -> None:
    async def main() -> None:
        cluster = new_cluster()
        base = model("base")
        base |= {"kind": "BaseModel", "metadata": {"name": "base", "namespace": "models"}}
        reference = {"name": "base", "namespace": "models"}
        chat = service(model={"name": "w", "kind": "FineTunedWeight"})
        for item in (base, runtime(), weight(baseModelRef=reference), chat):
            cluster.put(item)
        client = Client(cluster, clock=VirtualClock(), rng=random.Random(1))
        made = await account(client, "chat")
        assert (made.problem, made.document()["model"]["name"]) == ("", "base")
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
