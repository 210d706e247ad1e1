"""Files from agents of other nodes, asked for by their hash, before the source that lists them.

A peer is asked for content, not for a model: who knows the hash could read the source's listing, so
a peer gives nothing away that its asker may not have, and what comes is verified as from anywhere.
A peer serves one request for each file: a broken or wrong answer leads to the next one. Peers that
are busy are asked again after a while.
"""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from ome.errors import StorageError
from ome.storage.errors import RateLimited
from ome.storage.providers.web import Answer, Web, refused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from ome.storage.settings import Surroundings
    from ome.storage.sources import Checksum, Listing, RemoteFile, Source, Stream

__all__ = ["ALGORITHMS", "BUSY_SECONDS", "NoPeer", "PeersBusy", "blob_path", "with_peers"]

ALGORITHMS = frozenset({"sha256", "git-sha1"})
"""The hashes by which peers are asked: those that nobody can forge a listed file for."""
BUSY_SECONDS = 2.0
"""How long a peer that is busy wants to be left alone."""


class NoPeer(StorageError):
    """No peer gives the file (any more), and the source may not be asked."""

    reason = "no_peer"


class PeersBusy(RateLimited):
    """Every peer that is left gives to as many others as it may."""

    reason = "peers_busy"


def blob_path(checksum: Checksum) -> str:
    """Where an agent serves the content with this hash."""
    return f"/peer/v1/{checksum.algorithm}/{checksum.value}"


@asynccontextmanager
async def with_peers(
    source: Source, peers: Sequence[str], origin: bool, around: Surroundings
) -> AsyncIterator[Source]:
    """The source, with peers before it; without peers and with leave to ask it, just the source."""
    if not peers and origin:
        yield source
        return
    # Other nodes are next door, whatever proxy leads to the hub.
    async with Web(around.clock, proxies=False) as web:
        yield _Near(source, tuple(peers), origin, web)


class _Near:
    """A source whose bytes come from peers where they can."""

    def __init__(self, source: Source, peers: tuple[str, ...], origin: bool, web: Web) -> None:
        self._source = source
        self._peers = peers
        self._origin = origin
        self._web = web
        self._asked: dict[str, set[str]] = {}

    async def list(self) -> Listing:
        return await self._source.list()

    async def checksum(self, file: RemoteFile) -> Checksum | None:
        return await self._source.checksum(file)

    @asynccontextmanager
    async def open(
        self, file: RemoteFile, start: int = 0, end: int | None = None
    ) -> AsyncIterator[Stream]:
        async with AsyncExitStack() as stack:
            stream = await self._from_peer(stack, file, start, end)
            if stream is None:
                stream = await stack.enter_async_context(self._source.open(file, start, end))
            yield stream

    async def _from_peer(
        self, stack: AsyncExitStack, file: RemoteFile, start: int, end: int | None
    ) -> Stream | None:
        """The file from the nearest peer that gives it; None when the source is to be asked."""
        checksum = file.checksum
        if checksum is None or checksum.algorithm not in ALGORITHMS:
            return None  # nobody can check it, so only its source may be believed
        asked = self._asked.setdefault(file.path, set())
        busy: PeersBusy | None = None
        for peer in self._peers:
            if peer in asked:
                continue
            request = self._web.stream(
                f"{peer}{blob_path(checksum)}", file.path, start, end, _refused
            )
            try:
                stream = await stack.enter_async_context(request)
            except PeersBusy as error:
                busy = error
            except StorageError:
                asked.add(peer)
            else:
                asked.add(peer)
                return stream
        if busy is not None:
            raise busy
        if not self._origin:
            raise NoPeer(f"{file.path}: none of {len(self._peers)} nodes has it any more")
        return None


def _refused(answer: Answer, what: str) -> StorageError:
    if answer.status == 503:
        return PeersBusy(f"{what}: the nodes that have it are busy", BUSY_SECONDS)
    return refused(answer, what)
