"""Between a process and the API server: faults of requests and watches, and a process that freezes.

The order matters. A frozen process stops before it looks whether it may still write, so ``Gate``
is outermost; what the network does comes after that look.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import anyio
import msgspec

from ome.errors import TransportError
from ome.kube.transport import NotSent, Response

if TYPE_CHECKING:
    import random
    from collections.abc import AsyncIterator, Mapping

    from hack.simulation.history import History
    from ome.clock import Clock
    from ome.kube.request import Request
    from ome.kube.transport import ByteStream, Transport

__all__ = ["FaultyTransport", "Gate", "Rates"]

_REFUSALS: dict[int, str] = {
    401: "Unauthorized",
    403: "Forbidden",
    409: "Conflict",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}
_MISSED = 0.02
"""Share of cut watches after which the server forgets so much that the watch cannot go on."""


@dataclass(slots=True)
class Rates:
    """How often what goes wrong; probabilities for each request, each watch or each chunk."""

    refused: float = 0.02
    lost: float = 0.01
    unsent: float = 0.01
    slow: float = 0.05
    cut: float = 0.004
    silent: float = 0.001
    late: float = 0.02
    gone: float = 0.05
    dropped: float = 0.0005
    stale: float = 0.05
    down: bool = False
    """Nobody answers at all."""

    def off(self) -> None:
        """Nothing goes wrong any more."""
        for name in self.__slots__:
            setattr(self, name, 0.0)
        self.down = False


@dataclass(slots=True)
class Gate:
    """A process's hold on the world: closed, it is stopped where it is, as by SIGSTOP."""

    inner: Transport
    _open: anyio.Event = field(default_factory=anyio.Event)

    def __post_init__(self) -> None:
        self._open.set()

    @property
    def host(self) -> str:
        return self.inner.host

    def freeze(self) -> None:
        """Stop before the next request and the next chunk."""
        self._open = anyio.Event()

    def thaw(self) -> None:
        """Go on."""
        self._open.set()

    async def send(self, request: Request) -> Response:
        await self._open.wait()
        response = await self.inner.send(request)
        await self._open.wait()
        return response

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[ByteStream]:
        await self._open.wait()
        async with self.inner.stream(request) as stream:
            yield _GatedStream(stream, self)

    async def passed(self) -> None:
        """Wait while the process is frozen."""
        await self._open.wait()


class _GatedStream:
    def __init__(self, inner: ByteStream, gate: Gate) -> None:
        self._inner = inner
        self._gate = gate

    @property
    def status(self) -> int:
        return self._inner.status

    @property
    def headers(self) -> Mapping[str, str]:
        return self._inner.headers

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._inner:
            await self._gate.passed()
            yield chunk


class FaultyTransport:
    """A network that loses, delays, cuts and lies, as often as ``rates`` say."""

    def __init__(
        self,
        inner: Transport,
        who: str,
        rates: Rates,
        clock: Clock,
        rng: random.Random,
        history: History,
    ) -> None:
        self._inner = inner
        self._who = who
        self._rates = rates
        self._clock = clock
        self._rng = rng
        self._history = history

    @property
    def host(self) -> str:
        return self._inner.host

    async def send(self, request: Request) -> Response:
        await self._before(request)
        if self._draws(self._rates.refused):
            code = self._rng.choice(sorted(_REFUSALS))
            self._fault(f"refused {code}", str(request))
            return _refusal(code, self._rng)
        if request.method == "GET" and self._draws(self._rates.stale):
            request = self._stale(request)
        response = await self._inner.send(request)
        if self._draws(self._rates.lost):
            self._fault("lost answer", f"{request} answered {response.status}")
            raise TransportError(f"{request}: the connection broke")
        return response

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[ByteStream]:
        await self._before(request)
        if self._draws(self._rates.gone):
            self._fault("410 status", str(request))
            yield _Refused(410, b'{"kind":"Status","code":410,"reason":"Expired"}')
            return
        async with self._inner.stream(request) as stream:
            yield _FaultyStream(stream, self, str(request))

    async def _before(self, request: Request) -> None:
        if self._rates.down or self._draws(self._rates.unsent):
            self._fault("not sent", str(request))
            await self._clock.sleep(self._rng.uniform(0, 0.2))
            raise NotSent(f"{request}: connection refused")
        if self._draws(self._rates.slow):
            self._fault("slow answer", str(request))
            await self._clock.sleep(self._rng.expovariate(1 / 2))

    def _stale(self, request: Request) -> Request:
        """A list from a server whose cache is behind: resourceVersion 0 allows it to be."""
        if dict(request.query).get("resourceVersion") == "0":
            self._fault("stale list", str(request))
        return request

    def _draws(self, share: float) -> bool:
        return bool(share) and self._rng.random() < share

    def _fault(self, kind: str, what: str) -> None:
        self._history.fault(kind, self._who, what)


class _FaultyStream:
    """A watch that ends early, falls silent, comes late, or loses an event."""

    def __init__(self, inner: ByteStream, owner: FaultyTransport, what: str) -> None:
        self._inner = inner
        self._owner = owner
        self._what = what

    @property
    def status(self) -> int:
        return self._inner.status

    @property
    def headers(self) -> Mapping[str, str]:
        return self._inner.headers

    async def __aiter__(self) -> AsyncIterator[bytes]:
        owner, rates = self._owner, self._owner._rates
        async for chunk in self._inner:
            if rates.down or owner._draws(rates.cut):
                owner._fault("cut watch", self._what)
                raise TransportError("the connection broke")
            if owner._draws(rates.silent):
                owner._fault("silent watch", self._what)
                await owner._clock.sleep(100_000)
            if owner._draws(rates.gone * rates.cut):
                owner._fault("410 event", self._what)
                yield _EXPIRED
                return
            if owner._draws(rates.late):
                # Other watches go on meanwhile: events of two kinds change their order.
                owner._fault("late event", self._what)
                await owner._clock.sleep(owner._rng.expovariate(1 / 3))
            if owner._draws(rates.dropped) and b'"ADDED"' not in chunk:
                owner._fault("dropped event", self._what)
                raise TransportError("an event was lost with the connection")
            yield chunk


_EXPIRED = (
    b'{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","status":"Failure",'
    b'"message":"too old resource version","reason":"Expired","code":410}}\n'
)


class _Refused:
    def __init__(self, status: int, body: bytes) -> None:
        self.status = status
        self.headers: Mapping[str, str] = {}
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._body


def _refusal(code: int, rng: random.Random) -> Response:
    reason = _REFUSALS[code]
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "message": "a fault of the simulation",
        "reason": reason,
        "code": code,
    }
    headers = {"retry-after": str(rng.randint(1, 5))} if code in (429, 503) else {}
    return Response(code, headers, msgspec.json.encode(body))
