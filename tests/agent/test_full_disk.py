"""A node whose disk fills up, for which the right to mount is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ome.agent.protocol import READY
from ome.controllers.resources import CLUSTER_BASE_MODELS
from ome.kube.resource import ObjectKey
from ome.sandbox.hub import Repository, running_hub
from ome.sandbox.safetensors_files import llama_repository
from tests.agent.support import World, agents, model, new_cluster, said, until
from tests.storage.support import on_disk
from tests.support.disks import two_mebibytes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.timeout(180)
"""A busy machine is no failure."""

FILES = llama_repository(2)
BIG = {**FILES, "big.bin": b"x" * 3_000_000}


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """The models of node n1 on a file system of two MiB."""
    with two_mebibytes(tmp_path / "n1" / "models") as place:
        yield place


async def test_a_model_that_does_not_fit_leaves_the_others_alone(
    small: Path, tmp_path: Path
) -> None:
    repositories = {"org/tiny": Repository(FILES), "org/big": Repository(BIG, commit="d" * 40)}
    async with running_hub(repositories) as hub:
        world = World(new_cluster("n1"), hub, tmp_path)
        cluster = world.cluster
        async with agents(world):
            cluster.put(model("good"))
            await until(lambda: (entry := said(cluster, name="good")) and entry.status == READY)
            cluster.put(model("big", "hf://org/big"))
            await until(lambda: (entry := said(cluster, name="big")) and entry.status == "Failed")
            entry = said(cluster, name="big")
            assert entry is not None
            assert entry.error is not None
            assert entry.error.reason == "disk_full"
            assert "insufficient disk space: need" in entry.error.message
            good = said(cluster, name="good")
            assert good is not None
            assert good.status == READY
        assert "big.bin" not in hub.served
        assert not (small / ".big.fetching").exists()
        assert on_disk(small / "good") == FILES


async def test_room_that_another_model_gives_back_is_used_at_once(
    small: Path, tmp_path: Path
) -> None:
    half = {**FILES, "half.bin": b"x" * 1_200_000}
    repositories = {name: Repository(half, commit=name[-1] * 40) for name in ("org/a", "org/b")}
    async with running_hub(repositories) as hub:
        world = World(new_cluster("n1"), hub, tmp_path)
        cluster = world.cluster
        async with agents(world):
            cluster.put(model("a", "hf://org/a"))
            await until(lambda: (entry := said(cluster, name="a")) and entry.status == READY)
            cluster.put(model("b", "hf://org/b"))
            await until(lambda: (entry := said(cluster, name="b")) and entry.status == "Failed")
            cluster.remove(CLUSTER_BASE_MODELS, ObjectKey("", "a"))
            # Its next try by itself would be in a minute.
            await until(lambda: (entry := said(cluster, name="b")) and entry.status == READY, 30)
        assert on_disk(small / "b") == half
