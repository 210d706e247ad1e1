"""The operator put together, over any transport and in any time."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import anyio

from ome import __version__
from ome.api import names
from ome.cli.electing import RENEWAL_SECONDS, TIMING, lease_election, lease_lock
from ome.controllers import ControllerContext, setup_all
from ome.controllers.census import take_census
from ome.controllers.resources import INFERENCE_SERVICES
from ome.errors import NotFound
from ome.informers.metrics import PrometheusInformerMetrics
from ome.informers.projection import PartialMetadata
from ome.informers.registry import Informers
from ome.kube import Applier, Client, Discovery, EventRecorder
from ome.kube.creating import prove_creating
from ome.kube.request import DEFAULT_TIMEOUT
from ome.kube.resources import CRDS
from ome.reconciler.access import Access
from ome.reconciler.fence import Fence
from ome.reconciler.flightlog import FLIGHTS_PATH, add_flights
from ome.reconciler.manager import Listen, Manager
from ome.reconciler.tasks import dump_on_signal
from ome.telemetry.flights import FlightRecorder
from ome.telemetry.metrics import Metrics

if TYPE_CHECKING:
    import random
    from collections.abc import Awaitable, Callable, Coroutine, Sequence

    from aiohttp import web

    from ome.clock import Clock
    from ome.kube.transport import Transport
    from ome.reconciler.controller import Controller
    from ome.reconciler.manager import Leadership
    from ome.webhooks.serving import WebhookSettings

__all__ = ["NOWHERE", "Settings", "operate"]


NOWHERE = Listen(None, None)


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator is started with."""

    namespace: str
    """Its own: its ConfigMaps and the nodes' reports are there."""
    listen: Listen = NOWHERE
    webhooks: WebhookSettings | None = None
    """None: admission webhooks are not served."""
    lease_namespace: str | None = None
    """Where the Lease is that one replica of several holds; None: this one runs alone."""


async def operate(
    transport: Transport,
    settings: Settings,
    clock: Clock,
    rng: random.Random,
    *,
    renewals: Transport | None = None,
    signals: bool = True,
    stop: anyio.Event | None = None,
    give_up: Callable[[], None] | None = None,
    leadership: Leadership | None = None,
) -> None:
    """Run the operator until a signal or, without ``signals``, until ``stop`` or cancelled.

    ``stop`` does what SIGTERM does: what is under way is finished and the Lease given back.
    ``renewals`` is the connection of the Lease, which waits behind nothing else (by default
    ``transport``); ``give_up`` ends a process whose work does not stop when leadership is lost.
    ``leadership`` says who leads where no Lease does. Raises ``UserError`` when an address cannot
    be used.
    """
    operator = _Operator(transport, settings, clock, rng, leadership)
    await operator.run(renewals or transport, signals, stop, give_up)


