"""The agent of a node: from a model's spec to files, and back."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from ome.agent.protocol import READY
from ome.controllers.resources import CLUSTER_BASE_MODELS
from ome.kube.resource import ObjectKey
from ome.kube.resources import NODES
from ome.sandbox.hub import Repository, Trouble
from tests.agent.support import (
    FILES,
    SHARD,
    World,
    agents,
    label,
    mark,
    model,
    put_node,
    said,
    status,
    statuses,
    until,
)
from tests.storage.support import on_disk

if TYPE_CHECKING:
    from tests.support.fake_cluster import FakeCluster

pytestmark = pytest.mark.timeout(180)
"""A busy machine is no failure."""


def edit(cluster: FakeCluster, name: str = "m", **storage: Any) -> None:
    """Change a model's storage as a user would; None removes."""
    found = cluster.object(CLUSTER_BASE_MODELS, ObjectKey("", name))
    assert found is not None
    merged = {**found["spec"]["storage"], **storage}
    found["spec"]["storage"] = {key: value for key, value in merged.items() if value is not None}
    cluster.put(found)


async def test_a_model_comes_and_goes(world: World) -> None:
    cluster, path = world.cluster, world.disk_of("n1") / "m"
    async with agents(world):
        cluster.put(model())
        await until(lambda: status(cluster) == READY and label(cluster) == READY)
        entry = said(cluster)
        assert entry is not None
        assert entry.config is not None
        assert (entry.config.model_type, entry.path, entry.error) == ("llama", "", None)
        assert entry.config.artifact is not None
        assert entry.config.artifact.sha == "c" * 40
        assert entry.config.artifact.parent_path == {"clusterbasemodel.m": "/models/m"}
        assert on_disk(path) == FILES
        cluster.remove(CLUSTER_BASE_MODELS, ObjectKey("", "m"))
        await until(lambda: said(cluster) is None and not label(cluster))
        assert not path.exists()
    assert list(world.disk_of("n1").rglob("*.json")) == []


async def test_a_path_that_the_spec_leaves_open_is_told(world: World) -> None:
    cluster = world.cluster
    async with agents(world):
        cluster.put(model(path=None))
        await until(lambda: status(cluster) == READY)
        entry = said(cluster)
        assert entry is not None
        assert entry.path == "/models/hf:/org/tiny"
        served = dict(world.hub.served) if world.hub else {}
        # The controller fills it in, which is no change.
        edit(cluster, path=entry.path)
        cluster.put(model("other", path="/models/o"))
        await until(lambda: status(cluster, name="other") == READY)
        assert "Updating" not in statuses(cluster)[1:]
    assert world.hub is not None
    assert world.hub.served == {name: 2 * count for name, count in served.items()}


async def test_a_restart_flips_nothing_and_fetches_nothing(world: World) -> None:
    cluster = world.cluster
    async with agents(world):
        cluster.put(model())
        await until(lambda: status(cluster) == READY and label(cluster) == READY)
    assert world.hub is not None
    world.hub.requests.clear()
    cluster.writes.clear()
    async with agents(world):
        cluster.put(model("second", path="/models/second"))
        await until(lambda: status(cluster, name="second") == READY)
    assert statuses(cluster) == []
    assert all(
        "n1"
        not in str(
            write.body.get("metadata", {})
            .get("labels", {})
            .get("models.ome.io/clusterbasemodel.m", "")
        )
        for write in cluster.writes
    )


async def test_files_of_another_agent_stay_ready_while_they_are_looked_at(world: World) -> None:
    cluster, path = world.cluster, world.disk_of("n1") / "m"
    async with agents(world):
        cluster.put(model())
        await until(lambda: status(cluster) == READY and label(cluster) == READY)
    shutil.rmtree(world.disk_of("n1") / ".ome")
    cluster.writes.clear()
    async with agents(world):
        await until(lambda: list((world.disk_of("n1") / ".ome").glob("*.json")))
    assert set(statuses(cluster)) <= {READY}
    # And what is broken is fetched, for which the model is Updating.
    shutil.rmtree(world.disk_of("n1") / ".ome")
    (path / SHARD).write_bytes(b"x")
    cluster.writes.clear()
    async with agents(world):
        await until(lambda: on_disk(path) == FILES)
        await until(lambda: statuses(cluster)[-1:] == [READY])


async def test_files_that_vanish_are_fetched_again(world: World) -> None:
    cluster, path = world.cluster, world.disk_of("n1") / "m"
    world.settings["repair_seconds"] = 0.05
    async with agents(world):
        cluster.put(model())
        await until(lambda: status(cluster) == READY)
        (path / SHARD).unlink()
        await until(lambda: on_disk(path) == FILES and status(cluster) == READY)


async def test_another_source_and_another_path(world: World) -> None:
    cluster, root = world.cluster, world.disk_of("n1")
    assert world.hub is not None
    other = {**FILES, "README.md": b"# other\n"}
    world.hub.repositories["org/other"] = Repository(other, commit="d" * 40)
    async with agents(world):
        cluster.put(model())
        await until(lambda: status(cluster) == READY)
        edit(cluster, storageUri="hf://org/other", path="/models/sub/o")
        await until(lambda: (root / "sub" / "o").exists() and not (root / "m").exists())
        await until(lambda: status(cluster) == READY)
    assert on_disk(root / "sub" / "o") == other


