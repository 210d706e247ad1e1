"""The way between processes and the API server, on which everything may go wrong.

A request is handed over by its process and carried by tasks of the network, as a kernel carries
bytes: the server works on it whether its sender is frozen, dead or has lost interest: what was
handed over is not taken back by who gives up waiting. The write guard is asked at the moment of
handing over, as the real transport asks it.

Races: an answer may come when nobody waits any more; it is dropped.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import anyio
import msgspec

from ome.errors import TransportError
from ome.kube.transport import NotSent, Response
from ome.sandbox.apiserver.calls import Call, User
from ome.sandbox.refusal import Refused

from .pipes import Pipe, pump
from .referee import shown
from .weather import CODES

if TYPE_CHECKING:
    import random
    from collections.abc import AsyncIterator
    from contextvars import Context

    from ome.kube.request import Request
    from ome.sandbox.apiserver.calls import Answer
    from ome.sandbox.apiserver.server import ApiServer

    from .history import History
    from .processes import Process
    from .referee import Referee
    from .weather import Weather

__all__ = ["Connection", "Network"]

_LATENCY = (0.0005, 0.004)
_SLOW_REQUEST = 1.5
"""Seconds at most; more would let a write arrive after its sender's lease, which no fence stops."""
_SLOW_ANSWER = 40.0
_STALE = 45.0


@dataclass(eq=False)
class _Delivery:
    """A request on its way."""

    process: Process
    request: Request
    answer: asyncio.Future[Response]
    pipe: Pipe | None = None


@dataclass
class _Away:
    """Who cannot reach the server; ``silent``: without being told so."""

    processes: frozenset[str] | None
    silent: bool


@dataclass
class Network:
    """Carries requests and watches of all processes to one server."""

    server: ApiServer
    rng: random.Random
    weather: Weather
    history: History
    referee: Referee
    _away: _Away | None = None
    _pipes: dict[Pipe, Process] = field(default_factory=dict)
    _versions: list[tuple[float, int]] = field(default_factory=list)
    _context: Context | None = None
    _carriers: dict[asyncio.Task[None], None] = field(default_factory=dict)
    _failure: BaseException | None = None

    async def run(self) -> None:
        """Carry until cancelled. Raises what a carrier failed with."""
        self._context = copy_context()
        try:
            while self._failure is None:
                self._versions.append((self.history.seconds, self.server.store.version))
                del self._versions[:-120]
                await anyio.sleep(3.0)
        finally:
            for carrier in list(self._carriers):
                carrier.cancel()
        raise self._failure

    # What misfortunes do

    def cut_off(self, processes: frozenset[str] | None, *, silent: bool) -> None:
        """From now on these (None: all) do not reach the server; their watches end."""
        self._away = _Away(processes, silent)
        for pipe, process in list(self._pipes.items()):
            if self._is_away(process):
                pipe.stall() if silent else pipe.end("the connection broke")

    def back(self) -> None:
        """All reach the server again."""
        self._away = None

    def bury(self, process: Process) -> None:
        """The kernel closes a dead process' connections."""
        for pipe, owner in list(self._pipes.items()):
            if owner is process:
                pipe.close()

    # Carrying

    def post(self, delivery: _Delivery) -> None:
        """Take a request over from its process."""
        if self._context is None:
            raise RuntimeError("the network does not run")
        # A bare task, since one of a group costs as much as what it does, and in the network's own
        # context: it belongs to no process.
        loop = asyncio.get_running_loop()
        carrier = self._context.run(loop.create_task, self._carry(delivery))
        self._carriers[carrier] = None
        carrier.add_done_callback(self._carried_off)

    def _carried_off(self, carrier: asyncio.Task[None]) -> None:
        del self._carriers[carrier]
        if not carrier.cancelled() and carrier.exception() is not None:
            self._failure = carrier.exception()

    async def _carry(self, delivery: _Delivery) -> None:
        try:
            response = await self._carried(delivery)
        except TransportError as error:
            if not delivery.answer.done():
                delivery.answer.set_exception(error)
            return
        if response is not None and not delivery.answer.done():
            delivery.answer.set_result(response)

    async def _carried(self, delivery: _Delivery) -> Response | None:
        process, request = delivery.process, delivery.request
        await asyncio.sleep(self.rng.uniform(*_LATENCY))
        if self._is_away(process):
            if self._away is not None and self._away.silent:
                return None
            raise NotSent(f"{request}: connection refused")
        if self._strikes("slow-request", process, request):
            await asyncio.sleep(self.rng.uniform(0.1, _SLOW_REQUEST))
        if self._strikes("lost-request", process, request):
            await asyncio.sleep(self.rng.uniform(0.0, 3.0))
            raise TransportError(f"{request}: the connection broke")
        code = self.weather.refusal(
            writes=request.method != "GET", patches=request.method in ("PUT", "PATCH")
        )
        if code:
            self.history.fault(f"refused-{code}", process.name, shown(request))
            return _refused(code)
        if delivery.pipe is not None:
            return await self._watched(delivery, delivery.pipe)
        return await self._answered(delivery)

    async def _answered(self, delivery: _Delivery) -> Response:
        process, request = delivery.process, delivery.request
        call = _call(process, request)
        self._age(process, request, call)
        self.referee.arrives(process, request)
        answer = await self.server.handle(call)
        if request.writes:
            self.referee.written(process, request, answer.status)
            if answer.status < 300 and self._strikes("lost-answer", process, request):
                raise TransportError(f"{request}: the connection broke")
        body = answer.body
        if answer.stream is not None:
            body = b"".join([chunk async for chunk in answer.stream])
        await asyncio.sleep(self.rng.uniform(*_LATENCY))
        if self._strikes("slow-answer", process, request):
            await asyncio.sleep(self.rng.uniform(0.5, _SLOW_ANSWER))
        if self._is_away(process):
            raise TransportError(f"{request}: the connection broke")
        return Response(answer.status, _lower(answer), body)

    async def _watched(self, delivery: _Delivery, pipe: Pipe) -> Response:
        process, request = delivery.process, delivery.request
        if self._strikes("gone-status", process, request):
            return _refused(410)
        answer = await self.server.handle(_call(process, request))
        response = Response(answer.status, _lower(answer), answer.body)
        if answer.stream is None or delivery.answer.done():  # nobody waits for it any more
            return response
        self._pipes[pipe] = process
        delivery.answer.set_result(response)
        try:
            await pump(
                answer.stream,
                pipe,
                self.rng,
                lambda kind: self._strikes(kind, process, request),
            )
        finally:
            del self._pipes[pipe]
        return response

    def _age(self, process: Process, request: Request, call: Call) -> None:
        """Make a list an older one, now and then."""
        named = dict(request.query)
        lists = request.method == "GET" and not {"continue", "resourceVersion"} & named.keys()
        if not lists or "limit" not in named or not self.weather.strikes("stale-list"):
            return
        age = self.rng.uniform(1.0, _STALE)
        past = [version for at, version in self._versions if at <= self.history.seconds - age]
        if not past:
            return
        kind = self.server.kinds.find(*_kind_of(request.path))
        if kind is None or self.server.store.collection(*kind.store).floor > past[-1]:
            return
        self.history.fault("stale-list", process.name, f"{shown(request)} {age:.0f} s old")
        exact = {"resourceVersion": str(past[-1]), "resourceVersionMatch": "Exact"}
        call.query = {**call.query, **exact}

    def _strikes(self, kind: str, process: Process, request: Request) -> bool:
        if not self.weather.strikes(kind):
            return False
        self.history.fault(kind, process.name, shown(request))
        return True

    def _is_away(self, process: Process) -> bool:
        away = self._away
        return away is not None and (away.processes is None or process.name in away.processes)


