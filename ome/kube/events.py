"""Events (events.k8s.io/v1) that tell users what happened to their objects.

Telling is never waited for: ``record`` only puts into a bounded buffer, one task sends. When the
server is slow or away, events are dropped and counted; what the operator does goes on.

The same thing told again within ten minutes becomes a series: one event with a count, sent at the
second time and then at most once a minute. An object that a reconciler keeps talking about gets at
most 25 new events at once and then one each five minutes, as in client-go.
"""

from __future__ import annotations

import os
import socket
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import anyio

from ome.clock import rfc3339_micro
from ome.errors import ApiError, NotFound, OmeError
from ome.kube.resource import ObjectKey
from ome.kube.resources import EVENTS
from ome.telemetry.flights import decided

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ome.clock import Clock
    from ome.kube.client import Client

__all__ = ["EventRecorder"]

_REMEMBERED = 4096
_SERIES_ENDS = 600.0
_SERIES_PAUSE = 60.0
_BURST = 25
_REFILL = 300.0
_FAREWELL = 2.0
_NOTE_LENGTH = 1024  # bytes of UTF-8: the server refuses more
_NAME_LENGTH = 253


class _Same(NamedTuple):
    """What makes two events the same."""

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str
    type: str
    reason: str
    action: str
    note: str


@dataclass(slots=True)
class _Series:
    """An event and how often it happened."""

    body: dict[str, Any]
    count: int
    last: float
    """Monotonic time at which it happened last."""
    stored: bool = False
    """Whether the server has it."""
    queued: bool = True
    sent_count: int = 0
    sent_at: float = 0.0
    """Monotonic time at which it was sent last."""


@dataclass(slots=True)
class _Allowance:
    """How many new events one object may still have."""

    tokens: float
    at: float


