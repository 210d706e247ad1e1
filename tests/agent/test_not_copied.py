"""Models whose files no agent brings: those of a vendor, and those that are on the node already."""

from __future__ import annotations

import shutil
from functools import partial
from typing import TYPE_CHECKING

import anyio
import pytest

from ome.agent.protocol import FAILED, READY
from ome.sandbox.safetensors_files import llama_repository
from tests.agent.support import World, agents, at_rest, label, model, new_cluster, said, until
from tests.storage.support import on_disk

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(120)

FILES = llama_repository(1)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A node that looks at its disk all the time."""
    made = World(new_cluster("n1"), None, tmp_path)
    made.settings["repair_seconds"] = 0.05
    for name, content in FILES.items():
        place = made.disk_of("n1") / "here" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    return made


def status(world: World, name: str) -> str:
    entry = said(world.cluster, name=name)
    return "" if entry is None else entry.status


def is_told(world: World, name: str, state: str) -> bool:
    """In the entry and in the label."""
    return status(world, name) == label(world.cluster, name=name) == state


def successes(world: World, name: str) -> float | None:
    return world.posts["n1"].metrics.registry.get_sample_value(
        "model_agent_downloads_success_total",
        {"model_type": "ClusterBaseModel", "namespace": "", "name": name},
    )


async def test_they_are_ready_and_looking_again_writes_and_counts_nothing(world: World) -> None:
    cluster = world.cluster
    async with agents(world):
        cluster.put(model("served", "vendor://acme/models/big", path=None))
        cluster.put(model("local", "local:///models/here", path=None))
        for name in ("served", "local"):
            await until(partial(is_told, world, name, READY))
        entry = said(cluster, name="local")
        assert entry is not None
        assert entry.config is not None
        assert entry.config.model_type == "llama"
        assert entry.path == "/models/here"
        assert (other := said(cluster, name="served")) is not None
        assert other.path == ""
        for name in ("served", "local"):
            await at_rest(world, name=name)
        writes = len(cluster.writes)
        await anyio.sleep(0.5)
        assert len(cluster.writes) == writes
        assert [successes(world, name) for name in ("served", "local")] == [1, 1]


async def test_files_that_go_and_come_are_noticed_and_never_touched(world: World) -> None:
    cluster, here = world.cluster, world.disk_of("n1") / "here"
    async with agents(world):
        cluster.put(model("local", "local:///models/here", path=None))
        await until(lambda: status(world, "local") == READY)
        away = here.rename(here.with_name("away"))
        await until(partial(is_told, world, "local", FAILED))
        entry = said(cluster, name="local")
        assert entry is not None
        assert entry.error is not None
        assert entry.error.reason == "local_path_not_found"
        assert on_disk(away) == FILES
        shutil.move(away, here)
        # An edit of the model is tried at once; else the pause of its failures goes by.
        cluster.put(model("local", "local:///models/here", path=None, parameters={"a": "b"}))
        await until(lambda: status(world, "local") == READY)
    assert on_disk(here) == FILES
