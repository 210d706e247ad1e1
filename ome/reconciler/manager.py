"""The manager: starts everything in order, keeps it running, stops it in reverse.

Start: HTTP servers (probes answer from the first second) -> the API server is reached and checked
-> caches -> runnables -> controllers and what else writes (events), inside the scope of leadership.
Stop: the controllers first, each finishing what a run began within the grace period, then the rest.

Races: a signal may come at any moment of the start; it cancels the waiting and the stop runs from
where the start had come to. Losing leadership cancels the scope of leadership and nothing else: the
process stays as a follower with warm caches, and its controllers run again when it leads again.
"""

from __future__ import annotations

import signal
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import anyio
import structlog

from ome.errors import ApiError, NotFound, TransportError, Unauthorized
from ome.reconciler.health import HttpServer, metrics_app, probe_app

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from aiohttp import web

    from ome.clock import Clock
    from ome.informers.registry import Informers
    from ome.reconciler.controller import Controller
    from ome.telemetry.metrics import Metrics

__all__ = ["AlwaysLeader", "Leadership", "Listen", "Manager"]

_COMPLAIN_EVERY = 30.0
_LAG_EVERY = 1.0
_STUCK_LAG = 30.0
log = structlog.get_logger("setup")


class Leadership(Protocol):
    """Who may run the controllers: a scope that is entered when gained and cancelled when lost."""

    def lead(self) -> AbstractAsyncContextManager[None]:
        """Wait for leadership and hold it while the block runs."""
        ...


class AlwaysLeader:
    """Leadership for a manager that runs alone."""

    @asynccontextmanager
    async def lead(self) -> AsyncIterator[None]:
        yield


@dataclass(frozen=True, slots=True)
class Listen:
    """Where the manager listens; None switches a server off."""

    probes: tuple[str, int] | None
    metrics: tuple[str, int] | None
    metrics_tls: ssl.SSLContext | None = None


@dataclass(slots=True)
class _State:
    connected: str = "not connected to the API server yet"
    synced: bool = False
    lag: float = 0.0
    stopping: bool = False
    servers: list[HttpServer] = field(default_factory=list)