class EventRecorder:
    """Records and sends the events of one component of one process."""

    def __init__(
        self,
        client: Client,
        component: str,
        clock: Clock,
        *,
        instance: str = "",
        capacity: int = 1000,
        dropped: Callable[[], None] | None = None,
    ) -> None:
        """``capacity`` is how many may wait to be sent; ``dropped`` is called for each one lost."""
        self._client = client
        self._component = component
        self._instance = instance or f"{component}-{socket.gethostname()}"[:128]
        self._clock = clock
        self._capacity = capacity
        self._tell_dropped = dropped
        self._known: OrderedDict[_Same, _Series] = OrderedDict()
        self._allowances: OrderedDict[tuple[str, str, str], _Allowance] = OrderedDict()
        self._queue: OrderedDict[_Same, None] = OrderedDict()
        self._wake = anyio.Event()
        self._made = 0
        self._swept = 0.0
        self.dropped = 0
        """How many were lost: too many at once, or refused."""

    def record(
        self,
        regarding: Mapping[str, Any],
        type: Literal["Normal", "Warning"],
        reason: str,
        message: str,
        action: str = "",
    ) -> None:
        """Tell of an object; never blocks, never raises for what the server will say.

        ``regarding`` has ``apiVersion kind namespace name uid resourceVersion``; ``reason`` is a
        CamelCase word, ``action`` what was being done (the reason when empty).
        """
        decided(f"told the user: {reason}: {message}")
        note = _cut(message)
        same = _Same(
            regarding["apiVersion"],
            regarding["kind"],
            regarding.get("namespace") or "",
            regarding["name"],
            regarding.get("uid") or "",
            type,
            reason,
            action or reason,
            note,
        )
        now = self._clock.monotonic()
        series = self._known.get(same)
        if series is not None and now - series.last < _SERIES_ENDS:
            series.count += 1
            series.last = now
            self._known.move_to_end(same)
            self._enqueue_again(same, series, now)
        elif self._allowed(same, now) and len(self._queue) < self._capacity:
            self._known[same] = _Series(self._body(same, regarding), 1, now)
            self._known.move_to_end(same)
            self._enqueue(same)
        else:
            self._drop()
        while len(self._known) > _REMEMBERED:
            oldest, _ = self._known.popitem(last=False)
            if oldest in self._queue:
                del self._queue[oldest]
                self._drop()

    async def run(self) -> None:
        """Send what is recorded until cancelled; then what waits gets two more seconds.

        Also what is on its way then: a write that is cut off may still arrive, and who gives up
        leadership waits for those (``reconciler/election.py``).
        """
        sending, ending = anyio.CancelScope(shield=True), anyio.Event()
        async with anyio.create_task_group() as group:
            group.start_soon(self._send_until, ending, sending)
            try:
                await anyio.sleep_forever()
            finally:
                sending.deadline = anyio.current_time() + _FAREWELL
                ending.set()
                self._notify()

    async def _send_until(self, ending: anyio.Event, sending: anyio.CancelScope) -> None:
        with sending:
            await self._send_all()
            while not ending.is_set():
                with anyio.move_on_after(_SERIES_PAUSE):
                    await self._wake.wait()
                self._enqueue_counts()
                await self._send_all()

    def _notify(self) -> None:
        self._wake.set()
        self._wake = anyio.Event()

    def _enqueue(self, same: _Same) -> None:
        self._queue[same] = None
        self._notify()

    def _enqueue_again(self, same: _Same, series: _Series, now: float) -> None:
        if series.queued or (series.count > 2 and now - series.sent_at < _SERIES_PAUSE):
            return  # sent when the pause is over
        series.queued = True
        self._enqueue(same)

    def _enqueue_counts(self) -> None:
        """Queue the series whose last counts were held back long enough."""
        now = self._clock.monotonic()
        if now - self._swept < _SERIES_PAUSE:
            return
        self._swept = now
        for same, series in self._known.items():
            if series.count > series.sent_count and not series.queued:
                series.queued = True
                self._enqueue(same)

    def _allowed(self, same: _Same, now: float) -> bool:
        regarding = (same.kind, same.namespace, same.name)
        allowance = self._allowances.pop(regarding, None) or _Allowance(_BURST, now)
        self._allowances[regarding] = allowance
        while len(self._allowances) > _REMEMBERED:
            self._allowances.popitem(last=False)
        grown = allowance.tokens + (now - allowance.at) / _REFILL
        allowance.tokens, allowance.at = min(float(_BURST), grown), now
        if allowance.tokens < 1:
            return False
        allowance.tokens -= 1
        return True

    def _drop(self) -> None:
        self.dropped += 1
        if self._tell_dropped is not None:
            self._tell_dropped()

    def _body(self, same: _Same, regarding: Mapping[str, Any]) -> dict[str, Any]:
        self._made += 1
        wall = self._clock.wall()
        suffix = f".{int(wall * 1e6):x}{os.getpid():x}{self._made:x}"
        return {
            "apiVersion": EVENTS.api_version,
            "kind": EVENTS.kind,
            "metadata": {
                "name": same.name[: _NAME_LENGTH - len(suffix)].rstrip(".-") + suffix,
                "namespace": same.namespace or "default",
            },
            "eventTime": rfc3339_micro(wall),
            "reportingController": self._component,
            "reportingInstance": self._instance,
            "type": same.type,
            "reason": same.reason,
            "action": same.action,
            "note": same.note,
            "regarding": {
                name: regarding[name]
                for name in ("apiVersion", "kind", "namespace", "name", "uid", "resourceVersion")
                if regarding.get(name)
            },
        }

    async def _send_all(self) -> None:
        while self._queue:
            same, _ = self._queue.popitem(last=False)
            try:
                await self._send(same)
            except anyio.get_cancelled_exc_class():
                self._queue[same] = None  # once more when it runs again; its name allows that
                raise

    async def _send(self, same: _Same) -> None:
        """Send one event or the state of its series; what is refused is dropped."""
        series = self._known.get(same)
        if series is None:
            return
        series.queued = False
        series.sent_at = self._clock.monotonic()
        series.sent_count = series.count
        try:
            if series.stored:
                await self._update(series)
            else:
                await self._create(series)
        except OmeError:
            self._drop()

    async def _create(self, series: _Series) -> None:
        body = {**series.body, **self._counted(series)}
        try:
            await self._client.create(EVENTS, body)
        except ApiError as error:
            if error.status != 409:  # an earlier attempt had arrived after all
                raise
        series.stored = True

    async def _update(self, series: _Series) -> None:
        metadata = series.body["metadata"]
        key = ObjectKey(metadata["namespace"], metadata["name"])
        try:
            await self._client.merge_patch(EVENTS, key, self._counted(series))
        except NotFound:  # events live for an hour
            await self._create(series)

    def _counted(self, series: _Series) -> dict[str, Any]:
        if series.count < 2:
            return {}
        ago = self._clock.monotonic() - series.last
        last = rfc3339_micro(self._clock.wall() - ago)
        return {"series": {"count": series.count, "lastObservedTime": last}}


def _cut(message: str) -> str:
    encoded = message.encode(errors="replace")
    if len(encoded) <= _NOTE_LENGTH:
        return message
    return encoded[: _NOTE_LENGTH - 3].decode(errors="ignore") + "..."
