"""Replicas that compete for a Lease in one virtual loop, each with its own clock and its own way to
the server, so that each can be frozen, cut off or put to sleep alone."""

from __future__ import annotations

import random
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio

from ome.errors import NotLeading, OmeError, TransportError
from ome.kube import Client, ObjectKey
from ome.kube.resources import CONFIGMAPS, LEASES
from ome.reconciler.election import LeaseElection
from ome.reconciler.fence import Fence, Timing
from ome.reconciler.lease import LeaseLock
from tests.support.fake_api import in_time
from tests.support.virtual_time import VirtualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from anyio.abc import TaskGroup

    from ome.kube.request import Request
    from ome.kube.transport import ByteStream, Response
    from tests.support.fake_cluster import FakeCluster

KEY = ObjectKey("ome", "lock")
NOTEBOOK = ObjectKey("ome", "notebook")


class Line:
    """A transport that can be cut, slowed and made to lose answers; a frozen replica hangs in it.

    A request that was sent arrives whatever happens to the sender, who may even have ended.
    """

    carriers: TaskGroup
    """Carry what was sent; its owner opens them before its first request."""

    def __init__(self, cluster: FakeCluster, clock: Sleeper) -> None:
        self.host = cluster.host
        self.cut = False
        self.there = 0.0
        """Seconds until a request arrives."""
        self.back = 0.0
        """Seconds until its answer is here."""
        self.lose_answers = 0
        self.losing: tuple[str, ...] = ("PUT", "POST")
        """The methods whose answers get lost: these are the Lease's, PATCH the notebook's."""
        self._cluster = cluster
        self._clock = clock

    async def send(self, request: Request) -> Response:
        with in_time(request):
            return await self._sent(request)

    async def _sent(self, request: Request) -> Response:
        await self._clock.thawed()
        if request.guard is not None:
            request.guard.admit()
        if self.cut or self.there >= request.timeout:  # the server gives up what arrives so late
            await anyio.sleep_forever()
        answer = _Answer()
        self.carriers.start_soon(self._carry, request, self.there, answer)
        await answer.came.wait()
        await anyio.sleep(self.back)
        await self._clock.thawed()
        if self.lose_answers and request.method in self.losing:
            self.lose_answers -= 1
            raise TransportError("the connection broke")
        return answer.given()

    async def _carry(self, request: Request, seconds: float, answer: _Answer) -> None:
        await anyio.sleep(seconds)
        try:
            answer.outcome = await self._cluster.send(request)
        except OmeError as error:
            answer.outcome = error
        answer.came.set()

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[ByteStream]:
        if self.cut:
            raise TransportError("no route to host")
        async with self._cluster.stream(request) as stream:
            yield _Body(stream, self)

    async def passable(self) -> None:
        """Chunks do not come while the line is cut or the reader is frozen."""
        while self.cut:  # noqa: ASYNC110 - waiting costs nothing in virtual time
            await anyio.sleep(0.1)
        await self._clock.thawed()


class _Answer:
    def __init__(self) -> None:
        self.came = anyio.Event()
        self.outcome: Response | OmeError | None = None

    def given(self) -> Response:
        assert self.outcome is not None
        if isinstance(self.outcome, OmeError):
            raise self.outcome
        return self.outcome


class _Body:
    def __init__(self, stream: ByteStream, line: Line) -> None:
        self.status, self.headers = stream.status, stream.headers
        self._chunks = aiter(stream)
        self._line = line

    def __aiter__(self) -> _Body:
        return self

    async def __anext__(self) -> bytes:
        chunk = await anext(self._chunks)
        await self._line.passable()
        return chunk


class Sleeper(VirtualClock):
    """A clock whose owner wakes up only when it is not frozen."""

    def __init__(self) -> None:
        self.frozen = False

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds)
        await self.thawed()

    async def thawed(self) -> None:
        while self.frozen:  # noqa: ASYNC110 - the same
            await anyio.sleep(0.05)


class Candidate:
    """One replica: while it leads it writes into a notebook, twice a second."""

    def __init__(self, cluster: FakeCluster, name: str) -> None:
        self.name = name
        self.clock = Sleeper()
        self.line = Line(cluster, self.clock)
        self.fence = Fence(self.clock, Timing())
        rng = random.Random(name)
        self._client = Client(self.line, clock=self.clock, rng=rng, guard=self.fence)
        lease_client = Client(self.line, clock=self.clock, rng=rng, timeout=5)
        lock = LeaseLock(lease_client, self.clock, KEY, name, Timing().lease)
        self.leads = False
        self.told: list[str] = []
        self.gave_up = False
        self.stubborn = 0.0
        """Seconds that its work goes on after it was cancelled."""
        self.terms = 0
        self._scope = anyio.CancelScope()
        self._writing = self._stopping = False
        self.election = LeaseElection(
            lock,
            self.fence,
            Timing(),
            clock=self.clock,
            rng=rng,
            metrics=self,
            announce=lambda _, text: self.told.append(text),
            give_up=self._give_up,
        )

    def leading(self, leads: bool) -> None:
        self.leads = leads

    def renewed(self, result: str, seconds: float) -> None: ...

    def may_write(self) -> bool:
        try:
            self.fence.admit()
        except NotLeading:
            return False
        return True

    async def run(self) -> None:
        """Compete until stopped, as the manager does."""
        async with anyio.create_task_group() as self.line.carriers:
            await self._compete()

    async def _compete(self) -> None:
        with self._scope:
            while True:
                async with self.election.lead():
                    self.terms += 1
                    try:
                        await self._work()
                    finally:
                        with anyio.CancelScope(shield=True):
                            await anyio.sleep(self.stubborn)

    async def _work(self) -> None:
        while True:
            try:
                await self.write()
            except OmeError:
                pass
            await self.clock.sleep(0.5)

    async def write(self) -> None:
        """Write its name into the notebook."""
        patch = {"data": {"by": self.name}}
        self._writing = True
        try:
            await self._client.merge_patch(CONFIGMAPS, NOTEBOOK, patch)
        finally:
            self._writing = False
            if self._stopping:
                self._scope.cancel()

    def stop(self) -> None:
        """A clean stop, which lets a write end, as the manager does."""
        self._stopping = True
        if not self._writing:
            self._scope.cancel()

    def cut_off(self) -> None:
        """A stop whose grace period is over."""
        self._scope.cancel()

    def kill(self) -> None:
        """As kill -9: nothing more is said to anybody."""
        self.line.cut = True
        self._scope.cancel()

    def _give_up(self) -> None:
        self.gave_up = True
        self.kill()


def prepare(cluster: FakeCluster) -> None:
    """The notebook that leaders write into."""
    namespace, name = NOTEBOOK
    cluster.put(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": namespace},
        }
    )


def lease(cluster: FakeCluster) -> Mapping[str, Any]:
    """The Lease's spec as stored."""
    found = cluster.object(LEASES, KEY)
    return {} if found is None else found["spec"]


def authors(cluster: FakeCluster) -> list[str]:
    """Who wrote into the notebook, and who took or freed the Lease, one after the other."""
    told: list[str] = []
    holder = ""
    for write in cluster.writes:
        if write.resource == CONFIGMAPS:
            told.append(write.body["data"]["by"])
        elif write.resource == LEASES and write.body["spec"]["holderIdentity"] != holder:
            holder = write.body["spec"]["holderIdentity"]
            told.append(f"{holder or 'nobody'} holds the Lease")
    return told
