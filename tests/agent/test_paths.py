"""Ways to write a model's path, and what becomes of its files when the path changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

from ome.agent.fetch.place import default_path
from ome.agent.protocol import FAILED, READY
from ome.sandbox.hub import Repository, Trouble, running_hub
from ome.sandbox.safetensors_files import llama_repository
from tests.agent.support import World, agents, model, new_cluster, said, until
from tests.storage.support import on_disk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = pytest.mark.timeout(120)

FILES = llama_repository(1)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A node that looks at its disk all the time."""
    async with running_hub({"org/tiny": Repository(FILES)}) as hub:
        made = World(new_cluster("n1"), hub, tmp_path)
        made.settings["repair_seconds"] = 0.05
        made.disk_of("n1").mkdir(parents=True)
        yield made


def status(world: World, name: str = "m") -> str:
    entry = said(world.cluster, name=name)
    return "" if entry is None else entry.status


async def stays(world: World, place: Path) -> None:
    """Its files are there, and once what an edit asks for was asked, further looks cost nothing."""
    assert world.hub is not None
    await until(lambda: status(world) == READY)
    with anyio.fail_after(15):
        seen: list[tuple[int, int]] = []
        while len(seen) < 2 or seen[-1] != seen[-2]:
            seen.append((len(world.hub.requests), len(world.cluster.writes)))
            await anyio.sleep(10 * world.settings["repair_seconds"])
    assert on_disk(place) == FILES
    assert status(world) == READY


@pytest.mark.parametrize("path", ["/models/x/", "/models//x", "//models/x", "/models/./x/."])
async def test_a_path_with_a_slash_too_many_is_the_path_without(world: World, path: str) -> None:
    place = world.disk_of("n1") / "x"
    async with agents(world):
        world.cluster.put(model(path=path))
        await stays(world, place)
        world.cluster.put(model(path="/models/x"))
        await stays(world, place)
        world.cluster.put(model(path="/models/y"))
        await until(lambda: on_disk(world.disk_of("n1") / "y") == FILES and not place.exists())


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("s3://bucket/llama/", "/models/s3:/bucket/llama"),
        ("oci://n/ns/b/bk/o/", "/models/oci:/n/ns/b/bk/o"),
        ("hf://org/m", "/models/hf:/org/m"),
    ],
)
def test_the_directory_of_a_uri_ends_in_no_slash(uri: str, path: str) -> None:
    assert default_path(uri, "/models") == default_path(uri, "/models/") == path


async def test_a_way_through_a_link_is_one_way_to_the_same_place(world: World) -> None:
    root = world.disk_of("n1")
    (root / "real").mkdir()
    (root / "link").symlink_to(root / "real")
    async with agents(world):
        world.cluster.put(model(path="/models/link/x"))
        await stays(world, root / "real" / "x")
        world.cluster.put(model(path="/models/real/x"))
        await stays(world, root / "real" / "x")


async def test_a_root_that_is_a_link(world: World, tmp_path: Path) -> None:
    root = world.disk_of("n1")
    root.rmdir()
    disk = tmp_path / "disk"
    disk.mkdir()
    root.symlink_to(disk)
    async with agents(world):
        world.cluster.put(model(path=None))
        await stays(world, disk / "hf:" / "org" / "tiny")
        found = model(path=None)
        found["spec"]["storage"]["nodeSelector"] = {"none": "here"}
        world.cluster.put(found)
        await until(lambda: said(world.cluster) is None)
        assert not (disk / "hf:" / "org" / "tiny").exists()


async def test_what_an_agent_of_before_noted_is_no_other_place(world: World) -> None:
    """Manifests held the path behind all links, which was then not the one of the spec."""
    root = world.disk_of("n1")
    (root / "real").mkdir()
    (root / "link").symlink_to(root / "real")
    async with agents(world):
        world.cluster.put(model(path="/models/link/x"))
        await until(lambda: status(world) == READY)
    (manifest,) = (root / ".ome").glob("*.json")
    manifest.write_text(manifest.read_text().replace("/link/x", "/real/x"))
    async with agents(world):
        await stays(world, root / "real" / "x")


async def test_a_model_that_is_ready_may_not_move_into_the_directory_of_another(
    world: World,
) -> None:
    assert world.hub is not None
    other = {"config.json": FILES["config.json"]}
    world.hub.repositories["org/other"] = Repository(other, commit="d" * 40)
    root = world.disk_of("n1")
    async with agents(world):
        world.cluster.put(model("a"))  # the older one, which would go first
        await until(lambda: status(world, "a") == READY)
        world.cluster.put(model("b", "hf://org/other"))
        await until(lambda: status(world, "b") == READY)
        world.cluster.put(model("a", path="/models/b/"))
        await until(lambda: status(world, "a") == FAILED)
        entry = said(world.cluster, name="a")
        assert entry is not None
        assert entry.error is not None
        assert entry.error.reason == "path_taken"
        await anyio.sleep(0.3)
        assert on_disk(root / "b") == other
        assert (status(world, "b"), on_disk(root / "a")) == (READY, FILES)
        # Nor may its content become another one there.
        world.cluster.put(model("c", "hf://org/other", path="/models/b"))
        await until(lambda: status(world, "c") == READY)
        world.cluster.put(model("c", "hf://org/tiny", path="/models/b"))
        await until(lambda: status(world, "c") == FAILED)
        assert on_disk(root / "b") == other


async def test_what_was_on_its_way_to_a_former_path_gives_its_room_back(world: World) -> None:
    root = world.disk_of("n1")
    assert world.hub is not None
    name = next(name for name in FILES if name.endswith(".safetensors"))
    world.hub.troubles.append(Trouble(name, 1, chunk_seconds=5.0))
    async with agents(world):
        world.cluster.put(model(path="/models/x"))
        await world.hub.until_served(name, 1)
        assert (root / ".x.fetching").exists()
        world.cluster.put(model(path="/models/y"))
        await until(lambda: status(world) == READY and (root / "y").exists())
        assert not (root / ".x.fetching").exists()
    assert on_disk(root / "y") == FILES


@pytest.mark.parametrize(("before", "after"), [("x", "x/v2"), ("x/v2", "x")])
async def test_a_path_within_the_former_one(world: World, before: str, after: str) -> None:
    root = world.disk_of("n1")
    async with agents(world):
        world.cluster.put(model(path=f"/models/{before}"))
        await until(lambda: status(world) == READY)
        world.cluster.put(model(path=f"/models/{after}"))
        await until(lambda: on_disk(root / after) == FILES and status(world) == READY)
        await anyio.sleep(0.3)
        assert on_disk(root / after) == FILES
