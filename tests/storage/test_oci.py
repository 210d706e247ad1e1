"""OCI objects, with Oracle's library (skipped where it is not installed) against a local server."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import json
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from ome.sandbox.safetensors_files import llama_repository
from ome.storage.download import download, list_files
from ome.storage.errors import (
    AccessDenied,
    CredentialsNotFound,
    MissingExtra,
    NetworkError,
    RateLimited,
    SourceNotFound,
    SourceUnavailable,
)
from ome.storage.objects import source_uri
from ome.storage.registry import open_sink, open_source
from ome.storage.settings import Credentials, Surroundings, wishes_of
from ome.storage.sources import RemoteFile
from ome.storage.uris import OciUri
from tests.kube.server import serving
from tests.storage.support import POLICY, around, on_disk, read_all

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from ome.errors import StorageError
    from ome.storage.sources import Sink, Source

INSTALLED = importlib.util.find_spec("oci") is not None
needs_library = pytest.mark.skipif(not INSTALLED, reason="needs the extra oci: uv sync --extra oci")
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::PendingDeprecationWarning"),
]
FILES = llama_repository()
OBJECTS = {
    **{f"llama/{name}": content for name, content in FILES.items()},
    "llama/": b"",
    "llama-70b/config.json": b"another",
    "engines/H100/a b+\u00fc.engine": b"one",
    "engines/A100/a.engine": b"two",
}


def md5(content: bytes) -> str:
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()


async def objects(request: web.BaseRequest) -> web.StreamResponse:
    """Listing in pages of two, HEAD and ranged GET."""
    path = unquote(request.rel_url.raw_path)
    if not request.headers.get("Authorization", "").startswith("Signature "):
        return web.json_response({"code": "NotAuthenticated", "message": "no"}, status=401)
    if path == "/n":
        return web.json_response("tenancy")
    head = "/n/tenancy/b/bk/o"
    for status in (403, 429, 500):
        if path.startswith(f"/n/tenancy/b/b{status}/"):
            body = {"code": "x", "message": "secret"}
            return web.json_response(body, status=status, headers={"Retry-After": "7"})
    if not path.startswith(head):
        return web.json_response({"code": "BucketNotFound", "message": "x"}, status=404)
    name = path.removeprefix(head).removeprefix("/")
    if not name:
        prefix, start = request.query.get("prefix", ""), request.query.get("start", "")
        found = sorted(key for key in OBJECTS if key.startswith(prefix) and key >= start)
        items = [
            {"name": key, "size": len(OBJECTS[key]), "md5": md5(OBJECTS[key]), "etag": "e"}
            for key in found[:2]
        ]
        page = {"objects": items, "nextStartWith": found[2] if len(found) > 2 else None}
        return web.json_response(page)
    content = OBJECTS.get(name)
    if content is None:
        return web.json_response({"code": "ObjectNotFound", "message": "x"}, status=404)
    headers = {"Content-MD5": md5(content)}
    wish = request.headers.get("Range", "")
    if wish:
        first, _, last = wish.removeprefix("bytes=").partition("-")
        content = content[int(first) : int(last) + 1 if last else None]
        return web.Response(status=206, body=content)
    return web.Response(body=content, headers=headers)


class Taken:
    """A store that takes objects, whole or in parts, and checks the MD5 of each."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.metadata: dict[str, dict[str, str]] = {}
        self._parts: dict[str, dict[int, bytes]] = {}
        self.failing: list[str] = []
        """What is refused, each once."""
        self.given_up: list[str] = []

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        path, query = unquote(request.rel_url.raw_path), request.query
        place, name = path.removeprefix("/n/tenancy/b/bk/").partition("/")[::2]
        body = await request.read()
        if request.method == "PUT" and request.headers.get("Content-MD5") not in (md5(body), None):
            return web.json_response({"code": "UnmatchedContentMD5", "message": "x"}, status=400)
        what = f"part {query['uploadPartNum']}" if "uploadPartNum" in query else place
        if what in self.failing:
            self.failing.remove(what)
            return web.json_response({"code": "InternalError", "message": "x"}, status=503)
        if place == "o":
            assert "Content-MD5" in request.headers
            self.objects[name] = body
            self.metadata[name] = {
                key.lower().removeprefix("opc-meta-"): value
                for key, value in request.headers.items()
                if key.lower().startswith("opc-meta-")
            }
            return web.Response()
        if not name:
            wanted = json.loads(body)
            self.metadata[wanted["object"]] = wanted.get("metadata") or {}
            self._parts[wanted["object"]] = {}
            return web.json_response({"uploadId": "u", "object": wanted["object"]})
        if request.method == "PUT":
            assert "Content-MD5" in request.headers
            self._parts[name][int(query["uploadPartNum"])] = body
            return web.Response(headers={"ETag": query["uploadPartNum"], "opc-content-md5": "x"})
        parts = self._parts.pop(name)
        if request.method == "DELETE":
            self.given_up.append(name)
            return web.Response(status=204)
        self.objects[name] = b"".join(parts[number] for number in sorted(parts))
        return web.Response()


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A configuration file with a key of its own."""
    folder = tmp_path_factory.mktemp("oci")
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (folder / "key.pem").write_bytes(pem)
    (folder / "config").write_text(
        "[DEFAULT]\nuser=ocid1.user.oc1..a\ntenancy=ocid1.tenancy.oc1..a\n"
        f"fingerprint={':'.join(['aa'] * 16)}\nkey_file={folder / 'key.pem'}\n"
        "region=us-phoenix-1\n"
    )
    return str(folder / "config")


def opened(
    uri: str, url: str, config: str, surroundings: Surroundings | None = None
) -> AbstractAsyncContextManager[Source]:
    wishes = wishes_of({"endpoint": url, "auth": "user_principal"})
    held = surroundings or around(environ={"OCI_CONFIG_PATH": config})
    return open_source(source_uri(uri), Credentials(), wishes, held)


@pytest.mark.skipif(INSTALLED, reason="the library is installed")
async def test_without_the_library() -> None:
    with pytest.raises(MissingExtra, match=r"install ome\[oci\]"):
        async with open_source(source_uri("oci://bk/p")):
            pass


@needs_library
@pytest.mark.parametrize("uri", ["oci://n/tenancy/b/bk/o/llama", "oci://bk/llama/"])
async def test_a_whole_download(uri: str, config: str, tmp_path: Path) -> None:
    surroundings = around(environ={"OCI_CONFIG_PATH": config})
    async with serving(objects) as url, opened(uri, url, config, surroundings) as source:
        found = await list_files(source, wishes_of({}), surroundings, POLICY)
        done = await download(source, found, tmp_path, surroundings, POLICY)
    assert on_disk(tmp_path) == FILES
    assert {fact.checksum[:4] for fact in done.files.values()} == {"md5:"}


@needs_library
async def test_one_object_ranges_and_odd_names(config: str) -> None:
    async with serving(objects) as url:
        async with opened("oci://bk/llama/config.json", url, config) as source:
            (file,) = (await source.list()).files
            assert file.path == "config.json"
            assert await read_all(source, file, 3, 9) == FILES["config.json"][3:9]
            assert await read_all(source, file, 3) == FILES["config.json"][3:]
            assert await source.checksum(file) == file.checksum
        async with opened("oci://bk/engines", url, config) as source:
            files = (await source.list()).files
            assert [await read_all(source, file) for file in files] == [b"two", b"one"]


def putting(url: str, config: str, prefix: str = "x/") -> AbstractAsyncContextManager[Sink]:
    wishes = wishes_of({"endpoint": url, "auth": "user_principal"})
    uri = OciUri("tenancy", "bk", prefix)
    return open_sink(uri, wishes, around(environ={"OCI_CONFIG_PATH": config}))


@needs_library
@pytest.mark.parametrize("prefix", ["x/", ""])
async def test_objects_are_put_whole_or_in_parts(
    prefix: str, config: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ome.storage.providers.oci_upload._PART", 1000)
    taken = Taken()
    contents = {"a b/\u00fc.bin": b"small", "empty": b"", "large": bytes(range(256)) * 20}
    async with serving(taken.answer) as url, putting(url, config, prefix) as sink:
        for name, content in contents.items():
            (tmp_path / "file").write_bytes(content)
            await sink.put(name, tmp_path / "file", {"md5": md5(content)})
    assert taken.objects == {prefix + name: content for name, content in contents.items()}
    assert taken.metadata[f"{prefix}empty"] == {"md5": md5(b"")}
    assert taken.metadata[f"{prefix}large"] == {"opc-meta-md5": md5(contents["large"])}


@needs_library
async def test_a_store_that_does_not_take_an_object(
    config: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ome.storage.providers.oci_upload._PART", 1000)
    taken = Taken()
    (tmp_path / "file").write_bytes(b"x" * 2500)
    async with serving(taken.answer) as url, putting(url, config) as sink:
        taken.failing = ["o"]
        (tmp_path / "small").write_bytes(b"x")
        with pytest.raises(SourceUnavailable, match="HTTP 503"):
            await sink.put("a", tmp_path / "small", {})
        taken.failing = ["part 2"] * 2
        await sink.put("b", tmp_path / "file", {})
        assert taken.objects == {"x/b": b"x" * 2500}
        taken.failing = ["part 3"] * 3
        with pytest.raises(SourceUnavailable, match="HTTP 503"):
            await sink.put("c", tmp_path / "file", {})
    assert taken.objects.keys() == {"x/b"}
    assert taken.given_up == ["x/c"]


@needs_library
@pytest.mark.parametrize(
    ("uri", "kind", "text"),
    [
        (
            "oci://n/tenancy/b/bk/o/none",
            SourceNotFound,
            "no objects found under namespace tenancy, bucket bk, object prefix none/",
        ),
        ("oci://n/tenancy/b/nobody/o/x", SourceNotFound, "bucket not found"),
        ("oci://n/tenancy/b/b403/o/x", AccessDenied, "access denied for UserPrincipal"),
        ("oci://n/tenancy/b/b429/o/x", RateLimited, "retry after 7 s"),
        ("oci://n/tenancy/b/b500/o/x", SourceUnavailable, "HTTP 500"),
    ],
)
async def test_refusals(uri: str, kind: type[StorageError], text: str, config: str) -> None:
    async with serving(objects) as url, opened(uri, url, config) as source:
        with pytest.raises(kind, match=text) as raised:
            await source.list()
    assert "secret" not in str(raised.value)


@needs_library
async def test_nobody_answers_and_no_configuration(config: str) -> None:
    async with opened("oci://n/t/b/bk/o/x", "http://127.0.0.1:9", config) as source:
        with pytest.raises(NetworkError):
            await read_all(source, RemoteFile("x", 1, key="x"))
    async with opened("oci://n/t/b/bk/o/x", "http://127.0.0.1:9", "/none") as source:
        with pytest.raises(CredentialsNotFound, match="failed to get object storage client"):
            await source.list()


@needs_library
@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("ResourcePrincipal", "OCI_RESOURCE_PRINCIPAL_VERSION is not defined"),
        ("OkeWorkloadIdentity", "Kubernetes service host was not provided"),
    ],
)
async def test_a_machine_that_is_no_such_principal(
    kind: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OCI_RESOURCE_PRINCIPAL_VERSION", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    uri = source_uri("oci://n/t/b/bk/o/x")
    async with open_source(uri, None, wishes_of({"auth": kind}), around()) as source:
        with pytest.raises(CredentialsNotFound) as raised:
            await source.list()
    assert f"{kind}: {said}" in str(raised.value)
    assert "InstancePrincipal when absent" in str(raised.value)


def test_engines_of_one_shape() -> None:
    wishes = wishes_of({})
    for shape, expected in (("H100", True), ("A100", False), ("", True)):
        wished = type(wishes)(shape=shape)
        assert wished.wants("x/H100/model.engine") is expected
        assert wished.wants("H100/model.engine") is expected
