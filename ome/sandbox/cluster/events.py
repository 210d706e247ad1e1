"""Events of the cluster's components, as client-go's recorders write them.

Telling is never waited for. The same thing told again is one event with a count; many things of
one reason about one object are summed up; and an object that is talked about without end is not
heard any more for a while. What does not fit into the buffer is dropped: with thousands of pods at
once events would cost more than all the rest.

Races: none. One task sends; what happens meanwhile is counted on the record and sent after.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import anyio
import anyio.lowlevel

from ome.clock import rfc3339, rfc3339_micro
from ome.kube.resource import ObjectKey
from ome.kube.resources import CORE_EVENTS
from ome.sandbox.refusal import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.clock import Clock
    from ome.sandbox.local import LocalApi
    from ome.sandbox.stored import Stored

__all__ = ["Events", "Teller"]

_WAITING = 1000
_REMEMBERED = 4096
_SAME_FOR = 600.0
_DIFFERENT = 10
_COMBINED = "(combined from similar events):"
_BURST = 25
_REFILL = 300.0
_KEPT_SECONDS = 3600.0
_KEPT = 8192


class _Said(NamedTuple):
    """What makes two events the same; without the message, similar."""

    component: str
    host: str
    uid: str
    kind: str
    namespace: str
    name: str
    reason: str
    message: str


@dataclass(slots=True)
class _Record:
    body: dict[str, Any]
    count: int
    last: float
    stored: bool = False
    queued: bool = True


@dataclass(slots=True)
class _Similar:
    messages: set[str] = field(default_factory=set)
    last: float = 0.0


@dataclass(slots=True)
class _Allowance:
    tokens: float
    at: float


class Events:
    """What all components of the cluster say, on its way to the server."""

    def __init__(self, local: LocalApi, clock: Clock) -> None:
        self._local = local
        self._clock = clock
        self._records: OrderedDict[_Said, _Record] = OrderedDict()
        self._similar: OrderedDict[tuple[str, ...], _Similar] = OrderedDict()
        self._allowances: OrderedDict[tuple[str, str], _Allowance] = OrderedDict()
        self._queue: OrderedDict[_Said, None] = OrderedDict()
        self._ages: OrderedDict[ObjectKey, float] = OrderedDict()
        self._wake = anyio.Event()
        self._made = 0
        local.subscribe(CORE_EVENTS, self._changed)

    def teller(self, component: str, host: str = "", *, new_style: bool = False) -> Teller:
        """Says things for a component; ``new_style`` as those do that use ``events.k8s.io``."""
        return Teller(self, component, host, new_style)

    def say(
        self,
        teller: Teller,
        about: Mapping[str, Any],
        kind: str,
        reason: str,
        message: str,
        action: str,
    ) -> None:
        """Put an event into the buffer; see ``Teller``."""
        now = self._clock.monotonic()
        same = message
        if not teller.new_style and self._is_one_of_many(teller, about, reason, message, now):
            # One event for all of them, which says the latest.
            same, message = "", f"{_COMBINED} {message}"
        said = _Said(
            teller.component,
            teller.host,
            about.get("uid", ""),
            about["kind"],
            about.get("namespace", ""),
            about["name"],
            reason,
            same,
        )
        record = self._records.get(said)
        if record is not None and now - record.last < _SAME_FOR:
            record.count, record.last = record.count + 1, now
            record.body["message"] = message
            self._records.move_to_end(said)
            if not record.queued and self._allowed(teller, about, now):
                self._put(said, record)
        elif len(self._queue) < _WAITING and self._allowed(teller, about, now):
            record = _Record(self._body(teller, about, kind, reason, message, action), 1, now)
            self._records[said] = record
            self._records.move_to_end(said)
            self._put(said, record)
        while len(self._records) > _REMEMBERED:
            self._records.popitem(last=False)

    async def run(self) -> None:
        """Send and forget old ones until cancelled."""
        while True:
            await self._expire()
            while self._queue:
                said, _ = self._queue.popitem(last=False)
                await self._send(said)
                await anyio.lowlevel.checkpoint()
            # No await between the last look at the queue and this.
            self._wake = anyio.Event()
            with anyio.move_on_after(_KEPT_SECONDS / 4):
                await self._wake.wait()

    def _put(self, said: _Said, record: _Record) -> None:
        record.queued = True
        self._queue[said] = None
        self._wake.set()

    def _is_one_of_many(
        self, teller: Teller, about: Mapping[str, Any], reason: str, message: str, now: float
    ) -> bool:
        key = (teller.component, teller.host, about.get("uid", ""), about["name"], reason)
        similar = self._similar.pop(key, None)
        if similar is None or now - similar.last > _SAME_FOR:
            similar = _Similar()
        self._similar[key] = similar
        while len(self._similar) > _REMEMBERED:
            self._similar.popitem(last=False)
        similar.last = now
        if len(similar.messages) < _DIFFERENT:
            similar.messages.add(message)
        return message not in similar.messages

    def _allowed(self, teller: Teller, about: Mapping[str, Any], now: float) -> bool:
        key = (teller.component + teller.host, about.get("uid") or about["name"])
        allowance = self._allowances.pop(key, None) or _Allowance(_BURST, now)
        self._allowances[key] = allowance
        while len(self._allowances) > _REMEMBERED:
            self._allowances.popitem(last=False)
        grown = allowance.tokens + (now - allowance.at) / _REFILL
        allowance.tokens, allowance.at = min(float(_BURST), grown), now
        if allowance.tokens < 1:
            return False
        allowance.tokens -= 1
        return True

    def _body(
        self,
        teller: Teller,
        about: Mapping[str, Any],
        kind: str,
        reason: str,
        message: str,
        action: str,
    ) -> dict[str, Any]:
        self._made += 1
        wall = self._clock.wall()
        name = f"{about['name'][:236]}.{int(wall * 1e9) + self._made:016x}"
        body: dict[str, Any] = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": about.get("namespace") or "default"},
            "involvedObject": dict(about),
            "reason": reason,
            "message": message,
            "type": kind,
            "reportingComponent": teller.component,
            "reportingInstance": teller.host,
        }
        if teller.new_style:
            body["eventTime"] = rfc3339_micro(wall)
            body["action"] = action
            return body
        source = {"component": teller.component}
        if teller.host:
            source["host"] = teller.host
        stamp = rfc3339(wall)
        return {**body, "source": source, "firstTimestamp": stamp, "lastTimestamp": stamp}

    async def _send(self, said: _Said) -> None:
        record = self._records.get(said)
        if record is None:
            return
        record.queued = False
        body = record.body
        counted = self._counted(record)
        try:
            if record.stored:
                key = ObjectKey(body["metadata"]["namespace"], body["metadata"]["name"])
                await self._local.patch(CORE_EVENTS, key, counted, user=said.component)
            else:
                await self._local.create(CORE_EVENTS, {**body, **counted}, user=said.component)
                record.stored = True
        except Refused:
            # Its namespace is going, or it is an hour old: said again it is a new one.
            self._records.pop(said, None)

    def _counted(self, record: _Record) -> dict[str, Any]:
        last = self._clock.wall() - (self._clock.monotonic() - record.last)
        if "eventTime" not in record.body:
            message = record.body["message"]
            return {"count": record.count, "lastTimestamp": rfc3339(last), "message": message}
        if record.count == 1:
            return {}
        return {"series": {"count": record.count, "lastObservedTime": rfc3339_micro(last)}}

    # The server of a real cluster forgets events after an hour.

    def _changed(self, _: Stored | None, new: Stored | None) -> None:
        if new is None:
            return
        self._ages[new.key] = self._clock.monotonic()
        self._ages.move_to_end(new.key)
        if len(self._ages) > _KEPT + _KEPT // 8:
            self._wake.set()

    async def _expire(self) -> None:
        limit = self._clock.monotonic() - _KEPT_SECONDS
        while self._ages:
            key, at = next(iter(self._ages.items()))
            if at > limit and len(self._ages) <= _KEPT:
                return
            del self._ages[key]
            try:
                await self._local.delete(CORE_EVENTS, key, user="apiserver")
            except Refused:
                continue
            await anyio.lowlevel.checkpoint()


class Teller:
    """Says what one component did."""

    def __init__(self, events: Events, component: str, host: str, new_style: bool) -> None:
        self._events = events
        self.component = component
        self.host = host
        self.new_style = new_style

    def normal(self, about: Mapping[str, Any], reason: str, message: str, action: str = "") -> None:
        """An event of type Normal; ``about`` as ``objects.reference`` gives it."""
        self._events.say(self, about, "Normal", reason, message, action)

    def warning(
        self, about: Mapping[str, Any], reason: str, message: str, action: str = ""
    ) -> None:
        """An event of type Warning."""
        self._events.say(self, about, "Warning", reason, message, action)
