"""One file of a web server."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from ome.storage.providers.web import Web, number_of
from ome.storage.sources import Checksum, Listing, RemoteFile, Stream, listing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ome.storage.settings import Credentials, Surroundings, Wishes
    from ome.storage.uris import HttpUri

__all__ = ["WebFile", "open_url"]

_NO_HEAD = (403, 405, 501)
"""What servers say that answer GET alone."""


@asynccontextmanager
async def open_url(
    uri: HttpUri, credentials: Credentials, _: Wishes, around: Surroundings
) -> AsyncIterator[WebFile]:
    """The file; a token of the model's Secret goes with each request."""
    token = credentials.get("token")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with Web(around.clock, headers, guarded=around.guarded) as web:
        yield WebFile(uri, web)


class WebFile:
    """The file of a URL, verified when the URL names its SHA-256."""

    def __init__(self, uri: HttpUri, web: Web) -> None:
        self._uri = uri
        self._web = web
        self._name = unquote(urlsplit(uri.url).path.rpartition("/")[2])

    async def list(self) -> Listing:
        size, version = await self._head()
        checksum = Checksum("sha256", self._uri.sha256) if self._uri.sha256 else None
        return listing([RemoteFile(self._name, size, checksum, self._uri.url, version)])

    async def _head(self) -> tuple[int | None, str]:
        url = self._uri.url
        async with self._web.request("HEAD", url, url, allowed=_NO_HEAD) as response:
            headers = response.headers
            if response.status < 400:
                length = headers.get("Content-Length", "")
                size = number_of(length)
                version = headers.get("ETag", "")
                # A weak one does not promise equal bytes.
                return size, "" if version.startswith("W/") else version
        return None, ""

    async def checksum(self, file: RemoteFile) -> Checksum | None:
        return file.checksum

    @asynccontextmanager
    async def open(
        self, file: RemoteFile, start: int = 0, end: int | None = None
    ) -> AsyncIterator[Stream]:
        url = self._uri.url
        async with self._web.stream(url, url, start, end, version=file.version) as stream:
            yield stream
