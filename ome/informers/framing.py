"""Lines out of chunks: a watch is newline-delimited JSON, cut anywhere by the network."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["LineTooLong", "Lines"]


class LineTooLong(Exception):
    """A line that no API server sends; the stream is not a watch, or memory is at stake."""


class Lines:
    """Joins what was split and splits what was joined, each byte copied a bounded number of times.

    The parts of an unfinished line are kept in a list and joined once, when its end arrives: a
    1 MiB object that comes in 16 KiB chunks costs one copy, not sixty-four.
    """

    def __init__(self, limit: int = 64 * 1024 * 1024) -> None:
        self._parts: list[bytes] = []
        self._held = 0
        self._limit = limit

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Give each line that ``chunk`` completes, without its end; empty lines are left out.

        Use up the iterator before the next chunk. Raises: LineTooLong.
        """
        first, newline, rest = chunk.partition(b"\n")
        if not newline:
            self._hold(chunk)
            return
        if self._parts:
            first = b"".join((*self._parts, first))
            self._parts.clear()
            self._held = 0
        # The unfinished end is put away first: a reader that stops early loses no bytes.
        *complete, tail = rest.split(b"\n")
        if tail:
            self._hold(tail)
        for line in (first, *complete):
            if line and not line.isspace():
                yield line

    def _hold(self, part: bytes) -> None:
        self._held += len(part)
        if self._held > self._limit:
            raise LineTooLong(f"a line of more than {self._limit} bytes")
        self._parts.append(part)
