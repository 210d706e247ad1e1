"""Nothing stays on a node for a model that has it no more, and nothing of others beside a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest

from ome.agent.fetching import InProcess
from ome.agent.protocol import FAILED, READY
from ome.controllers.resources import CLUSTER_BASE_MODELS
from ome.kube.resource import ObjectKey
from ome.sandbox.hub import Repository, Trouble, running_hub
from ome.sandbox.safetensors_files import llama_repository
from ome.storage.errors import DiskFull
from ome.storage.settings import Surroundings
from tests.agent.support import World, agents, at_rest, model, new_cluster, said, until
from tests.storage.support import on_disk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from ome.agent.fetch.model import Fetched, Job
    from ome.agent.protocol import Entry

pytestmark = pytest.mark.timeout(120)

FILES = llama_repository(1)
OTHER = {"config.json": FILES["config.json"], "notes/a.txt": b"a", "weights.bin": b"w" * 99}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A node that looks at its disk all the time."""
    repositories = {"org/tiny": Repository(FILES), "org/other": Repository(OTHER, commit="d" * 40)}
    async with running_hub(repositories) as hub:
        made = World(new_cluster("n1"), hub, tmp_path)
        made.settings["repair_seconds"] = 0.05
        made.disk_of("n1").mkdir(parents=True)
        yield made


async def put(world: World, name: str, uri: str = "hf://org/tiny", **storage: Any) -> Entry:
    """A model as it is when nothing is under way for it any more."""
    world.cluster.put(model(name, uri, **storage))
    await at_rest(world, name=name)
    entry = said(world.cluster, name=name)
    assert entry is not None
    return entry


async def delete(world: World, name: str) -> None:
    cluster, key = world.cluster, ObjectKey("", name)
    cluster.remove(CLUSTER_BASE_MODELS, key)
    await until(lambda: said(cluster, name=name) is None)
    left = cluster.object(CLUSTER_BASE_MODELS, key)
    assert left is not None
    cluster.put({**left, "metadata": {**left["metadata"], "finalizers": []}})


async def becomes_ready(world: World, name: str) -> None:
    """By itself and soon; the next try after a failure would be in a minute."""
    await until(lambda: (found := said(world.cluster, name=name)) and found.status == READY, 30)


def refused(entry: Entry) -> str:
    """Why a model may not have its directory; empty when it may."""
    taken = entry.error is not None and entry.error.reason == "path_taken"
    return entry.error.message if entry.status == FAILED and taken and entry.error else ""


def left(world: World) -> list[str]:
    top = world.disk_of("n1")
    found = {path.relative_to(top).as_posix() for path in top.rglob("*")}
    return sorted(name for name in found if name != ".ome" and not name.endswith(".lock"))


async def test_a_model_whose_change_of_source_was_refused(world: World) -> None:
    async with agents(world):
        await put(world, "a", path="/models/x")
        await put(world, "b", path="/models/x")
        assert refused(await put(world, "a", "hf://org/other", path="/models/x"))
        assert on_disk(world.disk_of("n1") / "x") == FILES
        await delete(world, "b")
        await becomes_ready(world, "a")
        assert on_disk(world.disk_of("n1") / "x") == OTHER
        await delete(world, "a")
        assert left(world) == []


async def test_one_that_was_refused_goes_last(world: World) -> None:
    async with agents(world):
        await put(world, "a", path="/models/x")
        assert refused(await put(world, "b", "hf://org/other", path="/models/x"))
        await delete(world, "a")
        await becomes_ready(world, "b")
        assert on_disk(world.disk_of("n1") / "x") == OTHER
        await delete(world, "b")
        assert left(world) == []


async def test_one_that_was_refused_goes_elsewhere(world: World) -> None:
    async with agents(world):
        await put(world, "a", path="/models/x")
        assert refused(await put(world, "b", "hf://org/other", path="/models/x"))
        await delete(world, "a")
        await put(world, "b", "hf://org/other", path="/models/y")
        assert on_disk(world.disk_of("n1")).keys() >= {"y/weights.bin"}
        await delete(world, "b")
        assert left(world) == []


async def test_two_models_that_change_places(world: World) -> None:
    root = world.disk_of("n1")
    async with agents(world):
        await put(world, "a", path="/models/x")
        await put(world, "b", "hf://org/other", path="/models/y")
        world.cluster.put(model("a", path="/models/y"))
        world.cluster.put(model("b", "hf://org/other", path="/models/x"))
        await until(lambda: on_disk(root / "x") == OTHER and on_disk(root / "y") == FILES)
        await delete(world, "a")
        await delete(world, "b")
        assert left(world) == []


async def test_a_change_of_source_that_is_taken_back(world: World) -> None:
    assert world.hub is not None
    root = world.disk_of("n1")
    world.hub.troubles.append(Trouble("weights.bin", 9, chunk_seconds=5.0))
    async with agents(world):
        await put(world, "a")
        world.cluster.put(model("a", "hf://org/other"))
        await world.hub.until_served("weights.bin", 1)
        await until(lambda: (root / "a" / "notes" / "a.txt").exists())
        world.cluster.put(model("a"))
        await until(lambda: on_disk(root / "a") == FILES)
        await until(lambda: (entry := said(world.cluster, name="a")) and entry.status == READY)
        assert on_disk(root / "a") == FILES
        assert not (root / "a" / "notes").exists()


