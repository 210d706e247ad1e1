"""Files of web servers, releases of GitHub, directories of this machine."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from ome.errors import StorageError
from ome.storage.errors import (
    AccessDenied,
    ForbiddenPath,
    LocalPathNotFound,
    NetworkError,
    RateLimited,
    SourceNotFound,
    SourceUnavailable,
)
from ome.storage.sources import Checksum, RemoteFile, listing
from tests.kube.server import serving
from tests.storage.support import opened, read_all

if TYPE_CHECKING:
    from pathlib import Path

CONTENT = bytes(range(256)) * 40
SHA = hashlib.sha256(CONTENT).hexdigest()


async def file_server(request: web.BaseRequest) -> web.StreamResponse:
    """Ranges, ETag and If-Range for one file."""
    if request.path == "/secret/m.gguf" and request.headers.get("Authorization") != "Bearer t":
        return web.Response(status=401)
    if request.path == "/get-only/m.gguf" and request.method == "HEAD":
        return web.Response(status=405)
    if request.path.startswith("/status/"):
        return web.Response(status=int(request.path.split("/")[2]))
    headers = {"ETag": '"v1"'}
    wish = request.headers.get("Range", "")
    if wish and request.headers.get("If-Range", '"v1"') == '"v1"':
        first, _, last = wish.removeprefix("bytes=").partition("-")
        body = CONTENT[int(first) : int(last) + 1 if last else None]
        headers["Content-Range"] = f"bytes {first}-{int(first) + len(body) - 1}/{len(CONTENT)}"
        return web.Response(status=206, body=body, headers=headers)
    return web.Response(body=CONTENT, headers=headers)


async def test_a_file_of_a_url() -> None:
    async with serving(file_server) as url:
        async with opened(f"{url}/models/my%20m.gguf?v=1#sha256={SHA}") as source:
            (file,) = (await source.list()).files
            assert (file.path, file.size, file.version) == ("my m.gguf", len(CONTENT), '"v1"')
            assert await source.checksum(file) == Checksum("sha256", SHA)
            assert await read_all(source, file) == CONTENT
            assert await read_all(source, file, 100, 110) == CONTENT[100:110]
            changed = RemoteFile(file.path, file.size, version='"v2"')
            async with source.open(changed, 100) as stream:
                assert stream.start == 0


async def test_a_server_that_answers_get_alone() -> None:
    async with serving(file_server) as url, opened(f"{url}/get-only/m.gguf") as source:
        (file,) = (await source.list()).files
        assert file.size is None
        assert await read_all(source, file) == CONTENT


async def test_a_token_for_a_url() -> None:
    async with serving(file_server) as url:
        async with opened(f"{url}/secret/m.gguf", credentials={"token": "t"}) as source:
            assert (await source.list()).total_bytes == len(CONTENT)
        async with opened(f"{url}/secret/m.gguf") as source:
            with pytest.raises(AccessDenied, match="check the Secret"):
                await source.list()


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (404, SourceNotFound),
        (410, SourceNotFound),
        (401, AccessDenied),
        (429, RateLimited),
        (500, SourceUnavailable),
    ],
)
async def test_statuses(status: int, kind: type[StorageError]) -> None:
    async with serving(file_server) as url, opened(f"{url}/status/{status}/x") as source:
        with pytest.raises(kind, match=f"HTTP {status}"):
            await source.list()


async def test_another_range_than_asked_is_not_taken() -> None:
    async def wrong(_: web.BaseRequest) -> web.Response:
        return web.Response(status=206, body=b"x", headers={"Content-Range": "bytes 5-5/9"})

    async with serving(wrong) as url, opened(f"{url}/m") as source:
        with pytest.raises(NetworkError, match="another range"):
            await read_all(source, RemoteFile("m", 9), 3)


async def github(request: web.BaseRequest) -> web.StreamResponse:
    base = f"http://{request.host}"
    if request.path == "/repos/o/limited/releases/latest":
        headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1800000060"}
        return web.Response(status=403, headers=headers)
    if request.path == "/repos/o/private/releases/latest":
        return web.Response(status=401)
    if request.path == "/repos/o/empty/releases/latest":
        return web.json_response({"tag_name": "v1", "assets": []})
    if request.path == "/repos/o/strange/releases/latest":
        return web.json_response([])
    if request.path in ("/repos/o/r/releases/latest", "/repos/o/r/releases/tags/v1/x"):
        assets = [
            {
                "name": "m.bin",
                "size": len(CONTENT),
                "digest": f"sha256:{SHA}",
                "url": f"{base}/a/1",
            },
            {"name": "n.bin", "size": 3, "digest": None, "url": f"{base}/a/2"},
        ]
        return web.json_response({"tag_name": "v1", "assets": assets})
    if request.path == "/a/1" and request.headers.get("Accept") == "application/octet-stream":
        return web.Response(body=CONTENT)
    return web.Response(status=404)


@pytest.mark.parametrize("uri", ["github://o/r", "github://o/r@v1/x"])
async def test_the_assets_of_a_release(uri: str) -> None:
    async with serving(github) as url, opened(uri, {"endpoint": url}) as source:
        found = await source.list()
        assert found.revision == "v1"
        first, second = found.files
        assert (first.path, first.checksum) == ("m.bin", Checksum("sha256", SHA))
        assert (second.path, second.size, second.checksum) == ("n.bin", 3, None)
        assert await read_all(source, first) == CONTENT


@pytest.mark.parametrize(
    ("repository", "kind", "text"),
    [
        ("none", SourceNotFound, "release latest of o/none not found"),
        ("empty", SourceNotFound, "has no assets"),
        ("private", AccessDenied, "the token is not valid"),
        ("strange", SourceUnavailable, "did not answer with a release"),
        ("limited", RateLimited, "Rate limit exceeded"),
    ],
)
async def test_refusals_of_github(repository: str, kind: type[StorageError], text: str) -> None:
    async with serving(github) as url:
        async with opened(f"github://o/{repository}", {"endpoint": url}) as source:
            with pytest.raises(kind, match=text) as raised:
                await source.list()
    if isinstance(raised.value, RateLimited):
        assert raised.value.retry_after == 60.0


async def test_a_directory_of_this_machine(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.bin").write_bytes(CONTENT)
    (tmp_path / "config.json").write_text(json.dumps({}))
    async with opened(f"local://{tmp_path}") as source:
        found = await source.list()
        assert [file.path for file in found.files] == ["config.json", "sub/a.bin"]
        assert await read_all(source, found.files[1]) == CONTENT
        assert await read_all(source, found.files[1], 3, 9) == CONTENT[3:9]
        (tmp_path / "sub" / "a.bin").unlink()
        with pytest.raises(StorageError, match="no such file"):
            await read_all(source, found.files[1])


async def test_directories_that_do_not_do(tmp_path: Path) -> None:
    async with opened(f"local://{tmp_path}/none") as source:
        with pytest.raises(LocalPathNotFound, match="local model path does not exist"):
            await source.list()
    async with opened(f"local://{tmp_path}") as source:
        with pytest.raises(SourceNotFound, match="holds no files"):
            await source.list()


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../../x"])
def test_a_source_cannot_name_a_file_outside(path: str) -> None:
    with pytest.raises(ForbiddenPath):
        listing([RemoteFile(path, 1)])
