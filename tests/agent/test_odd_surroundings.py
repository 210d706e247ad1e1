"""Models, entries and disks of every odd kind: the trouble of one model, never the agent's end."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from ome.agent.disk import Disk
from ome.agent.fetch import contents
from ome.agent.fetch import manifest as manifests
from ome.agent.fetch.manifest import FOLDER, Manifest
from ome.agent.fetching import InProcess
from ome.agent.protocol import READY
from ome.controllers.resources import CLUSTER_BASE_MODELS
from ome.kube.resource import ObjectKey
from ome.kube.resources import NODES
from ome.sandbox.hub import Repository, running_hub
from ome.sandbox.safetensors_files import llama_repository
from ome.storage.errors import DiskError
from tests.agent.support import World, agents, label, model, new_cluster, said, status, until
from tests.storage.support import around

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = pytest.mark.timeout(180)
"""A busy machine is no failure."""

FILES = llama_repository(1)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with running_hub({"org/tiny": Repository(FILES)}) as hub:
        yield World(new_cluster("n1"), hub, tmp_path)


async def failed(world: World, name: str) -> str:
    """The text of a model's failure, once another model that came after it is Ready."""
    cluster = world.cluster
    await until(lambda: status(cluster, name=name) == "Failed")
    cluster.put(model(f"after-{name}"))
    await until(lambda: status(cluster, name=f"after-{name}") == READY)
    entry = said(cluster, name=name)
    assert entry is not None
    assert entry.error is not None
    assert "\n" not in entry.error.message
    return f"{entry.error.reason}: {entry.error.message}"


@pytest.mark.parametrize(
    ("storage", "text"),
    [
        ({"path": "/models/a\0b"}, "forbidden_path: spec.storage.path"),
        ({"path": "/models/" + "a/" * 3000}, "forbidden_path: spec.storage.path"),
        ({"path": "/models/" + "a" * 300}, "disk_error: "),
        ({"path": "/models/" + "a" * 250}, "disk_error: "),
        ({"path": "/models/a-file/x"}, "disk_error: "),
        ({"path": "/models/round/x/y"}, "disk_error: "),
        ({"storageUri": "local:///a\0b", "path": None}, "local_path_not_found: "),
        ({"storageUri": "local:///" + "a" * 300, "path": None}, "disk_error: "),
        ({"storageUri": "local:///" + "a/" * 3000, "path": None}, "disk_error: "),
    ],
)
async def test_a_path_that_no_disk_takes(world: World, storage: dict[str, Any], text: str) -> None:
    root = world.disk_of("n1")
    root.mkdir(parents=True)
    (root / "round").symlink_to("round")
    (root / "a-file").touch()
    async with agents(world):
        world.cluster.put(model("odd", **storage))
        assert (await failed(world, "odd")).startswith(text)
        world.cluster.remove(CLUSTER_BASE_MODELS, ObjectKey("", "odd"))
        await until(lambda: label(world.cluster, name="odd") == "", 30)


async def test_what_nobody_foresaw_is_the_failure_of_one_model(world: World) -> None:
    class Defect(InProcess):
        async def fetch(self, job: Any, *told: Any) -> Any:
            if job.key.endswith(".odd"):
                raise KeyError("of the\nfuture")
            return await super().fetch(job, *told)

    world.downloads = Defect(around(environ={"HF_ENDPOINT": world.hub.url if world.hub else ""}))
    async with agents(world):
        world.cluster.put(model("odd"))
        text = await failed(world, "odd")
    assert text.startswith("internal_error: an error of the agent itself, KeyError")


async def test_an_object_that_nobody_foresaw_leaves_the_others(world: World) -> None:
    cluster = world.cluster
    async with agents(world):
        odd: list[dict[str, Any]] = [{"nodeSelector": ["x"]}, {"path": 7}]
        for number, storage in enumerate(odd):
            cluster.put(model(f"odd{number}", **storage))
        cluster.put(model("good"))
        await until(lambda: status(cluster, name="good") == READY)
        cluster.remove(CLUSTER_BASE_MODELS, ObjectKey("", "odd0"))
        cluster.put(model("odd1"))
        await until(lambda: status(cluster, name="odd1") == READY)