class Connection:
    """The ``Transport`` of one process."""

    def __init__(self, network: Network, process: Process) -> None:
        self._network = network
        self._process = process

    @property
    def host(self) -> str:
        return "apiserver"

    async def send(self, request: Request) -> Response:
        """See ``Transport.send``."""
        return await self._handed_over(request, None)

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[Pipe]:
        """See ``Transport.stream``."""
        pipe = Pipe()
        try:
            response = await self._handed_over(request, pipe)
            pipe.status, pipe.headers = response.status, response.headers
            if response.status != 200:
                pipe.put(response.body)
                pipe.end()
            yield pipe
        finally:
            pipe.close()

    async def _handed_over(self, request: Request, pipe: Pipe | None) -> Response:
        if self._process.dead:
            raise NotSent(f"{request}: this process is dead")
        if request.guard is not None:
            request.guard.admit()
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Response] = loop.create_future()
        # Not a scope, which costs ten times as much: there are many requests.
        timer = loop.call_later(request.timeout, _expire, request, answer)
        self._network.post(_Delivery(self._process, request, answer, pipe))
        try:
            return await answer
        finally:
            timer.cancel()


def _expire(request: Request, answer: asyncio.Future[Response]) -> None:
    if not answer.done():
        answer.set_exception(TransportError(f"{request}: no answer in {request.timeout:g} s"))


def _call(process: Process, request: Request) -> Call:
    headers = {
        "accept": request.accept,
        "content-type": request.content_type,
        "user-agent": request.user_agent,
    }
    user = User(process.name, ("system:masters", "system:authenticated"))
    return Call(
        request.method, request.path, dict(request.query), headers, request.body or b"", user
    )


def _kind_of(path: str) -> tuple[str, str, str]:
    from ome.sandbox.apiserver.calls import target_of

    target = target_of(path)
    return ("", "", "") if target is None else (target.group, target.version, target.plural)


def _refused(code: int) -> Response:
    reason = CODES.get(code, "Expired")
    refused = Refused(code, reason, "a fault of the simulation")
    headers = {"retry-after": "1"} if code in (429, 503) else {}
    return Response(code, headers, msgspec.json.encode(refused.status()))


def _lower(answer: Answer) -> dict[str, str]:
    return {name.lower(): value for name, value in answer.headers.items()}