async def test_a_restart_before_a_former_path_was_cleared(world: World) -> None:
    root = world.disk_of("n1")
    async with agents(world):
        await put(world, "a")
        remove, waits = world.posts["n1"].disk.remove, anyio.Event()

        async def slow(path: str) -> None:
            waits.set()
            await anyio.sleep_forever()

        world.posts["n1"].disk.remove = slow  # type: ignore[method-assign]
        world.cluster.put(model("a", path="/models/y"))
        await waits.wait()
        world.posts["n1"].disk.remove = remove  # type: ignore[method-assign]
    assert on_disk(root / "a") == on_disk(root / "y") == FILES
    async with agents(world):
        await until(lambda: not (root / "a").exists())
        assert on_disk(root / "y") == FILES


@pytest.mark.parametrize(("first", "second"), [("x", "x/v2"), ("x/v2", "x")])
@pytest.mark.parametrize("uri", ["hf://org/tiny", "hf://org/other"])
async def test_a_directory_in_or_around_that_of_another_model(
    world: World, first: str, second: str, uri: str
) -> None:
    root = world.disk_of("n1")
    async with agents(world):
        await put(world, "a", path=f"/models/{first}")
        why = refused(await put(world, "b", uri, path=f"/models/{second}"))
        assert f"/models/{second} lies in or around /models/{first}" in why
        assert "ClusterBaseModel a" in why
        assert on_disk(root / first) == FILES
        assert (await put(world, "b", uri, path="/models/y")).status == READY
        await delete(world, "a")
        await delete(world, "b")
        assert set(left(world)) <= {"x"}  # around /models/x/v2


async def test_one_directory_by_two_spellings(world: World) -> None:
    root = world.disk_of("n1")
    (root / "real").mkdir()
    (root / "link").symlink_to(root / "real")
    async with agents(world):
        await put(world, "a", path="/models/real/x")
        why = refused(await put(world, "b", "hf://org/other", path="/models/link/x"))
        assert "/models/link/x is that of ClusterBaseModel a" in why
        assert refused(await put(world, "c", "hf://org/other", path="/models/link/x/v2"))
        assert (await put(world, "d", path="/models/link/x")).status == READY
        await delete(world, "a")
        assert on_disk(root / "real" / "x") == FILES
        await delete(world, "d")
        for name in "bc":
            await becomes_ready(world, name)
            await delete(world, name)
        # Directories that were made on the way to one stay.
        assert left(world) == ["link", "real", "real/x"]


async def test_a_model_that_needs_no_files_any_more(world: World) -> None:
    async with agents(world):
        await put(world, "a")
        await put(world, "b")
        assert (await put(world, "a", "vendor://acme/m")).status == READY
        await until(lambda: not (world.disk_of("n1") / "a").exists())
        place = world.disk_of("n1") / "b"
        assert (await put(world, "b", "local:///models/b", path=None)).status == READY
        await delete(world, "b")
        assert on_disk(place) == FILES


async def test_files_that_a_user_kept_stay_below_the_next_model(world: World) -> None:
    root = world.disk_of("n1")
    async with agents(world):
        await put(world, "a", "hf://org/other", path="/models/x")
        found = model("a", "hf://org/other", path="/models/x")
        found["metadata"]["labels"] = {"models.ome/reserve-model-artifact": "true"}
        world.cluster.put(found)
        await at_rest(world, name="a")
        await delete(world, "a")
        await put(world, "b", path="/models/x")
        assert on_disk(root / "x") == {**OTHER, **FILES}


@pytest.mark.parametrize("how", ["deleted", "moved", "elsewhere"])
async def test_a_path_that_another_model_leaves_is_taken_at_once(world: World, how: str) -> None:
    cluster = world.cluster
    async with agents(world):
        assert (await put(world, "a", path="/models/x")).status == READY
        assert refused(await put(world, "b", "hf://org/other", path="/models/x"))
        if how == "deleted":
            cluster.remove(CLUSTER_BASE_MODELS, ObjectKey("", "a"))
        elif how == "moved":
            cluster.put(model("a", path="/models/y"))
        else:
            cluster.put(model("a", path="/models/x", nodeSelector={"gpu": "yes"}))
        await becomes_ready(world, "b")
        await until(lambda: on_disk(world.disk_of("n1") / "x") == OTHER, 30)


async def test_room_that_comes_while_a_model_is_failing_is_used_at_once(world: World) -> None:
    cluster = world.cluster
    assert world.hub is not None

    class Crossed(InProcess):
        """Finds no room once, and fails only when the other model has gone."""

        met = False

        async def fetch(self, job: Job, *told: Any) -> Fetched:
            if job.key.endswith(".b") and not self.met:
                self.met = True
                await delete(world, "a")
                raise DiskFull("insufficient disk space")
            return await super().fetch(job, *told)

    world.downloads = Crossed(Surroundings(environ={"HF_ENDPOINT": world.hub.url}))
    async with agents(world):
        await put(world, "a")
        cluster.put(model("b"))
        await becomes_ready(world, "b")
