"""``ome manager``: the operator's process."""

from __future__ import annotations

import os
import random
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import anyio
import structlog

from ome import __version__
from ome.api import names
from ome.cli.electing import RENEWAL_SECONDS, TIMING, lease_election, lease_lock
from ome.cli.goflags import Flag, parse
from ome.cli.profiling import profiling
from ome.clock import SystemClock
from ome.controllers import ControllerContext, setup_all
from ome.controllers.resources import INFERENCE_SERVICES
from ome.errors import NotFound, UserError
from ome.informers.metrics import PrometheusInformerMetrics
from ome.informers.projection import PartialMetadata
from ome.informers.registry import Informers
from ome.kube import Applier, Client, Discovery, EventRecorder
from ome.kube.http import connect
from ome.kube.request import DEFAULT_TIMEOUT
from ome.kube.resources import CRDS
from ome.reconciler.fence import Fence
from ome.reconciler.health import parse_address
from ome.reconciler.manager import Listen, Manager
from ome.reconciler.tls import self_signed_context
from ome.telemetry.logging import LogSettings, configure_logging
from ome.telemetry.metrics import Metrics
from ome.telemetry.tracing import configure_tracing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

    from ome.clock import Clock
    from ome.kube.transport import Transport
    from ome.reconciler.lease import LeaseLock

__all__ = ["FLAGS", "LOG_FLAGS", "log_settings", "own_namespace", "run", "user_errors"]

LOG_FLAGS = (
    Flag("zap-devel", False, "development logging: console encoder, debug level"),
    Flag("zap-encoder", "json", "log encoding", ("json", "console")),
    Flag("zap-log-level", "info", "debug, info, error, panic, or an integer above 0"),
    Flag(
        "zap-stacktrace-level",
        "error",
        "level from which traces appear",
        ("info", "error", "panic"),
    ),
    Flag(
        "zap-time-encoding",
        "rfc3339",
        "time format",
        ("epoch", "millis", "nano", "iso8601", "rfc3339", "rfc3339nano"),
    ),
)
FLAGS = (
    Flag("metrics-bind-address", ":8080", "address of the metrics endpoint; 0 switches it off"),
    Flag("metrics-secure", False, "serve metrics over HTTPS"),
    Flag("enable-http2", False, "allow HTTP/2 on the metrics and webhook servers"),
    Flag("webhook", False, "serve the admission webhooks"),
    Flag("webhook-port", 9443, "port of the webhook server"),
    Flag("leader-elect", False, "run the controllers on one replica of several"),
    Flag("leader-election-namespace", "", "namespace of the Lease (default: the operator's own)"),
    Flag("health-probe-addr", ":8081", "address of /healthz and /readyz; 0 switches it off"),
    Flag("kubeconfig", "", "path of a kubeconfig, for runs outside a cluster"),
    Flag("namespace", "", "the operator's own namespace (default: POD_NAMESPACE, then ome)"),
    Flag("profile", "", "write a flame graph of the whole run to FILE.html (or FILE.json)"),
    *LOG_FLAGS,
)

log = structlog.get_logger("setup")


def log_settings(flags: Mapping[str, Any], command: str) -> LogSettings:
    """The log settings of the ``--zap`` flags. Raises ``UserError``."""
    level = flags["zap-log-level"]
    if level not in ("debug", "info", "error", "panic") and not (
        level.isdigit() and int(level) > 0
    ):
        raise UserError(
            f"{command}: --zap-log-level={level}: expected debug, info, error, panic or an integer"
            " above 0"
        )
    return LogSettings(
        flags["zap-devel"],
        flags["zap-encoder"],
        level,
        flags["zap-stacktrace-level"],
        flags["zap-time-encoding"],
    )


def own_namespace(flag: str) -> str:
    """The operator's namespace: the flag, POD_NAMESPACE, or the default."""
    return flag or os.environ.get("POD_NAMESPACE") or names.DEFAULT_NAMESPACE


def _address(flags: Mapping[str, Any], name: str) -> tuple[str, int] | None:
    return None if flags[name] == "0" else parse_address(flags[name], name)


def run(words: Sequence[str]) -> int:
    """Run until a signal; the exit code."""
    flags = parse("ome manager", FLAGS, words)
    listen = Listen(
        _address(flags, "health-probe-addr"),
        _address(flags, "metrics-bind-address"),
        self_signed_context("ome-manager") if flags["metrics-secure"] else None,
    )
    configure_logging(log_settings(flags, "ome manager"))
    namespace = own_namespace(flags["namespace"])
    settings = {name.replace("-", "_"): value for name, value in flags.items()}
    log.info("settings", version=__version__, **{**settings, "namespace": namespace})
    for flag, lacks in (
        ("webhook", "admission webhooks are not served yet; the CRDs' own rules hold"),
        ("enable-http2", "only HTTP/1.1 is served"),
    ):
        if flags[flag]:
            log.warning("flag.without_effect", flag=f"--{flag}", why=lacks)
    with profiling(flags["profile"]), configure_tracing("ome-manager", __version__):
        lease = flags["leader-election-namespace"] or namespace
        return anyio.run(
            _main,
            flags["kubeconfig"] or None,
            namespace,
            lease if flags["leader-elect"] else None,
            listen,
        )


