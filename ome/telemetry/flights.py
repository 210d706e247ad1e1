"""The flight recorder: what the last runs of each key saw, decided and wrote.

A bounded log in memory, for the question that comes after the fact: why did the operator do this?
Runs that do nothing and find nothing new are one entry with a count, so that the quiet hours of a
service do not push out the minute that mattered.

Memory: a finished run is kept as JSON text. Each key has at most ``RUNS`` of them, a run at most
``NOTES`` notes of ``LENGTH`` characters of a sort, and all texts together at most ``BYTES``; beyond
that the key that ran longest ago is forgotten. What is noted are names, versions, HTTP codes and
the texts of conditions and events: never a body, a header or a setting.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import msgspec

from ome.telemetry.tracing import current_ids

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = [
    "BYTES",
    "LENGTH",
    "NOTES",
    "RUNS",
    "Flight",
    "FlightRecorder",
    "decided",
    "saw",
    "wrote",
]

RUNS = 32
NOTES = 24
LENGTH = 300
BYTES = 8 * 1024 * 1024
_OVERHEAD = 64
"""Bytes that a text takes beside its characters."""


class Flight(msgspec.Struct, omit_defaults=True):
    """One run, or several in a row that were alike; times in seconds of the wall clock."""

    at: float
    """When it began, of several the last."""
    seconds: float = 0.0
    result: str = ""
    saw: dict[str, str] = {}
    """Objects and the versions at which they were read."""
    decided: list[str] = []
    wrote: list[str] = []
    trace_id: str = ""
    times: int = 1
    since: float = 0.0
    """When the first of several began."""

    def idle(self) -> bool:
        """Whether it came to nothing that is worth a line of its own."""
        return not self.decided and not self.wrote


_current: ContextVar[Flight | None] = ContextVar("flight", default=None)
_encode = msgspec.json.Encoder().encode


def saw(what: str, version: str) -> None:
    """The present run has read this object at this version."""
    flight = _current.get()
    if flight is not None and (what in flight.saw or len(flight.saw) < NOTES):
        flight.saw[what[:LENGTH]] = version


def decided(what: str) -> None:
    """The present run has come to this; in words."""
    flight = _current.get()
    if flight is not None:
        _note(flight.decided, what)


def wrote(what: str) -> None:
    """The present run has sent this to the API server, with its answer."""
    flight = _current.get()
    if flight is not None:
        _note(flight.wrote, what)


def _note(notes: list[str], what: str) -> None:
    text = what if len(what) <= LENGTH else f"{what[: LENGTH - 1]}…"
    if len(notes) < NOTES and text not in notes:
        notes.append(text)


class _Log:
    """The flights of one key; the last one is still an object, so that it can be counted on."""

    __slots__ = ("last", "older", "size")

    def __init__(self) -> None:
        self.older: deque[bytes] = deque()
        self.last: Flight | None = None
        self.size = 0


class FlightRecorder:
    """Keeps the flights of all controllers of one process."""

    def __init__(self, wall: Callable[[], float], *, limit: int = BYTES) -> None:
        """``wall`` gives the time in seconds; ``limit`` bounds all texts together, in bytes."""
        self._wall = wall
        self._limit = limit
        self._logs: OrderedDict[tuple[str, str], _Log] = OrderedDict()
        self.size = 0
        """Bytes of what is kept."""

    @contextmanager
    def flight(self, controller: str, key: str) -> Iterator[Flight]:
        """Record a run of a key while the block runs; its ``result`` is set inside."""
        flight = Flight(self._wall())
        token = _current.set(flight)
        try:
            yield flight
        finally:
            _current.reset(token)
            flight.seconds = round(self._wall() - flight.at, 3)
            self._keep((controller, key), flight)

    def of(self, controller: str, key: str) -> list[dict[str, Any]]:
        """What is known of a key, oldest first, as JSON values; empty for an unknown one."""
        log = self._logs.get((controller, key))
        if log is None or log.last is None:
            return []
        return [msgspec.json.decode(text) for text in (*log.older, _encode(log.last))]

    def _keep(self, key: tuple[str, str], flight: Flight) -> None:
        log = self._logs.setdefault(key, _Log())
        self._logs.move_to_end(key)
        last = log.last
        if last is not None and last.idle() and flight.idle() and last.result == flight.result:
            flight.times, flight.since = last.times + 1, last.since or last.at
        elif last is not None:
            self._push(log, last)
        if not flight.idle():
            flight.trace_id = flight.trace_id or current_ids().get("trace_id", "")
        before, log.last = log.size, flight
        log.size = sum(len(text) + _OVERHEAD for text in log.older) + len(_encode(flight))
        self.size += log.size - before
        while self.size > self._limit and len(self._logs) > 1:
            _, gone = self._logs.popitem(last=False)
            self.size -= gone.size

    @staticmethod
    def _push(log: _Log, flight: Flight) -> None:
        log.older.append(_encode(flight))
        if len(log.older) >= RUNS:
            log.older.popleft()