class Manager:
    """Runs controllers over informers until a signal or ``stop``."""

    def __init__(
        self,
        *,
        clock: Clock,
        metrics: Metrics,
        informers: Informers,
        listen: Listen,
        reach: Callable[[], Awaitable[None]],
        controllers: Sequence[Controller[Any]] = (),
        runnables: Sequence[Callable[[], Coroutine[Any, Any, None]]] = (),
        leading: Sequence[Callable[[], Coroutine[Any, Any, None]]] = (),
        ready: Mapping[str, Callable[[], str | None]] | None = None,
        leadership: Leadership | None = None,
        admit: Callable[[str], Awaitable[int]] | None = None,
        extend: Callable[[web.Application], None] | None = None,
        grace: float = 30.0,
    ) -> None:
        """``reach`` asks the server for what must be there and raises until it is.

        ``runnables`` run on every replica, ``leading`` only where and while the controllers do.
        ``ready`` are further checks of ``/readyz``; ``admit`` says who may read the metrics,
        and ``extend`` adds to what is served beside them.
        """
        self._clock = clock
        self._metrics = metrics
        self._informers = informers
        self._listen = listen
        self._reach = reach
        self._controllers = controllers
        self._runnables = runnables
        self._leading = leading
        self._ready = ready or {}
        self._leadership = leadership or AlwaysLeader()
        self._admit = admit
        self._extend = extend
        self._grace = grace
        self._state = _State()
        self._stop = anyio.Event()

    def stop(self) -> None:
        """Begin an orderly stop."""
        self._stop.set()

    async def run(self) -> None:
        """Run until ``stop``. Raises ``UserError`` when an address cannot be used."""
        async with anyio.create_task_group() as group:
            await self._serve()
            try:
                group.start_soon(self._measure_lag)
                async with anyio.create_task_group() as work:
                    work.start_soon(self._work)
                    await self._stop.wait()
                    log.info("manager.stopping")
                    await self._drain()
                    work.cancel_scope.cancel()
            finally:
                with anyio.CancelScope(shield=True), anyio.move_on_after(5):
                    for server in reversed(self._state.servers):
                        await server.stop()
            group.cancel_scope.cancel()
        log.info("manager.stopped")

    async def signals(self) -> None:
        """Stop at SIGTERM or SIGINT; a second one ends the process at once with code 1."""
        with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as received:
            async for number in received:
                if self._state.stopping:
                    raise SystemExit(1)
                self._state.stopping = True
                log.info("manager.signal", signal=signal.Signals(number).name)
                self.stop()

    async def _serve(self) -> None:
        live = {"loop": self._loop_problem, "informers": self._stuck}
        ready = {"caches": self._not_ready, **self._ready}
        apps: list[tuple[web.Application, tuple[str, int], ssl.SSLContext | None]] = []
        if self._listen.probes:
            apps.append((probe_app(live, ready), self._listen.probes, None))
        if self._listen.metrics:
            app = metrics_app(self._metrics.registry, self._refresh, self._admit)
            if self._extend is not None:
                self._extend(app)
            apps.append((app, self._listen.metrics, self._listen.metrics_tls))
        for app, (host, port), tls in apps:
            server = HttpServer(app, host, port, tls)
            bound = await server.start()
            self._state.servers.append(server)
            log.info("http.listening", host=host, port=bound)

    async def _work(self) -> None:
        await self._connect()
        async with anyio.create_task_group() as group:
            await group.start(self._informers.run)
            for runnable in self._runnables:
                group.start_soon(runnable)
            await self._sync()
            while not self._stop.is_set():
                async with self._leadership.lead(), anyio.create_task_group() as term:
                    names = [controller.name for controller in self._controllers]
                    log.info("controllers.started", names=names)
                    for runnable in self._leading:
                        term.start_soon(runnable)
                    for controller in self._controllers:
                        term.start_soon(controller.run)

    async def _connect(self) -> None:
        """Wait until the server can be used, with one line each half minute that says why not."""
        complained = -_COMPLAIN_EVERY
        while True:
            problem = await self._attempt()
            if problem is None:
                self._state.connected = ""
                return
            self._state.connected = problem
            if self._clock.monotonic() - complained >= _COMPLAIN_EVERY:
                complained = self._clock.monotonic()
                log.warning("manager.waiting", problem=problem)
            await self._clock.sleep(2)

    async def _attempt(self) -> str | None:
        try:
            with anyio.fail_after(30):
                await self._reach()
        except Unauthorized as error:
            return (
                f"the API server does not accept the credentials: {error}; renew the token or"
                " certificate of the kubeconfig or service account"
            )
        except NotFound as error:
            return f"{error}; install the CRDs (ome crds | kubectl apply --server-side -f -)"
        except (ApiError, TransportError, TimeoutError) as error:
            return str(error) or "the API server did not answer in 30 s"
        return None

    async def _sync(self) -> None:
        while True:
            try:
                await self._informers.wait_synced(_COMPLAIN_EVERY)
            except TimeoutError as error:
                log.warning("manager.waiting", problem=str(error) or "caches are not in sync yet")
                continue
            self._state.synced = True
            return

    async def _drain(self) -> None:
        for controller in self._controllers:
            controller.queue.shut_down()
        with anyio.move_on_after(self._grace) as scope:
            while any(controller.queue.processing for controller in self._controllers):
                await self._clock.sleep(0.02)
        if scope.cancelled_caught:
            log.warning("manager.grace_over", seconds=self._grace)

    async def _measure_lag(self) -> None:
        while True:
            before = self._clock.monotonic()
            await self._clock.sleep(_LAG_EVERY)
            self._state.lag = max(self._clock.monotonic() - before - _LAG_EVERY, 0.0)
            self._metrics.loop_lag.observe(self._state.lag)

    def _loop_problem(self) -> str | None:
        lag = self._state.lag
        return f"the event loop is {lag:.0f} s late" if lag > _STUCK_LAG else None

    def _stuck(self) -> str | None:
        return "; ".join(str(problem) for problem in self._informers.ok()) or None

    def _not_ready(self) -> str | None:
        if self._state.connected:
            return self._state.connected
        return None if self._state.synced else "caches are not in sync yet"

    def _refresh(self) -> None:
        for controller in self._controllers:
            queue, name = controller.queue, controller.name
            self._metrics.queue_unfinished.labels(name).set(queue.unfinished())
            self._metrics.queue_longest.labels(name).set(queue.longest_running())
