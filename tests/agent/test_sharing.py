"""Models of one content on one node: one directory, and links to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from ome.agent.fetching import InProcess
from ome.agent.post import Alone
from ome.agent.protocol import FAILED, READY, Artifact, Config, Entry
from ome.agent.sharing import Owner, artifact_of, children, find_owner
from ome.controllers.resources import CLUSTER_BASE_MODELS
from ome.kube.resource import ObjectKey
from ome.sandbox.hub import Repository, running_hub
from ome.sandbox.safetensors_files import llama_repository
from ome.storage.settings import Surroundings
from tests.agent.support import World, agents, model, new_cluster, said, until
from tests.storage.support import on_disk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from ome.agent.fetch.model import Job
    from ome.agent.models import Model

pytestmark = pytest.mark.timeout(180)
"""A busy machine is no failure."""

FILES = llama_repository(2)
REUSE = {"downloadPolicy": "ReuseIfExists"}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with running_hub({"org/tiny": Repository(FILES)}) as hub:
        yield World(new_cluster("n1"), hub, tmp_path)


def artifact(world: World, name: str) -> Artifact:
    return artifact_of(said(world.cluster, name=name))


async def ready(world: World, name: str) -> None:
    await until(lambda: (entry := said(world.cluster, name=name)) and entry.status == READY)


async def put(world: World, name: str, **storage: str) -> None:
    world.cluster.put(model(name, **storage))
    await ready(world, name)


async def delete(world: World, name: str) -> None:
    world.cluster.remove(CLUSTER_BASE_MODELS, ObjectKey("", name))
    await until(lambda: said(world.cluster, name=name) is None)


async def test_a_second_model_of_the_content_is_a_link(world: World) -> None:
    root = world.disk_of("n1")
    async with agents(world):
        await put(world, "a")
        served = dict(world.hub.served) if world.hub else {}
        await put(world, "b", **REUSE)
        assert (root / "b").is_symlink()
        assert on_disk(root / "b") == FILES
        assert world.hub is not None
        assert dict(world.hub.served) == served
        assert artifact(world, "b").parent_path == {"clusterbasemodel.a": "/models/a"}
        await until(lambda: artifact(world, "a").children_paths == ["/models/b"])
        entry = said(world.cluster, name="b")
        assert entry is not None
        assert entry.config is not None
        assert entry.config.model_type == "llama"
        # Links lead to the owner, never to a link.
        await put(world, "c", **REUSE)
        assert (root / "c").resolve() == root / "a"
        await delete(world, "c")
        await until(lambda: artifact(world, "a").children_paths == ["/models/b"])
    world.cluster.writes.clear()
    async with agents(world):
        await put(world, "again", **REUSE)
        assert (root / "b").is_symlink()
    assert not any("clusterbasemodel.b" in str(write.body) for write in world.cluster.writes)


async def test_a_node_waits_for_its_moment_before_it_asks_for_a_commit(
    world: World,
) -> None:
    asked: list[str] = []

    class InTime(Alone):
        async def delay(self, model: Model) -> float:
            asked.append(f"when {model.key.name}")
            return 0.0

    class Noted(InProcess):
        async def revision(self, job: Job) -> str:
            asked.append(f"what {job.key}")
            return await super().revision(job)

    environ = {"HF_ENDPOINT": world.hub.url if world.hub else ""}
    world.downloads = Noted(Surroundings(environ=environ))
    world.turns = lambda *_: InTime()
    async with agents(world):
        await put(world, "a")
        await put(world, "b", **REUSE)
    assert (world.disk_of("n1") / "b").is_symlink()
    assert asked == ["when a", "when b", "what clusterbasemodel.b"]


async def test_an_owner_that_goes_first_leaves_its_files_to_the_links(world: World) -> None:
    root = world.disk_of("n1")
    async with agents(world):
        await put(world, "a")
        await put(world, "b", **REUSE)
        await put(world, "c", **REUSE)
        await delete(world, "a")
        assert on_disk(root / "b") == FILES
        await delete(world, "b")
        assert on_disk(root / "c") == FILES
        await delete(world, "c")
        assert not (root / "a").exists()


async def test_a_reserved_owner_stays_after_its_last_link(world: World) -> None:
    root = world.disk_of("n1")
    async with agents(world):
        owner = model("a")
        owner["metadata"]["labels"] = {"models.ome/reserve-model-artifact": "true"}
        world.cluster.put(owner)
        await ready(world, "a")
        await put(world, "b", **REUSE)
        await delete(world, "a")
        await until(lambda: artifact(world, "b").reserved is True)
        await delete(world, "b")
        assert on_disk(root / "a") == FILES


async def test_other_content_does_not_come_below_the_links(world: World) -> None:
    root = world.disk_of("n1")
    assert world.hub is not None
    other = {"config.json": FILES["config.json"]}
    world.hub.repositories["org/other"] = Repository(other, commit="d" * 40)
    async with agents(world):
        await put(world, "a")
        await put(world, "b", **REUSE)
        await until(lambda: artifact(world, "a").children_paths == ["/models/b"])
        world.cluster.put(model("a", "hf://org/other"))
        await until(lambda: (entry := said(world.cluster, name="a")) and entry.status == FAILED)
        entry = said(world.cluster, name="a")
        assert entry is not None
        assert entry.error is not None
        assert entry.error.reason == "path_taken"
        assert "b is a link to the files in /models/a" in entry.error.message
        assert on_disk(root / "b") == FILES
        world.cluster.put(model("a", "hf://org/other", path="/models/new"))
        await ready(world, "a")
        assert on_disk(root / "new") == other
        assert on_disk(root / "b") == FILES


async def test_files_that_an_owner_left_are_not_those_of_its_successor(world: World) -> None:
    root = world.disk_of("n1")
    assert world.hub is not None
    other = {"config.json": FILES["config.json"]}
    world.hub.repositories["org/other"] = Repository(other, commit="d" * 40)
    async with agents(world):
        await put(world, "a")
        await put(world, "b", **REUSE)
        await delete(world, "a")
        world.cluster.remove(CLUSTER_BASE_MODELS, ObjectKey("", "a"))
        gone = world.cluster.object(CLUSTER_BASE_MODELS, ObjectKey("", "a"))
        assert gone is not None
        world.cluster.put({**gone, "metadata": {**gone["metadata"], "finalizers": []}})
        await until(lambda: world.cluster.object(CLUSTER_BASE_MODELS, ObjectKey("", "a")) is None)
        world.cluster.put(model("a", "hf://org/other"))
        await until(lambda: (entry := said(world.cluster, name="a")) and entry.status == FAILED)
        assert on_disk(root / "b") == FILES
        # Of the same content it takes them over.
        world.cluster.put(model("a"))
        await ready(world, "a")
        assert on_disk(root / "b") == on_disk(root / "a") == FILES


async def test_a_link_into_nothing_is_noticed(world: World) -> None:
    root = world.disk_of("n1")
    world.settings["repair_seconds"] = 0.05
    async with agents(world):
        await put(world, "a")
        await put(world, "b", **REUSE)
        (root / "a").rename(root / "elsewhere")
        await until(lambda: on_disk(root / "a") == FILES)
        await until(lambda: (root / "b").is_dir() and on_disk(root / "b") == FILES)
        await ready(world, "b")


async def test_a_change_of_policy(world: World) -> None:
    root = world.disk_of("n1")
    async with agents(world):
        await put(world, "a")
        await put(world, "b", **REUSE)
        world.cluster.put(model("b", downloadPolicy="AlwaysDownload"))
        await until(lambda: not (root / "b").is_symlink() and (root / "b").is_dir())
        await ready(world, "b")
        await until(lambda: not artifact(world, "a").children_paths)
        assert on_disk(root / "b") == on_disk(root / "a") == FILES
        world.cluster.put(model("b", **REUSE))
        await until(lambda: (root / "b").is_symlink())
        await ready(world, "b")
        assert on_disk(root / "b") == FILES


async def test_two_that_become_links_at_once_do_not_lead_to_each_other(world: World) -> None:
    root = world.disk_of("n1")
    async with agents(world):
        await put(world, "a")
        await put(world, "b")
        world.cluster.put(model("a", **REUSE))
        world.cluster.put(model("b", **REUSE))
        await until(lambda: (root / "a").is_symlink() or (root / "b").is_symlink())
        await ready(world, "a")
        await ready(world, "b")
        assert on_disk(root / "b") == on_disk(root / "a") == FILES


def entry(sha: str, owner: str, path: str, status: str = READY, links: int = 0) -> Entry:
    made = Artifact(sha, {owner: path}, [f"/l{number}" for number in range(links)] or None)
    return Entry("x", status, config=Config(artifact=made))


def test_which_owner_is_found() -> None:
    entries = {
        "clusterbasemodel.a": entry("s", "clusterbasemodel.a", "/a"),
        "clusterbasemodel.b": entry("s", "clusterbasemodel.b", "/b", links=2),
        "clusterbasemodel.c": entry("s", "clusterbasemodel.c", "/c", status="Updating", links=9),
        "clusterbasemodel.d": entry("s", "clusterbasemodel.gone", "/gone", links=1),
        "clusterbasemodelx": entry("t", "clusterbasemodelx", "/x"),
        "ns.basemodel.m": entry("t", "ns.basemodel.m", "/m"),
        "nsx.basemodel.m": entry("u", "nsx.basemodel.m", "/n"),
        "broken": None,
    }
    assert find_owner(entries, "me", "ns", "s") == Owner("clusterbasemodel.b", "/b")
    assert find_owner(entries, "clusterbasemodel.b", "", "s") == Owner(
        "clusterbasemodel.gone", "/gone"
    )
    assert find_owner(entries, "me", "ns", "t") == Owner("ns.basemodel.m", "/m")
    assert find_owner(entries, "me", "", "t") is None
    assert find_owner(entries, "me", "ns", "u") is None
    assert find_owner(entries, "me", "ns", "") is None


def test_links_of_an_owner() -> None:
    one = children(Artifact("s"), add="/a")
    assert one.children_paths == ["/a"]
    assert children(one, add="/A") == one
    assert children(one, remove="/A").children_paths is None
    assert b"reserved" not in msgspec.json.encode(one)
