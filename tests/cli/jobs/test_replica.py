"""Copies between a hub, object storage and claims."""

from __future__ import annotations

import base64
import hashlib
import os
import signal
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import pytest
import yaml

from ome.cli.jobs.configuration import Configuration, JobFailed
from ome.cli.jobs.replica import replication_of, until_signal
from ome.cli.jobs.replication import Replication, Stores, replicate
from ome.sandbox.hub import Repository, running_hub
from ome.sandbox.safetensors_files import llama_repository
from ome.storage.errors import AccessDenied, ForbiddenPath, NetworkError, SourceNotFound
from ome.storage.providers.disk import LocalFiles
from ome.storage.registry import open_source
from ome.storage.settings import Wishes
from ome.storage.uris import HuggingFaceUri, OciUri, PvcUri
from tests.cli.jobs.support import failing
from tests.storage.support import around, on_disk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from ome.errors import StorageError
    from ome.storage.sources import Sink, Source

FILES = llama_repository(2)


class Bucket:
    """Object storage that is a directory."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.metadata: dict[str, Mapping[str, str]] = {}
        self.failures: dict[str, list[StorageError]] = {}

    def stores(self) -> Stores:
        return Stores(self._source, self._sink)

    @asynccontextmanager
    async def _source(self, uri: OciUri, *_: object) -> AsyncIterator[Source]:
        yield LocalFiles(self.root / uri.bucket / uri.prefix.strip("/"), around().threads)

    @asynccontextmanager
    async def _sink(self, uri: OciUri, *_: object) -> AsyncIterator[Sink]:
        yield _Put(self, self.root / uri.bucket / uri.prefix.strip("/"))


class _Put:
    def __init__(self, bucket: Bucket, folder: Path) -> None:
        self._bucket = bucket
        self._folder = folder

    async def put(self, name: str, path: Path, metadata: Mapping[str, str]) -> None:
        failures = self._bucket.failures.get(name)
        if failures:
            raise failures.pop(0)
        place = self._folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(path.read_bytes())  # noqa: ASYNC240
        self._bucket.metadata[name] = metadata


@pytest.fixture
def bucket(tmp_path: Path) -> Bucket:
    return Bucket(tmp_path / "buckets")


def write(root: Path, files: Mapping[str, bytes] = FILES) -> None:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)


HUB = HuggingFaceUri("org/tiny")
OBJECTS = OciUri("ns", "b", "models/tiny/")


async def from_hub(target: OciUri | PvcUri, local: Path, bucket: Bucket, **more: Any) -> None:
    async with running_hub({"org/tiny": Repository(FILES)}) as hub:
        wishes = Wishes(endpoint=hub.url)
        wanted = Replication(HUB, target, local, from_wishes=wishes, **more)
        await replicate(wanted, around(), Stores(open_source, bucket.stores().sink))


async def test_from_a_hub_to_objects_and_back_to_a_claim(tmp_path: Path, bucket: Bucket) -> None:
    local = tmp_path / "local"
    write(local / "replica", {"left.bin": b"of an earlier run"})
    await from_hub(OBJECTS, local, bucket, checksum="sha256")
    assert on_disk(bucket.root / "b" / "models" / "tiny") == FILES
    assert not (local / "replica").exists()
    told = bucket.metadata["config.json"]["sha256"]
    assert base64.b64decode(told) == hashlib.sha256(FILES["config.json"]).digest()
    back = Replication(OBJECTS, PvcUri("", "claim", "a/b"), local)
    await replicate(back, around(), bucket.stores())
    assert on_disk(local / "a" / "b") == FILES


async def test_from_a_hub_to_a_claim(tmp_path: Path, bucket: Bucket) -> None:
    await from_hub(PvcUri("", "claim", "models/tiny"), tmp_path / "local", bucket)
    assert on_disk(tmp_path / "local" / "models" / "tiny") == FILES


async def test_between_object_stores(tmp_path: Path, bucket: Bucket) -> None:
    write(bucket.root / "b" / "models" / "tiny")
    bucket.failures["config.json"] = [NetworkError("broke off")]
    wanted = Replication(OBJECTS, OciUri("ns", "c", ""), tmp_path, connections=1)
    await replicate(wanted, around(), bucket.stores())
    assert on_disk(bucket.root / "c") == FILES
    assert set(map(str, bucket.metadata.values())) == {"{}"}


async def test_from_a_claim_to_objects(tmp_path: Path, bucket: Bucket) -> None:
    write(tmp_path / "sub")
    wanted = Replication(PvcUri("", "claim", "sub"), OBJECTS, tmp_path)
    await replicate(wanted, around(), bucket.stores())
    assert on_disk(bucket.root / "b" / "models" / "tiny") == FILES
    assert on_disk(tmp_path / "sub") == FILES


async def test_between_claims_modes_are_kept(tmp_path: Path, bucket: Bucket) -> None:
    write(tmp_path / "sub")
    (tmp_path / "sub" / "config.json").chmod(0o600)
    wanted = Replication(PvcUri("ns", "a", "sub"), PvcUri("ns", "b", "sub/"), tmp_path)
    await replicate(wanted, around(), bucket.stores())
    assert on_disk(tmp_path / "b" / "sub") == FILES
    assert (tmp_path / "b" / "sub" / "config.json").stat().st_mode & 0o777 == 0o600


async def test_a_copy_onto_itself_is_none(tmp_path: Path, bucket: Bucket) -> None:
    same = PvcUri("ns", "a", "sub")
    await replicate(Replication(same, same, tmp_path), around(), bucket.stores())
    assert on_disk(tmp_path) == {}


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (PvcUri("", "claim", "sub"), "some files failed to upload (2/8), first README.md: no"),
        (OBJECTS, "2/8 replications failed, first README.md: no"),
    ],
)
async def test_files_that_fail_do_not_stop_the_others(
    source: Any, text: str, tmp_path: Path, bucket: Bucket
) -> None:
    write(tmp_path / "sub")
    write(bucket.root / "b" / "models" / "tiny")
    bucket.failures = {name: [AccessDenied("no")] * 9 for name in ("README.md", "config.json")}
    with pytest.raises(JobFailed) as raised:
        await replicate(
            Replication(source, OciUri("ns", "c", "x"), tmp_path), around(), bucket.stores()
        )
    assert str(raised.value) == text
    assert len(on_disk(bucket.root / "c" / "x")) == len(FILES) - 2


async def test_a_signal_ends_it_and_what_was_begun(tmp_path: Path, bucket: Bucket) -> None:
    write(tmp_path / "sub")
    given_up: list[str] = []

    class Slow:
        async def put(self, name: str, path: Path, metadata: Mapping[str, str]) -> None:
            os.kill(os.getpid(), signal.SIGTERM)
            try:
                await anyio.sleep_forever()
            finally:
                given_up.append(name)

    @asynccontextmanager
    async def slow(*_: object) -> AsyncIterator[Sink]:
        yield Slow()

    wanted = Replication(PvcUri("", "claim", "sub"), OBJECTS, tmp_path, connections=1)
    with pytest.raises(JobFailed, match="stopped by SIGTERM before all was copied"):
        await until_signal(wanted, around(), Stores(bucket.stores().source, slow))
    assert len(given_up) == 1


@pytest.mark.parametrize(
    ("files", "most", "text"),
    [
        ({"a": b"123"}, 2, "Model weights exceed size limit of 2 bytes: they have 3"),
        ({"a": b""}, 0, "No model weights exist in the model folder"),
    ],
)
async def test_models_of_a_wrong_size(
    files: dict[str, bytes], most: int, text: str, tmp_path: Path, bucket: Bucket
) -> None:
    write(tmp_path / "sub", files)
    wanted = Replication(PvcUri("", "c", "sub"), OBJECTS, tmp_path, most_bytes=most)
    with pytest.raises(JobFailed, match=text):
        await replicate(wanted, around(), bucket.stores())


@pytest.mark.parametrize(
    ("sub_path", "kind"), [("empty", SourceNotFound), ("../etc", ForbiddenPath)]
)
async def test_sources_that_are_not_there(
    sub_path: str, kind: type[StorageError], tmp_path: Path, bucket: Bucket
) -> None:
    (tmp_path / "empty").mkdir()
    wanted = Replication(PvcUri("", "c", sub_path), OBJECTS, tmp_path)
    with pytest.raises(kind):
        await replicate(wanted, around(), bucket.stores())


def config(from_uri: str, to_uri: str, **more: Any) -> dict[str, Any]:
    oci = {"enabled": True, "auth_type": "InstancePrincipal", "region": "r"}
    return {
        "source": {"storage_uri": from_uri, "oci": oci, "pvc": {"enabled": True}},
        "target": {"storage_uri": to_uri, "oci": oci, "pvc": {"enabled": True}},
        "local_path": "/scratch",
        **more,
    }


OCI, PVC, HF = "oci://n/ns/b/bk/o/x", "pvc://claim/x", "hf://org/m"


@pytest.mark.parametrize(
    ("source", "target"),
    [(HF, OCI), (OCI, OCI), (PVC, OCI), (HF, PVC), (OCI, PVC), ("pvc://n:a/x", "pvc://n:b/x")],
)
def test_pairs(source: str, target: str) -> None:
    wanted = replication_of(Configuration({}, {}, config(source, target)))
    assert (wanted.connections, wanted.most_bytes, wanted.checksum) == (10, 650 * 2**30, None)
    assert wanted.to_wishes.region == ("r" if target == OCI else "")
    assert wanted.from_wishes.auth == ("InstancePrincipal" if source == OCI else "")


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        (config("", OCI), "source.storage_uri is required"),
        (config("nope://x", OCI), "invalid source storage URI nope://x - unknown storage type"),
        (config(OCI, "oci://bk/x"), "invalid target storage URI oci://bk/x - invalid OCI storage"),
        (
            config("s3://b/x", OCI),
            "failed to parse source storage URI s3://b/x - unsupported storage type for object URI:"
            " S3",
        ),
        (
            config(OCI, "az://a/c"),
            "failed to parse target storage URI az://a/c - unsupported storage type for object URI:"
            " AZURE",
        ),
        (config(OCI, HF), "unsupported replication: OCI \u2192 HUGGINGFACE"),
        (config(HF, "local:///x"), "unsupported replication: HUGGINGFACE \u2192 LOCAL"),
        (config("local:///x", OCI), "unsupported replication: LOCAL \u2192 OCI"),
        (
            config(OCI, PVC, source={"storage_uri": OCI}),
            "required Source.OCIOSDataStore is nil; set source.oci.enabled to true",
        ),
        (
            config(OCI, PVC, target={"storage_uri": PVC}),
            "required Target.PVCFileSystem is nil; set target.pvc.enabled to true",
        ),
        (
            config("pvc://a:c/x", "pvc://b:c/x"),
            "source PVC and target PVC namespaces do not match: a != b",
        ),
        (config(PVC, OCI, local_path=""), "local_path is required"),
        (config(PVC, OCI, num_connections=0), "num_connections must be positive"),
    ],
)
def test_settings_that_are_refused(settings: dict[str, Any], text: str) -> None:
    with pytest.raises(JobFailed) as raised:
        replication_of(Configuration({}, {}, settings))
    assert text in str(raised.value)


def test_settings_of_the_target(tmp_path: Path) -> None:
    told = config(HF, OCI, download_size_limit_gb=2, hf_token="t", endpoint="http://mirror/")
    told["target"]["checksum"] = {"upload_enabled": True, "algorithm": "MD5"}
    environ = {"OME_AGENT_ENABLE_SIZE_LIMIT_CHECK": "false", "OME_AGENT_NUM_CONNECTIONS": "3"}
    wanted = replication_of(Configuration({}, environ, told))
    assert (wanted.checksum, wanted.most_bytes, wanted.connections) == ("md5", 0, 3)
    assert wanted.credentials.get("token") == "t"
    assert wanted.from_wishes.endpoint == "http://mirror"
    assert wanted.local == Path("/scratch")
    told["target"]["checksum"]["algorithm"] = "crc"
    with pytest.raises(JobFailed, match="expected md5 or sha256"):
        replication_of(Configuration({}, {}, told))


def test_an_error_is_the_pods_last_word(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, message = tmp_path / "agent.yaml", tmp_path / "message"
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "a").write_bytes(b"")
    told = config("pvc://claim/empty", "pvc://other/x", local_path=str(tmp_path))
    file.write_text(yaml.safe_dump(told))
    words = ["replica", "-c", str(file), f"--termination-message-path={message}"]
    said = failing(capsys, *words)
    assert said.startswith("replica encountered an error during execution: No model weights exist")
    assert message.read_text().startswith("No model weights exist in the model folder")
    assert "/dev/none/x" in failing(capsys, *words[:3], "--termination-message-path=/dev/none/x")
