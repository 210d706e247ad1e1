"""``ome manager``: the operator's process."""

from __future__ import annotations

import gc
import os
import random
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import structlog

from ome import __version__
from ome.api import names
from ome.cli.assembly import Settings, operate
from ome.cli.goflags import Flag, parse, port
from ome.cli.outcome import user_errors
from ome.cli.profiling import profiling
from ome.clock import SystemClock
from ome.errors import UserError
from ome.kube.http import connect
from ome.reconciler.health import parse_address
from ome.reconciler.manager import Listen
from ome.reconciler.tls import self_signed_context
from ome.telemetry.exporting import configure_tracing
from ome.telemetry.logging import LogSettings, configure_logging

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ome.webhooks.serving import WebhookSettings

__all__ = ["FLAGS", "LOG_FLAGS", "log_settings", "metrics_address", "own_namespace", "run"]

LOG_FLAGS = (
    Flag("zap-devel", False, "development logging: console encoder, debug level"),
    Flag("zap-encoder", "json", "log encoding", ("json", "console")),
    Flag("zap-log-level", "info", "debug, info, error, panic, or an integer above 0"),
    Flag(
        "zap-stacktrace-level",
        "error",
        "level from which lines have the traceback of their error",
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
    Flag(
        "metrics-bind-address",
        ":8080",
        "address of the metrics endpoint; 0 or port 0 switches it off",
    ),
    Flag("metrics-secure", False, "metrics over HTTPS, for tokens that may GET /metrics"),
    Flag("enable-http2", False, "allow HTTP/2 on the metrics and webhook servers"),
    Flag("webhook", False, "serve the admission webhooks"),
    Flag("webhook-port", 9443, "port of the webhook server"),
    Flag(
        "webhook-cert-dir",
        "",
        "folder of tls.crt and tls.key that somebody else renews (default:"
        " k8s-webhook-server/serving-certs in the temporary folder); without these files the"
        " manager makes its own certificate",
    ),
    Flag("leader-elect", False, "run the controllers on one replica of several"),
    Flag("leader-election-namespace", "", "namespace of the Lease (default: the operator's own)"),
    Flag("health-probe-addr", ":8081", "address of /healthz and /readyz; 0 switches it off"),
    Flag("kubeconfig", "", "path of a kubeconfig, for runs outside a cluster"),
    Flag("namespace", "", "the operator's own namespace (default: POD_NAMESPACE, then ome)"),
    Flag("dry-run", False, "say what would be written, once, and end: nothing is changed"),
    Flag("profile", "", "write a flame graph of the whole run to FILE.html (or FILE.json)"),
    *LOG_FLAGS,
)

_MORE = """
Examples:
  ome manager --leader-elect --webhook
  ome manager --dry-run --namespace ome"""

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


def metrics_address(flags: Mapping[str, Any]) -> tuple[str, int] | None:
    """Where metrics are served; None for ``0``, and for a port 0, which no scraper would find."""
    address = _address(flags, "metrics-bind-address")
    return address if address and address[1] else None


def run(words: Sequence[str]) -> int:
    """Run until a signal; the exit code."""
    flags = parse("ome manager", FLAGS, words, more=_MORE)
    listen = Listen(
        _address(flags, "health-probe-addr"),
        metrics_address(flags),
        self_signed_context("ome-manager") if flags["metrics-secure"] else None,
    )
    namespace = own_namespace(flags["namespace"])
    settings = Settings(
        namespace,
        listen,
        _webhooks(flags, namespace),
        (flags["leader-election-namespace"] or namespace) if flags["leader-elect"] else None,
    )
    configure_logging(log_settings(flags, "ome manager"))
    said = {name.replace("-", "_"): value for name, value in flags.items()}
    log.info("settings", version=__version__, **{**said, "namespace": namespace})
    if flags["enable-http2"]:
        log.warning("flag.without_effect", flag="--enable-http2", why="only HTTP/1.1 is served")
    _spare_collections()
    with profiling(flags["profile"]), configure_tracing("ome-manager", __version__):
        main = _rehearse if flags["dry-run"] else _main
        return anyio.run(main, flags["kubeconfig"] or None, settings)


def _spare_collections() -> None:
    """Look for cyclic garbage less often: most of what a pass makes is freed without a search.

    Modules are never garbage, so no search looks at them. In ``hack/bench statuses`` the searches
    took 0.20 s of 4.1 CPU-seconds, with these thresholds 0.04 s.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def _webhooks(flags: Mapping[str, Any], namespace: str) -> WebhookSettings | None:
    if not flags["webhook"]:
        return None
    # Imported when used: a manager without webhooks starts faster.
    from ome.webhooks.serving import WebhookSettings

    folder = flags["webhook-cert-dir"]
    number = port("ome manager", flags, "webhook-port")
    return WebhookSettings(namespace, number, folder=Path(folder) if folder else None)


async def _main(kubeconfig: str | None, settings: Settings) -> int:
    with user_errors("ome manager") as outcome:
        async with AsyncExitStack() as stack:
            transport = await stack.enter_async_context(await connect(kubeconfig))
            renewals = None
            if settings.lease_namespace is not None:
                # Renewals wait behind nothing else, so their connections are their own.
                own = await connect(kubeconfig, connection_limit=4)
                renewals = await stack.enter_async_context(own)
            await operate(transport, settings, SystemClock(), random.Random(), renewals=renewals)
    return outcome.code


async def _rehearse(kubeconfig: str | None, settings: Settings) -> int:
    # Imported when used: a manager at work has no use for it.
    from ome.cli.rehearsal import rehearse

    with user_errors("ome manager --dry-run") as outcome:
        async with await connect(kubeconfig) as transport:
            code = await rehearse(transport, settings, SystemClock(), random.Random())
            outcome.code = max(outcome.code, code)
    return outcome.code
