"""One model onto one node, in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from ome.agent.fetch import manifest as manifests
from ome.agent.fetch.model import Job
from ome.errors import StorageError
from ome.sandbox.hub import Repository, Trouble, running_hub
from ome.sandbox.safetensors_files import llama_repository
from ome.storage.errors import (
    DiskError,
    ForbiddenPath,
    LocalPathNotFound,
    SourceNotFound,
    UnsupportedStorage,
)
from tests.agent.fetch.support import KEY, fetch, job
from tests.storage.support import on_disk

if TYPE_CHECKING:
    from pathlib import Path

FILES = llama_repository(3)
SHARD = "model-00002-of-00003.safetensors"


def tiny() -> dict[str, Repository]:
    return {"org/tiny": Repository(dict(FILES))}


async def test_a_model_is_fetched_described_and_remembered(tmp_path: Path) -> None:
    async with running_hub(tiny()) as hub:
        done = await fetch(job(hub, tmp_path))
    place = tmp_path / "hf:" / "org" / "tiny"
    assert done.path == str(place)
    assert on_disk(place) == FILES
    assert (done.fetched, done.revision, done.files) == (True, "c" * 40, len(FILES))
    assert done.size == sum(map(len, FILES.values()))
    assert done.config is not None
    assert done.config.model_parameter_size == "92.56K"
    assert done.config.max_tokens == 2048
    assert done.config.model_format == {"name": "safetensors", "version": "1.0.0"}
    found = manifests.load(str(tmp_path), KEY)
    assert found is not None
    assert found.files.keys() == FILES.keys()


async def test_a_restart_asks_the_hub_for_nothing(tmp_path: Path) -> None:
    async with running_hub(tiny()) as hub:
        first = await fetch(job(hub, tmp_path))
        hub.requests.clear()
        again = await fetch(job(hub, tmp_path))
        assert hub.requests == []
    assert again == msgspec.structs.replace(first, fetched=False)


async def test_a_wish_to_look_again_fetches_what_changed(tmp_path: Path) -> None:
    async with running_hub(tiny()) as hub:
        done = await fetch(job(hub, tmp_path))
        changed = {**FILES, "README.md": b"# new\n"}
        hub.repositories["org/tiny"] = Repository(changed, commit="d" * 40)
        hub.served.clear()
        assert (await fetch(job(hub, tmp_path))).revision == "c" * 40
        again = await fetch(job(hub, tmp_path, again=True))
        assert again.revision == "d" * 40
        assert again.path == done.path
        assert dict(hub.served) == {"README.md": len(b"# new\n")}
        assert on_disk(tmp_path / "hf:" / "org" / "tiny") == changed


@pytest.mark.parametrize("damage", ["missing", "longer", "other"])
async def test_damage_is_found_at_a_restart(tmp_path: Path, damage: str) -> None:
    async with running_hub(tiny()) as hub:
        await fetch(job(hub, tmp_path))
        path = tmp_path / "hf:" / "org" / "tiny" / SHARD
        path.unlink()
        if damage == "longer":
            path.write_bytes(FILES[SHARD] + b"x")
        elif damage == "other":
            path.write_bytes(b"x" * len(FILES[SHARD]))
        hub.served.clear()
        assert (await fetch(job(hub, tmp_path))).fetched
        assert dict(hub.served) == {SHARD: len(FILES[SHARD])}
        assert on_disk(path.parent) == FILES


@pytest.mark.parametrize(
    ("more", "fetched"),
    [
        ({"uri": "hf://org/tiny@main"}, False),
        ({"uri": f"hf://org/tiny@{'c' * 40}"}, True),
        ({"parameters": {"ignore_patterns": "original/*"}}, True),
        ({"parameters": {"token": "x", "unknown": "y"}}, False),
        ({"concurrency": 9}, False),
    ],
)
async def test_what_makes_a_source_another_one(
    tmp_path: Path, more: dict[str, object], fetched: bool
) -> None:
    async with running_hub(tiny()) as hub:
        path = str(tmp_path / "model")
        await fetch(job(hub, tmp_path, path=path))
        parameters = {"endpoint": hub.url, **more.pop("parameters", {})}  # type: ignore[dict-item]
        changed = job(hub, tmp_path, path=path, parameters=parameters, **more)
        assert (await fetch(changed)).fetched is fetched


async def test_of_another_source_nothing_of_the_former_one_is_left(tmp_path: Path) -> None:
    other = {"model.safetensors": FILES[SHARD], "config.json": FILES["config.json"]}
    path = tmp_path / "model"
    async with running_hub(tiny()) as hub:
        hub.repositories["org/other"] = Repository(other, commit="d" * 40)
        await fetch(job(hub, tmp_path, path=str(path)))
        (path / "notes.md").write_text("of the user")
        (path / "README.md").write_text("changed by the user")
        await fetch(job(hub, tmp_path, path=str(path), uri="hf://org/other"))
    mine = {"notes.md": b"of the user", "README.md": b"changed by the user"}
    assert on_disk(path) == {**other, **mine}
    assert not (path / "original").exists()


async def test_nothing_stands_under_the_final_name_before_all_is_there(tmp_path: Path) -> None:
    async with running_hub(tiny()) as hub:
        hub.troubles.append(Trouble(SHARD, 99, 404))
        with pytest.raises(SourceNotFound):
            await fetch(job(hub, tmp_path))
        place = tmp_path / "hf:" / "org" / "tiny"
        assert not place.exists()
        hub.troubles.clear()
        hub.served.clear()
        await fetch(job(hub, tmp_path))
        assert dict(hub.served) == {SHARD: len(FILES[SHARD])}
        assert on_disk(place) == FILES


async def test_files_of_another_agent_are_taken_over(tmp_path: Path) -> None:
    place = tmp_path / "model"
    for name, content in FILES.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(content)
    (place / "extra").write_text("stays")
    async with running_hub(tiny()) as hub:
        await fetch(job(hub, tmp_path, path=str(place)))
        assert not hub.served
    assert on_disk(place) == {**FILES, "extra": b"stays"}


async def test_two_at_a_time_are_refused(tmp_path: Path) -> None:
    async with running_hub(tiny()) as hub:
        with manifests.only_one(str(tmp_path), KEY):
            with pytest.raises(DiskError, match="another process fetches"):
                await fetch(job(hub, tmp_path))
        await fetch(job(hub, tmp_path))


async def test_a_model_whose_files_say_nothing_is_there_all_the_same(tmp_path: Path) -> None:
    async with running_hub({"org/tiny": Repository({"a.bin": b"x"})}) as hub:
        done = await fetch(job(hub, tmp_path))
        assert done.config is None
        assert "no model_index.json or config.json found" in done.config_error
        skipped = await fetch(job(hub, tmp_path, describe=False))
        assert (skipped.config, skipped.config_error) == (None, "")


@pytest.mark.parametrize(
    ("uri", "path", "kind"),
    [
        ("hf://org/tiny", "/etc/ome", ForbiddenPath),
        ("local:///nonexistent/x", "", LocalPathNotFound),
        ("pvc://claim/x", "", UnsupportedStorage),
        ("hf://", "", StorageError),
    ],
)
async def test_jobs_that_cannot_go_well(
    tmp_path: Path, uri: str, path: str, kind: type[StorageError]
) -> None:
    async with running_hub(tiny()) as hub:
        with pytest.raises(kind):
            await fetch(job(hub, tmp_path, uri=uri, path=path))


async def test_local_and_vendor_models_transfer_nothing(tmp_path: Path) -> None:
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    async with running_hub(tiny()) as hub:
        local = await fetch(job(hub, tmp_path, uri=f"local://{tmp_path}"))
        vendor = await fetch(job(hub, tmp_path, uri="vendor://v/models/m"))
        assert hub.requests == []
    assert local.config is not None
    assert local.config.model_type == "llama"
    assert not local.fetched
    assert vendor.config is None


def test_a_job_does_not_show_its_credentials() -> None:
    held = Job(key="k", uri="hf://a/b", roots=["/m"], credentials={"token": "hunter2"})
    assert "hunter2" not in f"{held!r} {held}"
    assert msgspec.json.decode(msgspec.json.encode(held), type=Job) == held


def test_manifests_that_cannot_be_read_are_none(tmp_path: Path) -> None:
    assert manifests.load(str(tmp_path), KEY) is None
    held = manifests.Manifest(KEY, "s", "/p", "r", {})
    manifests.save(str(tmp_path), held)
    assert manifests.load(str(tmp_path), KEY) == held
    assert not manifests.fits(held, tmp_path)
    for path in (tmp_path / manifests.FOLDER).glob("*.json"):
        path.write_bytes(b"{")
    assert manifests.load(str(tmp_path), KEY) is None
    manifests.forget(str(tmp_path), KEY)
    manifests.forget(str(tmp_path), KEY)
