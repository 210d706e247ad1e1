"""``ome agent`` on a node: from flags and environment to a running agent."""

from __future__ import annotations

import os
import random
import signal
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import anyio
import structlog

from ome import __version__
from ome.agent.assembly import Site, node_agent
from ome.agent.blobs import Blobs
from ome.agent.disk import Disk
from ome.agent.fleet import Fleet
from ome.agent.metrics import AgentMetrics
from ome.agent.serving import agent_app, metrics_only_app
from ome.agent.settings import Settings
from ome.agent.shapes import instance_types, shape_of
from ome.cli.agentflags import IGNORED
from ome.cli.fleet import play
from ome.cli.goflags import duration, port
from ome.cli.manager import LOG_FLAGS, own_namespace
from ome.cli.outcome import user_errors
from ome.clock import SystemClock
from ome.controllers.resources import ON_NODES
from ome.errors import ApiError, Forbidden, NotFound, TransportError, Unauthorized, UserError
from ome.informers.registry import Informers
from ome.kube import Client
from ome.kube.http import connect
from ome.kube.resource import ObjectKey
from ome.kube.resources import NODES
from ome.reconciler.health import EVERYWHERE, HttpServer
from ome.telemetry.logging import LogSettings, configure_logging

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.agent.agent import NodeAgent

__all__ = ["address_of", "run", "settings_of", "start_delay"]

_LAST_WORDS = 5.0
_RETRY = 30.0
_DELAY = 30
_FILES = 4
log = structlog.get_logger("agent")


class NoNode(UserError):
    """The agent's node cannot be read."""

    exit_code = 1


def run(flags: Mapping[str, Any]) -> int:
    """Run until a signal; the exit code. Raises ``UserError``."""
    node = _node_name(flags["node-name"])
    settings = settings_of(flags)
    port("ome agent", flags, "port")
    port("ome agent", flags, "metrics-port", least=0)
    types = instance_types(os.environ.get("INSTANCE_TYPE_MAP", ""))
    encoder = "console" if flags["log-format"] == "text" else "json"
    configure_logging(LogSettings(encoder=encoder, level=flags["log-level"]))
    said = {name.replace("-", "_"): value for name, value in flags.items()}
    log.info("settings", version=__version__, node=node, **said)
    for name in (name for name in IGNORED if flags[name]):
        log.warning("flag.without_effect", flag=f"--{name}", why="there is nothing to set")
    for flag in (flag for flag in LOG_FLAGS if flags[flag.name] != flag.default):
        why = "they are of simulated agents; use --log-level and --log-format"
        log.warning("flag.without_effect", flag=f"--{flag.name}", why=why)
    return anyio.run(_main, flags, node, settings, types)


def settings_of(flags: Mapping[str, Any]) -> Settings:
    """What the flags say. Raises ``UserError``."""
    return Settings(
        root=_absolute(flags["models-root-dir"], "models-root-dir"),
        roots=tuple(_absolute(path, "allowed-model-dir") for path in flags["allowed-model-dir"]),
        workers=_above_zero(flags, "num-download-worker"),
        concurrency=flags["hf-max-workers"] or _files_at_a_time(),
        attempts=_above_zero(flags, "hf-max-retries"),
        # Manifests in the field have 0 here, which once downloaded nothing and called it done.
        object_concurrency=max(flags["concurrency"], 1),
        object_ranges=_above_zero(flags, "multipart-concurrency"),
        object_attempts=_above_zero(flags, "download-retry"),
        retry_seconds=duration("ome agent", flags, "hf-retry-interval"),
        repair_seconds=max(duration("ome agent", flags, "config-map-sync-interval"), 1.0),
    )