async def test_only_where_it_belongs(world: World) -> None:
    cluster = world.cluster
    put_node(cluster, "n2", gpu="a")
    async with agents(world):
        cluster.put(model(nodeSelector={"gpu": "a"}))
        await until(lambda: status(cluster, "n2") == READY)
        assert said(cluster, "n1") is None
        node = cluster.object(NODES, ObjectKey("", "n1"))
        assert node is not None
        node["metadata"]["labels"] = {**node["metadata"].get("labels", {}), "gpu": "a"}
        cluster.put(node)
        await until(lambda: status(cluster, "n1") == READY)
        edit(cluster, storageUri="pvc://claim/x")
        await until(lambda: said(cluster, "n1") is None and said(cluster, "n2") is None)
        assert not (world.disk_of("n1") / "m").exists()


async def test_a_wish_for_a_new_download_is_granted_once(world: World) -> None:
    cluster, path = world.cluster, world.disk_of("n1") / "m"
    async with agents(world):
        cluster.put(model())
        await until(lambda: status(cluster) == READY)
        stat = (path / SHARD).stat()
        (path / SHARD).write_bytes(b"y" * stat.st_size)
        os.utime(path / SHARD, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        mark(cluster, annotations={"ome.io/redownload": "1"})
        await until(lambda: on_disk(path) == FILES and status(cluster) == READY)
        cluster.writes.clear()
    async with agents(world):
        cluster.put(model("second", path="/models/second"))
        await until(lambda: status(cluster, name="second") == READY)
    assert statuses(cluster) == []


async def test_a_deletion_does_not_wait_for_the_download(world: World) -> None:
    cluster = world.cluster
    assert world.hub is not None
    world.hub.troubles.append(Trouble(SHARD, 9, chunk_seconds=5.0))
    world.settings["workers"] = 1
    async with agents(world):
        cluster.put(model())
        await world.hub.until_served(SHARD, 1)
        await until(lambda: status(cluster) == "Updating")
        cluster.remove(CLUSTER_BASE_MODELS, ObjectKey("", "m"))
        await until(lambda: said(cluster) is None and not label(cluster), 3)
    assert not (world.disk_of("n1") / "m").exists()
    assert not (world.disk_of("n1") / ".m.fetching").exists()
    assert statuses(cluster)[-1] is None


async def test_a_model_that_is_switched_off_is_not_fetched_to_its_end(world: World) -> None:
    cluster, off = world.cluster, model()
    off["spec"]["disabled"] = True
    assert world.hub is not None
    trouble = Trouble(SHARD, 9, chunk_seconds=5.0)
    world.hub.troubles.append(trouble)
    world.settings["progress_seconds"] = 0.0
    async with agents(world):
        cluster.put(off)
        await anyio.sleep(0.2)
        assert said(cluster) is None
        cluster.put(model())
        await world.hub.until_served(SHARD, 1)
        await until(lambda: (entry := said(cluster)) and entry.progress)
        await until((world.disk_of("n1") / ".m.fetching" / "config.json").exists)
        cluster.put(off)
        await until(lambda: (entry := said(cluster)) and not entry.progress)
        asked = len(world.hub.requests)
        world.hub.troubles.remove(trouble)
        await anyio.sleep(0.3)
        assert (status(cluster), len(world.hub.requests)) == ("Updating", asked)
        # What came by then is still there, and is not fetched again.
        before = world.hub.served["config.json"]
        cluster.put(model())
        await until(lambda: status(cluster) == READY)
        assert world.hub.served["config.json"] == before
        # What is there whole stays.
        cluster.put(off)
        cluster.put(model("other"))
        await until(lambda: status(cluster, name="other") == READY)
        assert status(cluster) == READY
        cluster.remove(CLUSTER_BASE_MODELS, ObjectKey("", "m"))
        await until(lambda: said(cluster) is None)
    assert not (world.disk_of("n1") / "m").exists()


async def test_a_model_deleted_while_the_agent_was_away(world: World) -> None:
    cluster = world.cluster
    async with agents(world):
        cluster.put(model())
        cluster.put(model("gone", path="/models/gone"))
        await until(lambda: status(cluster) == status(cluster, name="gone") == READY)
        await until(lambda: label(cluster, name="gone") == READY)
    cluster.remove(CLUSTER_BASE_MODELS, ObjectKey("", "m"))
    found = cluster.object(CLUSTER_BASE_MODELS, ObjectKey("", "gone"))
    assert found is not None
    cluster.put({**found, "metadata": {**found["metadata"], "finalizers": []}})
    cluster.remove(CLUSTER_BASE_MODELS, ObjectKey("", "gone"))
    async with agents(world):
        await until(lambda: said(cluster) is None and not label(cluster))
        await until(lambda: not label(cluster, name="gone"))
        await until(lambda: said(cluster, name="gone") is None)
    assert not (world.disk_of("n1") / "m").exists()