_ODD_ENTRIES = {
    "not json": "{",
    "another shape": "[1]",
    "null": "null",
    "wrong types": '{"name": 1, "status": []}',
    "another state": '{"name": "odd", "status": "Made up\\n"}',
    "deep": '{"config": {"decodedModelConfiguration": ' + '{"a":' * 5000 + "1" + "}" * 5002,
    "huge": json.dumps({"name": "odd", "error": {"reason": "x", "message": "line\n" * 90_000}}),
    "a parent nowhere": json.dumps(
        {
            "name": "odd",
            "status": "Ready",
            "config": {
                "artifact": {
                    "sha": "c" * 40,
                    "parentPath": {"clusterbasemodel.other": "/models/a\0b"},
                    "childrenPaths": ["", "\0", "../.."],
                }
            },
        }
    ),
}


@pytest.mark.parametrize("text", _ODD_ENTRIES.values(), ids=_ODD_ENTRIES)
async def test_an_entry_that_somebody_else_wrote(world: World, text: str) -> None:
    cluster = world.cluster
    data = {"clusterbasemodel.odd": text, "clusterbasemodel.gone": text, "": text}
    cluster.put(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "n1", "namespace": "ome"},
            "data": data,
        }
    )
    cluster.put(model("odd", downloadPolicy="ReuseIfExists"))
    async with agents(world):
        await until(lambda: status(cluster, name="odd") == READY)
        cluster.put(model("other", downloadPolicy="ReuseIfExists"))
        await until(lambda: status(cluster, name="other") == READY)


async def test_a_state_that_somebody_made_up_comes_to_no_label(world: World) -> None:
    cluster = world.cluster
    data = {"clusterbasemodel.odd": '{"name": "odd", "status": "Made up"}'}
    cluster.put(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "n1", "namespace": "ome"},
            "data": data,
        }
    )
    odd = model("odd")
    odd["spec"]["disabled"] = True
    cluster.put(odd)
    cluster.put(model("good"))
    async with agents(world):
        await until(lambda: label(cluster, name="good") == READY)
        await world.agents["n1"]._repair()
        await world.agents["n1"].settled()
    written = [write.body for write in cluster.writes if write.resource == NODES]
    assert "Made up" not in str(written)


@pytest.mark.parametrize(
    "content", [b"", b"\xff", b'{"files": {"\xff": null}}', b"[" * 9999, b'{"zz":' + b"[" * 99999]
)
def test_a_broken_file_of_the_agents_own_is_none(tmp_path: Path, content: bytes) -> None:
    manifests.save(str(tmp_path), Manifest("k", "s", str(tmp_path / "m"), "", {}))
    contents.note(str(tmp_path), contents.spot(str(tmp_path / "m")), ["f"])
    for file in (tmp_path / FOLDER).iterdir():
        file.write_bytes(content)
    assert manifests.load(str(tmp_path), "k") is None
    assert manifests.every(str(tmp_path)) == []
    contents.sweep(str(tmp_path), str(tmp_path / "m"))


async def test_links_in_a_circle_are_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / "round").symlink_to("round")
    (tmp_path / "m").mkdir()
    disk = Disk([str(tmp_path)])
    assert not await disk.linked(str(tmp_path / "m"))
    assert not await disk.is_dir(str(tmp_path / "round" / "x"))
    await disk.remove(str(tmp_path / "round"))
    assert not (tmp_path / "round").is_symlink()


async def test_a_mount_that_goes_away_is_an_error_of_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise OSError(107, "Transport endpoint is not connected")

    monkeypatch.setattr(manifests, "load", gone)
    with pytest.raises(DiskError, match="transport endpoint is not connected"):
        await Disk([str(tmp_path)]).held("k")