async def _main(
    kubeconfig: str | None, namespace: str, lease_namespace: str | None, listen: Listen
) -> int:
    with user_errors("ome manager") as outcome:
        clock, rng, metrics = SystemClock(), random.Random(), Metrics()
        async with await connect(kubeconfig) as transport:
            if lease_namespace is None:
                client = _client(transport, clock, rng, metrics)
                await _manage(client, namespace, listen, clock, rng, metrics)
                return outcome.code
            # Renewals wait behind nothing else, so their connections are their own.
            async with await connect(kubeconfig, connection_limit=4) as own:
                fence = Fence(clock, TIMING, metrics.writes_fenced.inc)
                client = _client(transport, clock, rng, metrics, fence)
                renewing = _client(own, clock, rng, metrics, seconds=RENEWAL_SECONDS)
                lock = lease_lock(renewing, clock, rng, lease_namespace)
                await _manage(client, namespace, listen, clock, rng, metrics, (lock, fence))
    return outcome.code


def _client(
    transport: Transport,
    clock: Clock,
    rng: random.Random,
    metrics: Metrics,
    guard: Fence | None = None,
    seconds: float = DEFAULT_TIMEOUT,
) -> Client:
    observe = metrics.request(transport.host)
    return Client(transport, clock=clock, rng=rng, observe=observe, guard=guard, timeout=seconds)


@dataclass(slots=True)
class Outcome:
    """The exit code of a command."""

    code: int = 0


@contextmanager
def user_errors(command: str) -> Iterator[Outcome]:
    """Print what users can mend in one line each, also from inside task groups."""
    outcome = Outcome()
    try:
        yield outcome
    except* UserError as group:
        for error in _leaves(group):
            sys.stderr.write(f"{command}: {error}\n")
            outcome.code = max(outcome.code, error.exit_code)


def _leaves(group: BaseExceptionGroup[UserError]) -> list[UserError]:
    found: list[UserError] = []
    for error in group.exceptions:
        found += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found


async def _manage(
    client: Client,
    namespace: str,
    listen: Listen,
    clock: Clock,
    rng: random.Random,
    metrics: Metrics,
    election: tuple[LeaseLock, Fence] | None = None,
) -> None:
    informers = Informers(client, clock, rng, metrics=PrometheusInformerMetrics(metrics.registry))
    events = EventRecorder(client, names.EVENT_COMPONENT, clock, dropped=metrics.events_dropped.inc)
    applier = Applier(client, names.FIELD_MANAGER, names.ANNOTATION_APPLIED_HASH)
    discovery = Discovery(client, clock)
    context = ControllerContext(client, informers, applier, events, clock, rng, namespace)
    controllers = setup_all(context)
    for controller in controllers:
        controller.observe(
            metrics.controller(controller.name, controller.workers),
            metrics.queue(controller.name),
        )
    _watch_crds(informers, discovery)
    manager = Manager(
        clock=clock,
        metrics=metrics,
        informers=informers,
        listen=listen,
        reach=_reach(discovery, applier),
        controllers=controllers,
        leading=[events.run],
        leadership=election and lease_election(*election, events, clock, rng, metrics),
    )
    async with anyio.create_task_group() as group:
        group.start_soon(manager.signals)
        await manager.run()
        group.cancel_scope.cancel()


def _watch_crds(informers: Informers, discovery: Discovery) -> None:
    """A CRD that appears or goes makes what we know of the server old."""
    crds = informers.informer(CRDS, PartialMetadata, metadata_only=True)

    def changed(old: PartialMetadata | None, new: PartialMetadata | None) -> None:
        if old is None or new is None:
            discovery.invalidate()
            informers.retry_now()

    crds.add_handler(changed)


def _reach(discovery: Discovery, applier: Applier) -> Callable[[], Awaitable[None]]:
    """What must hold before the caches are worth starting."""

    async def reach() -> None:
        await discovery.require_version()
        if not await discovery.serves(INFERENCE_SERVICES):
            discovery.invalidate()
            missing = f"{INFERENCE_SERVICES.plural}.{INFERENCE_SERVICES.group}"
            raise NotFound(f"CustomResourceDefinition {missing} is not installed")
        await applier.prove()

    return reach