async def _main(
    flags: Mapping[str, Any], node: str, settings: Settings, types: Mapping[str, str]
) -> int:
    clock, rng = SystemClock(), random.Random()
    metrics = AgentMetrics()
    with user_errors("ome agent") as outcome:
        async with AsyncExitStack() as stack:
            transport = await stack.enter_async_context(await connect(flags["kubeconfig"] or None))
            client = Client(transport, clock=clock, rng=rng, user_agent=f"ome-agent/{__version__}")
            address = address_of(os.environ.get("POD_IP", ""), flags["port"])
            site = Site(
                own_namespace(flags["namespace"]),
                os.environ,
                address=address if flags["peers"] else "",
                peers=flags["peers"],
                metrics=metrics,
            )
            informers = Informers(client, clock, rng)

            def make(name: str) -> NodeAgent:
                # Each Node has an agent of its own, also one that is made anew under its name.
                return node_agent(client, name, site, settings, clock, rng)[0]

            fleet = Fleet(client, informers, clock, ON_NODES, make, node)
            blobs = Blobs(settings.root, metrics.peer_bytes.inc) if flags["peers"] else None
            disk = Disk(settings.allowed)
            app = agent_app(metrics.registry, disk.problem, lambda: fleet.synced, blobs)
            await _serve(stack, app, flags["port"])
            if flags["metrics-port"] not in (0, flags["port"]):
                await _serve(stack, metrics_only_app(metrics.registry), flags["metrics-port"])
            # Probes answer while the API server is waited for.
            site.shape = shape_of(await _own_labels(client, node), types)
            await _until_signal(fleet, informers, node)
    return outcome.code


async def _serve(stack: AsyncExitStack, app: Any, port: int) -> None:
    server = HttpServer(app, EVERYWHERE, port)
    await server.start()
    stack.push_async_callback(server.stop)


async def _until_signal(fleet: Fleet, informers: Informers, node: str) -> None:
    """Run the agent; at the end its last words are written and downloads are left as they are."""
    async with anyio.create_task_group() as group:

        async def work() -> None:
            # The nodes of a cluster that is rolled out do not all begin in one second.
            await anyio.sleep(start_delay(node))
            await group.start(informers.run)
            await play(fleet, informers, [node])

        group.start_soon(work)
        with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as received:
            async for _ in received:
                break
        with anyio.move_on_after(_LAST_WORDS):
            await fleet.settled()
        group.cancel_scope.cancel()


async def _own_labels(client: Client, node: str) -> Mapping[str, str]:
    """The node's labels; a server that is away is waited for. Raises ``NoNode``."""
    while True:
        try:
            found = await client.get(NODES, ObjectKey("", node), metadata_only=True)
            return found["metadata"].get("labels") or {}
        except (NotFound, Forbidden, Unauthorized) as error:
            raise NoNode(f"failed to get node info for node {node}: {error}") from error
        except (ApiError, TransportError) as error:
            log.warning("agent.waiting", problem=str(error))
            await anyio.sleep(_RETRY)


def start_delay(node: str) -> int:
    """Seconds that this node waits before it begins, always the same."""
    drawn = 0
    for character in node:
        drawn = (drawn * 31 + ord(character)) & 0xFFFF_FFFF_FFFF_FFFF
    return drawn % _DELAY


def _node_name(flag: str) -> str:
    name = os.environ.get("NODE_NAME", flag or None)
    if name is None:
        raise UserError(
            "ome agent: NODE_NAME environment variable is not set for model-agent; set it to the"
            " node's name (spec.nodeName), or use --simulate NODE... for simulated agents"
        )
    if not name:
        raise UserError("ome agent: NODE_NAME environment variable is empty for model-agent")
    return name


def _absolute(path: str, flag: str) -> str:
    cleaned = path.rstrip("/")
    if not path.startswith("/") or not cleaned:
        raise UserError(
            f"ome agent: --{flag}={path}: expected the absolute path of a directory other than /"
        )
    return cleaned


def _above_zero(flags: Mapping[str, Any], name: str) -> int:
    value: int = flags[name]
    if value < 1:
        raise UserError(f"ome agent: --{name}={value}: expected 1 or more")
    return value


def _files_at_a_time() -> int:
    """The variable that has always said so, else four."""
    text = os.environ.get("MAX_CONCURRENT_DOWNLOADS", "")
    if text and not (text.isdecimal() and int(text) > 0):
        raise UserError(f"ome agent: MAX_CONCURRENT_DOWNLOADS={text}: expected 1 or more")
    return int(text) if text else _FILES


def address_of(host: str, port: int) -> str:
    """The URL at which other agents reach us; empty without a host, which none then does."""
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}" if host else ""