class _Operator:
    def __init__(
        self,
        transport: Transport,
        settings: Settings,
        clock: Clock,
        rng: random.Random,
        leadership: Leadership | None,
    ) -> None:
        self._transport = transport
        self._led_by = leadership
        self._settings = settings
        self._clock = clock
        self._rng = rng
        self._metrics = Metrics(__version__, os.environ.get(names.ENV_COMMIT, ""))

    async def run(
        self,
        renewals: Transport,
        signals: bool,
        stop: anyio.Event | None,
        give_up: Callable[[], None] | None,
    ) -> None:
        metrics, settings = self._metrics, self._settings
        elects = settings.lease_namespace is not None
        fence = Fence(self._clock, TIMING, metrics.writes_fenced.inc) if elects else None
        client = self._client(self._transport, fence)
        measured = PrometheusInformerMetrics(metrics.registry)
        informers = Informers(client, self._clock, self._rng, metrics=measured)
        events = EventRecorder(
            client, names.EVENT_COMPONENT, self._clock, dropped=metrics.events_dropped.inc
        )
        applier = self._applier(client)
        discovery = Discovery(client, self._clock)
        context = ControllerContext(
            client,
            informers,
            applier,
            events,
            self._clock,
            self._rng,
            settings.namespace,
            metrics.status_saved,
            metrics.registry,
        )
        controllers = setup_all(context)
        recorder = self._observe(controllers)
        take_census(informers, metrics.registry)
        runnables, ready = self._admission(context)
        _watch_crds(informers, discovery)
        manager = Manager(
            clock=self._clock,
            metrics=metrics,
            informers=informers,
            listen=settings.listen,
            reach=_reach(discovery, client),
            controllers=controllers,
            runnables=runnables,
            ready=ready,
            leading=[events.run],
            leadership=self._leadership(renewals, fence, events, give_up),
            admit=self._readers("/metrics"),
            extend=self._flights(recorder),
        )
        async with anyio.create_task_group() as group:
            if signals:
                group.start_soon(manager.signals)
                group.start_soon(dump_on_signal)
            if stop is not None:
                group.start_soon(_stop_at, stop, manager)
            await manager.run()
            group.cancel_scope.cancel()

    def _applier(self, client: Client) -> Applier:
        return Applier(
            client,
            names.FIELD_MANAGER,
            names.ANNOTATION_APPLIED_HASH,
            status_written=self._metrics.status_written,
            applied=self._metrics.applied,
        )

    def _observe(self, controllers: Sequence[Controller[Any]]) -> FlightRecorder | None:
        """Have what the controllers do measured, and recorded where somebody could read it."""
        secured = self._settings.listen.metrics_tls is not None
        recorder = FlightRecorder(self._clock.wall) if secured else None
        for controller in controllers:
            report = self._metrics.controller(controller.name, controller.workers)
            controller.observe(report, self._metrics.queue(controller.name), recorder)
        return recorder

    def _client(
        self, transport: Transport, guard: Fence | None = None, seconds: float = DEFAULT_TIMEOUT
    ) -> Client:
        return Client(
            transport,
            clock=self._clock,
            rng=self._rng,
            observe=self._metrics.request(transport.host),
            guard=guard,
            timeout=seconds,
        )

    def _admission(
        self, context: ControllerContext
    ) -> tuple[
        list[Callable[[], Coroutine[None, None, None]]], dict[str, Callable[[], str | None]]
    ]:
        """What serves the webhooks on every replica, and whether it is ready."""
        if self._settings.webhooks is None:
            return [], {}
        # Imported when used: a manager without webhooks starts faster.
        from ome.cli.webhooks import make_webhooks

        # Certificates are made by whoever comes first, leader or not: each write of them creates
        # or carries the version that was read.
        unguarded = replace(context, client=self._client(self._transport))
        admission = make_webhooks(unguarded, self._settings.webhooks, self._metrics.registry)
        return [admission.run], {"webhooks": admission.problem}

    def _readers(self, path: str) -> Callable[[str], Awaitable[int]] | None:
        """Who may read what is served beside the metrics; None where they are not secured."""
        if self._settings.listen.metrics_tls is None:
            return None
        # Reviews are no writes that only the leader may make.
        return Access(self._client(self._transport), self._clock, path).status

    def _flights(self, recorder: FlightRecorder | None) -> Callable[[web.Application], None] | None:
        """Serves the flight recorder, for whom the API server vouches and for nobody else."""
        admit = self._readers(FLIGHTS_PATH)
        if admit is None or recorder is None:
            return None
        return lambda app: add_flights(app, recorder, admit)

    def _leadership(
        self,
        renewals: Transport,
        fence: Fence | None,
        events: EventRecorder,
        give_up: Callable[[], None] | None,
    ) -> Leadership | None:
        namespace = self._settings.lease_namespace
        if fence is None or namespace is None:
            return self._led_by
        client = self._client(renewals, seconds=RENEWAL_SECONDS)
        lock = lease_lock(client, self._clock, self._rng, namespace)
        return lease_election(
            lock, fence, events, self._clock, self._rng, self._metrics, give_up=give_up
        )


async def _stop_at(stop: anyio.Event, manager: Manager) -> None:
    await stop.wait()
    manager.stop()


def _watch_crds(informers: Informers, discovery: Discovery) -> None:
    """A CRD that appears or goes makes what we know of the server old."""
    crds = informers.informer(CRDS, PartialMetadata, metadata_only=True)

    def changed(old: PartialMetadata | None, new: PartialMetadata | None) -> None:
        if old is None or new is None:
            discovery.invalidate()
            informers.retry_now()

    crds.add_handler(changed)


def _reach(discovery: Discovery, client: Client) -> Callable[[], Awaitable[None]]:
    """What must hold before the caches are worth starting."""

    async def reach() -> None:
        await discovery.require_version()
        if not await discovery.serves(INFERENCE_SERVICES):
            discovery.invalidate()
            missing = f"{INFERENCE_SERVICES.plural}.{INFERENCE_SERVICES.group}"
            raise NotFound(f"CustomResourceDefinition {missing} is not installed")
        await prove_creating(client)

    return reach
