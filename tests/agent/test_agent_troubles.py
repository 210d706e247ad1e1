"""What goes wrong on a node is told with its own reason, and leaves other models alone."""

from __future__ import annotations

from typing import Any

import pytest

from ome.agent.disk import Disk
from ome.agent.protocol import READY
from ome.controllers.resources import CLUSTER_BASE_MODELS
from ome.kube.resource import ObjectKey
from ome.sandbox.hub import Repository, Trouble
from ome.sandbox.safetensors_files import llama_repository
from ome.storage.errors import DiskError
from tests.agent.support import (
    FILES,
    SHARD,
    World,
    agents,
    label,
    mark,
    model,
    said,
    status,
    statuses,
    until,
)
from tests.storage.support import on_disk

pytestmark = pytest.mark.timeout(180)
"""A busy machine is no failure."""


@pytest.mark.parametrize(
    ("trouble", "storage", "reason", "text"),
    [
        ("deleted", {}, "not_found", "Repository 'org/bad' not found"),
        ("revoked", {"key": "hub"}, "unauthorized", "the token is not valid"),
        ("no secret", {"key": "absent"}, "StorageCredentialsNotFound", "does not exist"),
        ("wrong bytes", {}, "checksum_mismatch", "the source lists"),
        ("", {"path": "/etc/passwd.d"}, "forbidden_path", "is not below"),
        ("", {"path": "/models/../etc"}, "forbidden_path", "without '..'"),
        ("", {"storageUri": "nonsense://x"}, "unknown_scheme", "unknown storage type"),
        ("", {"storageUri": "local:///nowhere", "path": None}, "local_path_not_found", "exist"),
    ],
)
async def test_each_trouble_has_its_own_reason_and_leaves_others_alone(
    world: World, trouble: str, storage: dict[str, Any], reason: str, text: str
) -> None:
    hub, cluster = world.hub, world.cluster
    assert hub is not None
    world.secrets["ome", "hub"] = {"token": b"revoked\n"}
    if trouble != "deleted":
        private = ("good",) if trouble in ("revoked", "no secret") else ()
        hub.repositories["org/bad"] = Repository(llama_repository(2, seed=9), tokens=private)
    async with agents(world):
        cluster.put(model("good", path="/models/good"))
        await until(lambda: status(cluster, name="good") == READY)
        if trouble == "wrong bytes":
            hub.troubles.append(Trouble("org/bad/resolve", 99, wrong_bytes=True))
        cluster.put(model(uri="hf://org/bad", **storage))
        await until(lambda: status(cluster) == "Failed" and label(cluster) == "Failed")
        entry = said(cluster)
        assert entry is not None
        assert entry.error is not None
        assert entry.error.reason == reason
        assert text in entry.error.message
        assert "revoked" not in entry.error.message.replace("expired or revoked", "")
        assert statuses(cluster, "good")[-1] == READY
    assert not (world.root / "n1" / "etc").exists()


@pytest.mark.parametrize("uri", ["ftp://a/b", "hf://a/b/c", "az://evil.example#/c"])
async def test_a_uri_that_nobody_can_read_is_told_at_once_and_nothing_else_is(
    world: World, uri: str
) -> None:
    cluster = world.cluster
    async with agents(world):
        cluster.put(model(uri=uri))
        await until(lambda: status(cluster) == "Failed")
    assert statuses(cluster) == ["Failed"]
    async with agents(world):  # which tries it again
        cluster.put(model("good"))
        await until(lambda: status(cluster, name="good") == READY)
    assert set(statuses(cluster)) == {"Failed"}


async def test_a_model_may_not_name_the_machine_itself(world: World) -> None:
    cluster = world.cluster
    assert world.hub is not None
    async with agents(world):
        # The hub that the agent itself is told of is on this machine, and is asked.
        cluster.put(model("good"))
        cluster.put(model(parameters={"endpoint": world.hub.url}))
        await until(lambda: status(cluster) == "Failed" and status(cluster, name="good") == READY)
        entry = said(cluster)
        assert entry is not None
        assert entry.error is not None
        assert entry.error.reason == "forbidden_address"
        assert "127.0.0.1 is the machine itself" in entry.error.message


async def test_a_link_out_of_the_root_is_not_followed(world: World) -> None:
    cluster, root = world.cluster, world.disk_of("n1")
    outside = world.root / "outside"
    outside.mkdir()
    root.mkdir(parents=True)
    (root / "door").symlink_to(outside)
    async with agents(world):
        cluster.put(model(path="/models/door/m"))
        await until(lambda: status(cluster) == "Failed")
        entry = said(cluster)
        assert entry is not None
        assert entry.error is not None
        assert entry.error.reason == "forbidden_path"
    assert list(outside.iterdir()) == []


async def test_files_that_cannot_be_removed_are_told_while_the_deletion_waits(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(_: Disk, path: str) -> None:
        raise DiskError(f"{path}: permission denied")

    cluster = world.cluster
    async with agents(world):
        cluster.put(model())
        await until(lambda: status(cluster) == READY)
        monkeypatch.setattr(Disk, "remove", refused)
        cluster.remove(CLUSTER_BASE_MODELS, ObjectKey("", "m"))
        await until(lambda: (entry := said(cluster)) and entry.error)
        entry = said(cluster)
        assert entry is not None
        assert entry.error is not None
        assert (entry.status, entry.error.reason) == (READY, "not_removed")
        assert "permission denied" in entry.error.message


async def test_two_models_of_other_content_in_one_path(world: World) -> None:
    cluster = world.cluster
    assert world.hub is not None
    world.hub.repositories["org/other"] = Repository({"config.json": b"{}"}, commit="d" * 40)
    async with agents(world):
        cluster.put(model("a", path="/models/x"))
        cluster.put(model("b", "hf://org/other", path="/models/x"))
        await until(lambda: {status(cluster, name=name) for name in "ab"} == {READY, "Failed"})
        failed = next(name for name in "ab" if status(cluster, name=name) == "Failed")
        entry = said(cluster, name=failed)
        assert entry is not None
        assert entry.error is not None
        assert entry.error.reason == "path_taken"


async def test_two_models_of_one_content_in_one_path(world: World) -> None:
    cluster, path = world.cluster, world.disk_of("n1") / "x"
    async with agents(world):
        for name in "ab":
            cluster.put(model(name, path="/models/x"))
        await until(lambda: [status(cluster, name=name) for name in "ab"] == [READY, READY])
        assert world.hub is not None
        assert world.hub.served[SHARD] == len(FILES[SHARD])
        cluster.remove(CLUSTER_BASE_MODELS, ObjectKey("", "a"))
        await until(lambda: said(cluster, name="a") is None)
        assert on_disk(path) == FILES
        cluster.remove(CLUSTER_BASE_MODELS, ObjectKey("", "b"))
        await until(lambda: said(cluster, name="b") is None)
        assert not path.exists()


async def test_reserved_files_stay(world: World) -> None:
    cluster, path = world.cluster, world.disk_of("n1") / "m"
    async with agents(world):
        cluster.put(model())
        await until(lambda: status(cluster) == READY)
        mark(cluster, labels={"models.ome/reserve-model-artifact": "True"})
        cluster.remove(CLUSTER_BASE_MODELS, ObjectKey("", "m"))
        await until(lambda: said(cluster) is None)
    assert on_disk(path) == FILES
