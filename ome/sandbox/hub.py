"""A hub that speaks the parts of the Hugging Face API that we and ``huggingface_hub`` use.

It serves repositories from memory: model info with blobs, the tree in pages, and files with ranges,
large ones through a redirect to another host, as the real one does. Trouble is ordered in advance:
a status, a body that breaks off, wrong bytes, a slow link, for the next so many requests whose path
holds a text. What was served is counted.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import anyio
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

__all__ = ["Hub", "Repository", "Trouble", "git_blob", "running_hub"]

_LARGE = 100_000
"""Files from this size on are kept as LFS, as are all weights."""
_PAGE = 3
_CHUNK = 16_384


def git_blob(content: bytes) -> str:
    """The id that git gives a file."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


@dataclass
class Repository:
    """Files by revision, and who may read them."""

    files: Mapping[str, bytes]
    commit: str = "c" * 40
    branches: tuple[str, ...] = ("main",)
    tokens: tuple[str, ...] = ()
    """Those that may read it; empty for everybody."""
    gated: bool = False
    disabled: bool = False


@dataclass
class Trouble:
    """What happens to the next ``times`` requests whose path holds ``path``."""

    path: str
    times: int = 1
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    """The connection is cut after so many bytes of the body."""
    wrong_bytes: bool = False
    chunk_seconds: float = 0.0
    """The time between two chunks of 16 KiB."""
    ignore_range: bool = False


