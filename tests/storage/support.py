"""Surroundings for tests: a clock that only notes waits, a policy that gives up soon."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel

from ome.storage.registry import open_source
from ome.storage.retry import RetryPolicy
from ome.storage.settings import Credentials, Surroundings, wishes_of
from ome.storage.uris import parse_uri

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from ome.storage.sources import RemoteFile, Source, Stream

__all__ = ["POLICY", "NotingClock", "around", "body", "on_disk", "opened", "read_all"]

POLICY = RetryPolicy(attempts=4, interval=1.0)


@dataclass
class NotingClock:
    """Time stands still; a wait is written down and over at once."""

    waits: list[float] = field(default_factory=list)

    def monotonic(self) -> float:
        return 0.0

    def boottime(self) -> float:
        return 0.0

    def wall(self) -> float:
        return 1_800_000_000.0

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        await anyio.lowlevel.checkpoint()


def around(
    clock: NotingClock | None = None, environ: Mapping[str, str] | None = None, seed: int = 0
) -> Surroundings:
    """Surroundings without the machine's environment."""
    return Surroundings(
        clock or NotingClock(), random.Random(seed), environ or {}, anyio.CapacityLimiter(4)
    )


def opened(
    uri: str,
    parameters: Mapping[str, str] | None = None,
    credentials: Mapping[str, str] | None = None,
    surroundings: Surroundings | None = None,
) -> AbstractAsyncContextManager[Source]:
    """The source of a URI."""
    held = Credentials(credentials or {}, "test")
    return open_source(parse_uri(uri), held, wishes_of(parameters), surroundings or around())


async def body(stream: Stream) -> bytes:
    """All of a stream."""
    return b"".join([chunk async for chunk in stream])


async def read_all(
    source: Source, file: RemoteFile, start: int = 0, end: int | None = None
) -> bytes:
    """The bytes of a file."""
    async with source.open(file, start, end) as stream:
        return await body(stream)


def on_disk(root: Path) -> dict[str, bytes]:
    """All files below a directory; none while it changes under the look."""
    try:
        return {
            path.relative_to(root).as_posix(): path.read_bytes()
            for path in root.rglob("*")
            if path.is_file()
        }
    except FileNotFoundError:
        return {}
