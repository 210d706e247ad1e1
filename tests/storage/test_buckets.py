"""Object stores: S3 against a local server, Google and Azure against what they answer."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from aiohttp import web
from moto.moto_server.threaded_moto_server import ThreadedMotoServer

from ome.errors import StorageError
from ome.sandbox.safetensors_files import llama_repository
from ome.storage.download import download, list_files
from ome.storage.errors import (
    AccessDenied,
    ChecksumMismatch,
    CredentialsNotFound,
    InvalidUri,
    NetworkError,
    SourceNotFound,
)
from ome.storage.providers.buckets import checksum_of
from ome.storage.settings import Wishes
from ome.storage.sources import Checksum, RemoteFile
from tests.kube.server import serving
from tests.storage.support import POLICY, around, on_disk, opened, read_all

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILES = llama_repository()
KEYS = {"aws_access_key_id": "an-id", "aws_secret_access_key": "a-secret"}
MD5 = hashlib.md5(b"x", usedforsecurity=False)
SHA = hashlib.sha256(b"x")


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The endpoint of an S3 server with a few objects."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    client = boto3.client(
        "s3",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="an-id",
        aws_secret_access_key="a-secret",
    )
    client.create_bucket(Bucket="models")
    for name, content in FILES.items():
        client.put_object(Bucket="models", Key=f"llama/{name}", Body=content)
    client.put_object(Bucket="models", Key="llama/", Body=b"")
    client.put_object(Bucket="models", Key="llama/original/", Body=b"")
    client.put_object(Bucket="models", Key="llama-70b/config.json", Body=b"another model")
    client.put_object(Bucket="models", Key="odd/a b+c\u00fc#?.txt", Body=b"odd")
    client.put_object(Bucket="models", Key="summed/a", Body=b"x", ChecksumAlgorithm="SHA256")
    client.put_object(Bucket="models", Key="kms/a", Body=b"x", ServerSideEncryption="aws:kms")
    client.close()
    yield url
    server.stop()


def at(s3: str, **more: str) -> dict[str, str]:
    return {"endpoint": s3, "region": "us-east-1", **more}


async def test_a_prefix_is_a_directory(s3: str) -> None:
    for uri in ("s3://models/llama", "s3://models/llama/", "s3://models@us-east-1/llama"):
        async with opened(uri, at(s3), KEYS) as source:
            found = await source.list()
            assert [file.path for file in found.files] == sorted(FILES)
            assert found.total_bytes == sum(map(len, FILES.values()))


async def test_one_object_and_a_whole_bucket(s3: str) -> None:
    async with opened("s3://models/llama/config.json", at(s3), KEYS) as source:
        (file,) = (await source.list()).files
        assert file.path == "config.json"
        assert await read_all(source, file) == FILES["config.json"]
        assert await read_all(source, file, 2, 9) == FILES["config.json"][2:9]
        assert await read_all(source, file, 5) == FILES["config.json"][5:]
    async with opened("s3://models", at(s3), KEYS) as source:
        paths = [file.path for file in (await source.list()).files]
        assert "llama/config.json" in paths
        assert "llama-70b/config.json" in paths


async def test_odd_names_survive(s3: str, tmp_path: Path) -> None:
    async with opened("s3://models/odd", at(s3), KEYS) as source:
        found = await source.list()
        await download(source, found, tmp_path, around(), POLICY)
    assert on_disk(tmp_path) == {"a b+c\u00fc#?.txt": b"odd"}


async def test_a_large_object_comes_in_ranges(
    s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ome.storage.transfer.RANGED_FROM", 100_000)
    monkeypatch.setattr("ome.storage.ranges.RANGE", 30_000)
    surroundings = around()
    async with opened("s3://models/llama", at(s3), KEYS, surroundings) as source:
        found = await list_files(source, Wishes(), surroundings, POLICY)
        done = await download(source, found, tmp_path, surroundings, POLICY, ranges=3)
    assert on_disk(tmp_path) == FILES
    assert all(fact.checksum.startswith("md5:") for fact in done.files.values())


async def test_a_whole_download_is_verified(s3: str, tmp_path: Path) -> None:
    surroundings = around()
    shard = "model-00001-of-00002.safetensors"
    (tmp_path / shard).write_bytes(b"y" * len(FILES[shard]))
    async with opened("s3://models/llama", at(s3), KEYS, surroundings) as source:
        found = await list_files(source, Wishes(), surroundings, POLICY)
        done = await download(source, found, tmp_path, surroundings, POLICY)
    assert on_disk(tmp_path) == FILES
    assert all(fact.checksum.startswith("md5:") for fact in done.files.values())


async def test_an_object_that_changes_meanwhile_is_not_mixed(s3: str) -> None:
    async with opened("s3://models/llama/config.json", at(s3), KEYS) as source:
        (file,) = (await source.list()).files
        changed = RemoteFile(file.path, file.size, key=file.key, version='"0000"')
        with pytest.raises(StorageError):
            await read_all(source, changed, 5)


@pytest.mark.parametrize(
    ("key", "algorithm"), [("summed/a", "sha256"), ("llama/README.md", "md5"), ("kms/a", None)]
)
async def test_what_the_store_says_of_the_bytes(s3: str, key: str, algorithm: str | None) -> None:
    async with opened(f"s3://models/{key}", at(s3), KEYS) as source:
        (file,) = (await source.list()).files
        checksum = await source.checksum(file)
        if key == "summed/a":
            assert checksum in (
                Checksum("sha256", SHA.hexdigest()),
                Checksum("md5", MD5.hexdigest()),
            )
        else:
            assert (checksum.algorithm if checksum else None) == algorithm


@pytest.mark.parametrize(
    ("uri", "text"),
    [
        ("s3://models/nothing", "s3://models/nothing: not found"),
        ("s3://nobody/llama", "s3://nobody/llama: bucket not found"),
        ("s3://nobody", "bucket not found"),
    ],
)
async def test_what_is_not_there(s3: str, uri: str, text: str) -> None:
    async with opened(uri, at(s3), KEYS) as source:
        with pytest.raises(SourceNotFound, match=text):
            await source.list()


async def test_nobody_answers() -> None:
    async with opened("s3://b/p", at("http://127.0.0.1:9"), KEYS) as source:
        with pytest.raises(NetworkError) as raised:
            await source.list()
    assert "a-secret" not in str(raised.value)


async def test_a_refusal_of_an_object_store() -> None:
    async def refuse(_: web.BaseRequest) -> web.Response:
        body = "<Error><Code>AccessDenied</Code><Message>key a-secret</Message></Error>"
        return web.Response(status=403, text=body)

    async with serving(refuse) as url, opened("s3://b/p", at(url), KEYS) as source:
        with pytest.raises(AccessDenied, match="check the Secret") as raised:
            await source.list()
    assert "a-secret" not in str(raised.value)
    assert raised.value.__cause__ is None


async def test_an_endpoint_of_the_model_sees_no_credential_of_the_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "machine")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "machine")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "machine-token")
    seen: list[dict[str, str]] = []

    async def note(request: web.BaseRequest) -> web.Response:
        seen.append(dict(request.headers))
        return web.Response(status=404)

    async with serving(note) as url:
        for uri in ("s3://b/p", "gs://b/p", "az://acct/cont/p"):
            async with opened(uri, at(url)) as source:
                with pytest.raises(SourceNotFound):
                    await source.list()
    assert seen
    assert not [headers for headers in seen if "Authorization" in headers]
    assert "machine" not in json.dumps(seen)


async def google(request: web.BaseRequest) -> web.StreamResponse:
    """The XML API of Google, as far as listing and reading go."""
    if request.path == "/b" and request.query.get("list-type") == "2":
        text = (
            "<ListBucketResult><Contents><Key>m/a.bin</Key><Size>5</Size>"
            '<LastModified>2026-01-01T00:00:00Z</LastModified><ETag>"1"</ETag></Contents>'
            "</ListBucketResult>"
        )
        return web.Response(text=text, content_type="application/xml")
    headers = {"Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT", "ETag": '"1"'}
    return web.Response(body=b"hello", headers=headers)


async def test_google() -> None:
    async with serving(google) as url, opened("gs://b/m", {"endpoint": url}) as source:
        (file,) = (await source.list()).files
        assert (file.path, file.size) == ("a.bin", 5)
        assert await source.checksum(file) is None  # nobody to sign as
        assert await read_all(source, file) == b"hello"


async def test_a_key_of_google_that_is_none() -> None:
    with pytest.raises(CredentialsNotFound, match="put the whole JSON file"):
        async with opened("gs://b/m", None, {"gcp_service_account_key": "secret"}):
            pass


async def azure(request: web.BaseRequest) -> web.StreamResponse:
    """The blob service, as far as listing and reading go."""
    if request.query.get("comp") == "list":
        text = (
            '<?xml version="1.0"?><EnumerationResults><Blobs><Blob><Name>m/a.bin</Name><Properties>'
            "<Last-Modified>Thu, 01 Jan 2026 00:00:00 GMT</Last-Modified><Content-Length>5"
            "</Content-Length><Content-Type>x/y</Content-Type><Etag>1</Etag></Properties></Blob></Blobs></EnumerationResults>"
        )
        return web.Response(text=text, content_type="application/xml")
    headers = {
        "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT",
        "ETag": "1",
        "Content-MD5": base64.b64encode(
            hashlib.md5(b"hello", usedforsecurity=False).digest()
        ).decode(),
    }
    wrong = request.path.endswith("a.bin") and request.method == "GET"
    return web.Response(body=b"jello" if wrong else b"hello", headers=headers)


async def test_azure_and_a_wrong_checksum(tmp_path: Path) -> None:
    keys = {"azure_account_key": base64.b64encode(b"key").decode()}
    async with serving(azure) as url, opened("az://acct/cont/m", {"endpoint": url}, keys) as source:
        found = await source.list()
        assert [(file.path, file.size) for file in found.files] == [("a.bin", 5)]
        with pytest.raises(ChecksumMismatch, match=r"a\.bin: md5 is"):
            await download(source, found, tmp_path, around(), POLICY)
    assert not (tmp_path / "a.bin").exists()


def b64(value: Any) -> str:
    return base64.b64encode(value.digest()).decode()


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"x-amz-request-id": "1", "ETag": f'"{MD5.hexdigest()}"'}, f"md5:{MD5.hexdigest()}"),
        ({"x-amz-request-id": "1", "ETag": f'"{MD5.hexdigest()}-3"'}, None),
        ({"ETag": f'"{MD5.hexdigest()}"'}, None),
        (
            {"ETag": f'"{MD5.hexdigest()}"', "x-amz-server-side-encryption": "AES256"},
            f"md5:{MD5.hexdigest()}",
        ),
        ({"ETag": f'"{MD5.hexdigest()}"', "x-amz-server-side-encryption": "aws:kms"}, None),
        (
            {
                "ETag": f'"{MD5.hexdigest()}"',
                "x-amz-server-side-encryption-customer-algorithm": "AES256",
            },
            None,
        ),
        ({"x-amz-checksum-sha256": b64(SHA)}, f"sha256:{SHA.hexdigest()}"),
        ({"x-amz-checksum-sha256": f"{b64(SHA)}-2"}, None),
        ({"x-amz-meta-sha256": b64(SHA)}, f"sha256:{SHA.hexdigest()}"),
        ({"x-amz-meta-md5": b64(MD5)}, f"md5:{MD5.hexdigest()}"),
        ({"x-goog-hash": f"crc32c=AAAAAA==,md5={b64(MD5)}"}, f"md5:{MD5.hexdigest()}"),
        ({"x-goog-hash": "crc32c=AAAAAA=="}, None),
        ({"Content-MD5": b64(MD5)}, f"md5:{MD5.hexdigest()}"),
        ({"Content-MD5": "?"}, None),
    ],
)
def test_checksums_in_headers(headers: dict[str, str], expected: str | None) -> None:
    found = checksum_of(headers)
    assert (str(found) if found else None) == expected


@pytest.mark.parametrize("uri", ["s3://bucket/p", "oci://n/ns/b/bk/o/p"])
async def test_a_region_that_would_be_another_host(uri: str) -> None:
    if uri.startswith("oci"):
        pytest.importorskip("oci")
    with pytest.raises(
        InvalidUri, match=r'spec\.storage\.parameters\.region: region "evil\.example/"'
    ):
        async with opened(uri, {"region": "evil.example/"}):
            pass