class Hub:
    """The state behind the server; ``url`` is its endpoint."""

    def __init__(self, make: Callable[[str], Repository] | None = None) -> None:
        """``make`` gives a repository to a name that has none yet."""
        self.url = ""
        self._make = make
        self.repositories: dict[str, Repository] = {}
        self.known_tokens: set[str] = set()
        self.troubles: list[Trouble] = []
        self.requests: list[str] = []
        self.served: Counter[str] = Counter()
        """Bytes by path in the repository."""
        self.finished: set[str] = set()
        """Files that nobody should ask for any more, and below those that somebody asked for."""
        self.asked_again: set[str] = set()
        self._moved = anyio.Event()
        self.authorizations: dict[str, set[str]] = {"api": set(), "resolve": set(), "cdn": set()}

    def bytes_of(self, name: str) -> int:
        """The bytes that a full download of a repository takes."""
        return sum(map(len, self.repositories[name].files.values()))

    async def until_served(self, file: str, count: int) -> None:
        """Wait until so many bytes of a file have left."""
        while self.served[file] < count:
            await self._moved.wait()

    async def until_total(self, count: int) -> None:
        """Wait until so many bytes have left in all."""
        while sum(self.served.values()) < count:
            await self._moved.wait()

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Route by hand: repository names hold one slash or none."""
        path = unquote(request.rel_url.raw_path)
        self.requests.append(f"{request.method} {path}")
        trouble = self._trouble(path)
        if trouble is not None and trouble.status:
            return web.Response(status=trouble.status, headers=trouble.headers)
        # Repositories of other kinds have theirs before their names, as in their addresses.
        for prefix, handler in (
            ("/api/models/", self._api),
            ("/api/", self._api),
            ("/cdn/", self._cdn),
        ):
            if path.startswith(prefix):
                return await handler(request, path.removeprefix(prefix), trouble)
        name, found, rest = path.removeprefix("/").partition("/resolve/")
        if not found:
            return web.Response(status=404)
        self._note("resolve", request)
        refusal = self._refusal(request, name)
        if refusal is not None:
            return refusal
        commit, _, file = rest.partition("/")
        content = self.repositories[name].files.get(file)
        if content is None or commit != self.repositories[name].commit:
            return _error(404, "EntryNotFound")
        if _is_large(file, content):
            # Another origin, so that credentials must not follow.
            host = self.url.replace("127.0.0.1", "localhost")
            raise web.HTTPFound(f"{host}/cdn{request.rel_url.raw_path}?X-Signature=s")
        return await self._send(request, file, content, trouble)

    async def _cdn(
        self, request: web.BaseRequest, path: str, trouble: Trouble | None
    ) -> web.StreamResponse:
        self._note("cdn", request)
        name, _, rest = path.partition("/resolve/")
        file = rest.partition("/")[2]
        content = self.repositories[name].files[file]
        return await self._send(request, file, content, trouble)

    async def _api(
        self, request: web.BaseRequest, path: str, _: Trouble | None
    ) -> web.StreamResponse:
        self._note("api", request)
        parts = path.split("/")
        cut = next((i for i, part in enumerate(parts) if part in ("revision", "tree")), len(parts))
        name = "/".join(parts[:cut])
        refusal = self._refusal(request, name)
        if refusal is not None:
            return refusal
        repository = self.repositories[name]
        revision = "/".join(parts[cut + 1 :]) or "main"
        if revision not in (*repository.branches, repository.commit):
            return _error(404, "RevisionNotFound")
        if parts[cut : cut + 1] == ["tree"]:
            return self._tree(request, repository)
        siblings = [_sibling(name, content) for name, content in repository.files.items()]
        return web.json_response({"id": name, "sha": repository.commit, "siblings": siblings})

    def _tree(self, request: web.BaseRequest, repository: Repository) -> web.Response:
        entries = [_entry(name, content) for name, content in sorted(repository.files.items())]
        start = int(request.query.get("cursor", "0"))
        headers = {}
        if start + _PAGE < len(entries):
            following = request.rel_url.update_query(cursor=str(start + _PAGE))
            headers["Link"] = f'<{self.url}{following}>; rel="next"'
        return web.json_response(entries[start : start + _PAGE], headers=headers)

    def _refusal(self, request: web.BaseRequest, name: str) -> web.Response | None:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self._make is not None and name not in self.repositories:
            self.repositories[name] = self._make(name)
        repository = self.repositories.get(name)
        if token and token not in self.known_tokens:
            headers = {"X-Error-Message": "Invalid credentials in Authorization header"}
            return web.Response(status=401, headers=headers)
        if repository is None:
            return _error(401 if not token else 404, "RepoNotFound")
        if repository.disabled:
            return web.Response(
                status=403, headers={"X-Error-Message": "Access to this resource is disabled."}
            )
        if repository.tokens and token not in repository.tokens:
            if repository.gated:
                return _error(403 if token else 401, "GatedRepo")
            return _error(401 if not token else 404, "RepoNotFound")
        return None

    def _note(self, kind: str, request: web.BaseRequest) -> None:
        self.authorizations[kind].add(request.headers.get("Authorization", ""))

    def _trouble(self, path: str) -> Trouble | None:
        for trouble in self.troubles:
            if trouble.times > 0 and trouble.path in path:
                # A redirect is not yet the transfer that was meant.
                if trouble.status or path.startswith("/cdn/") or not _weights(path):
                    trouble.times -= 1
                return trouble
        return None

    async def _send(
        self, request: web.BaseRequest, file: str, content: bytes, trouble: Trouble | None
    ) -> web.StreamResponse:
        if file in self.finished:
            self.asked_again.add(file)
        start = 0
        wish = request.headers.get("Range", "")
        if wish.startswith("bytes=") and not (trouble and trouble.ignore_range):
            first, _, last = wish.removeprefix("bytes=").partition("-")
            start = int(first)
            if start >= len(content):
                return web.Response(status=416)
            end = int(last) + 1 if last else len(content)
        else:
            end = len(content)
        body = content[start:end]
        if trouble is not None and trouble.wrong_bytes and body:
            body = bytes([body[0] ^ 1]) + body[1:]
        response = web.StreamResponse(status=206 if start or end < len(content) else 200)
        response.content_length = len(body)
        if response.status == 206:
            response.headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(content)}"
        await response.prepare(request)
        cut = trouble.cut_after if trouble else None
        sent = 0
        for place in range(0, len(body), _CHUNK):
            piece = body[place : place + _CHUNK]
            if cut is not None and sent + len(piece) > cut:
                piece = piece[: max(cut - sent, 0)]
            await response.write(piece)
            sent += len(piece)
            self.served[file] += len(piece)
            self._moved.set()
            self._moved = anyio.Event()
            if cut is not None and sent >= cut:
                if request.transport is not None:
                    request.transport.close()
                return response
            if trouble is not None and trouble.chunk_seconds:
                await anyio.sleep(trouble.chunk_seconds)
        await response.write_eof()
        return response


def _weights(path: str) -> bool:
    return path.endswith(".safetensors")


def _is_large(file: str, content: bytes) -> bool:
    return _weights(file) or len(content) >= _LARGE


def _error(status: int, code: str) -> web.Response:
    return web.Response(status=status, headers={"X-Error-Code": code, "X-Error-Message": code})


def _lfs(content: bytes) -> dict[str, Any]:
    digest = hashlib.sha256(content).hexdigest()
    return {"sha256": digest, "oid": digest, "size": len(content), "pointerSize": 130}


def _sibling(name: str, content: bytes) -> dict[str, Any]:
    large = _is_large(name, content)
    found: dict[str, Any] = {"rfilename": name, "size": len(content)}
    # A large file's git id is that of its pointer.
    found["blobId"] = git_blob(b"pointer" + content[:9]) if large else git_blob(content)
    return {**found, "lfs": _lfs(content)} if large else found


def _entry(name: str, content: bytes) -> dict[str, Any]:
    sibling = _sibling(name, content)
    entry = {"type": "file", "path": name, "size": len(content), "oid": sibling["blobId"]}
    return {**entry, "lfs": sibling["lfs"]} if "lfs" in sibling else entry


@asynccontextmanager
async def running_hub(
    repositories: Mapping[str, Repository] | None = None,
    make: Callable[[str], Repository] | None = None,
) -> AsyncIterator[Hub]:
    """A hub on a free port of 127.0.0.1; ``make``: see ``Hub``."""
    hub = Hub(make)
    hub.repositories.update(repositories or {})
    runner = web.ServerRunner(web.Server(hub.answer), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    hub.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield hub
    finally:
        await runner.cleanup()
