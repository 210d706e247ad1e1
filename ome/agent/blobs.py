"""The files of a node by the hash of their content, as other nodes ask for them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
from aiohttp import web

from ome.agent.fetch.manifest import FOLDER, Manifest, read
from ome.agent.fetch.peers import ALGORITHMS, BUSY_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp.abc import AbstractStreamWriter

    from ome.storage.transfer import FileFact

__all__ = ["BLOB_ROUTE", "Blobs"]

BLOB_ROUTE = "/peer/v1/{algorithm}/{digest}"
"""As ``fetch.peers`` asks for it."""

_AT_A_TIME = 4
"""Transfers to other nodes: a node serves models first of all."""


class Blobs:
    """Serves whole, verified files below a root; what changed since is not served."""

    def __init__(self, root: str, sent: Callable[[int], object] = lambda _: None) -> None:
        """``sent`` is told of the bytes of each transfer."""
        self._folder = Path(root, FOLDER)
        self._sent = sent
        self._known: dict[str, tuple[int, int]] = {}
        self._files: dict[str, tuple[Path, FileFact]] = {}
        self._slots = anyio.Semaphore(_AT_A_TIME)

    def add_to(self, app: web.Application) -> None:
        """Serve in this application."""
        app.router.add_get(BLOB_ROUTE, self.answer)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """The content that a request to the route asks for."""
        algorithm, digest = request.match_info["algorithm"], request.match_info["digest"]
        if algorithm not in ALGORITHMS:
            return web.Response(status=404, text="no such hash\n")
        if self._slots.value == 0:
            return web.Response(status=503, headers={"Retry-After": f"{BUSY_SECONDS:g}"})
        found = await anyio.to_thread.run_sync(self._find, f"{algorithm}:{digest}")
        if found is None:
            return web.Response(status=404, text="not on this node\n")
        return _Given(found, self._slots, self._sent)

    def _find(self, checksum: str) -> Path | None:
        """The file with this content, when it still is as it was verified; blocks."""
        self._load()
        found = self._files.get(checksum)
        if found is None:
            return None
        path, fact = found
        try:
            now = path.lstat()
        except OSError:
            return None
        same = (now.st_size, now.st_mtime_ns) == (fact.size, fact.mtime_ns)
        return path if same and path.is_file() and not path.is_symlink() else None

    def _load(self) -> None:
        """Read the manifests again when one was written since."""
        found = self._manifests()
        if found == self._known:
            return
        files: dict[str, tuple[Path, FileFact]] = {}
        for name in found:
            manifest = read(self._folder / name, Manifest)
            if manifest is None:
                continue
            for path, fact in manifest.files.items():
                files[fact.checksum] = (Path(manifest.path, path), fact)
        self._files, self._known = files, found

    def _manifests(self) -> dict[str, tuple[int, int]]:
        """Each manifest by name, with what tells a new one of the name from the old.

        The time of the folder alone would not do: two changes of it may be within one tick.
        """
        found = {}
        for path in self._folder.glob("*.json"):
            try:
                facts = path.stat()
            except OSError:
                continue
            found[path.name] = (facts.st_ino, facts.st_mtime_ns)
        return found


class _Given(web.FileResponse):
    """A file on its way, which is when it counts as a transfer."""

    def __init__(self, path: Path, slots: anyio.Semaphore, sent: Callable[[int], object]) -> None:
        super().__init__(path)
        self._slots = slots
        self._told = sent

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        async with self._slots:
            writer = await super().prepare(request)
        self._told(self.content_length or 0)
        return writer
