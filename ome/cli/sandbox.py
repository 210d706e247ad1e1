"""``ome sandbox``: a cluster in one process, with OME at work in it."""

from __future__ import annotations

import errno
import math
import os
import random
import signal
import sys
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
from rich.console import Console
from rich.live import Live

from ome import __version__
from ome.agent.downloads import Behaviour
from ome.agent.simulate import Simulation
from ome.api.crds import all_crds
from ome.cli import assembly
from ome.cli.fleet import play
from ome.cli.goflags import Flag, parse, port
from ome.cli.outcome import user_errors
from ome.cli.progress import lively
from ome.clock import SystemClock
from ome.controllers.resources import ON_NODES
from ome.errors import UserError
from ome.informers.registry import Informers
from ome.kube import Client
from ome.sandbox.assembly import Settings, started
from ome.sandbox.cluster import Options
from ome.sandbox.display import changes, drawn
from ome.sandbox.manifests import apply, demo_benchmark, demo_cluster, demo_service, read
from ome.sandbox.manifests import settings as operator_settings
from ome.sandbox.picture import take
from ome.sandbox.realagents import Place, real_agents
from ome.sandbox.realbenchmarks import find_tool
from ome.sandbox.reviews import answering, place, registrations
from ome.telemetry.exporting import configure_tracing
from ome.telemetry.logging import LogSettings, configure_logging

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from ome.clock import Clock
    from ome.sandbox.assembly import Sandbox
    from ome.sandbox.picture import Picture
    from ome.webhooks.serving import WebhookSettings

__all__ = ["FLAGS", "run"]

_NAMESPACE = "ome"
_LOOK_EVERY = 0.2
_DOWNLOAD_SECONDS = (1.0, 2.0)

FLAGS = (
    Flag("nodes", 8, "simulated nodes with 8 GPUs each"),
    Flag("once", False, "exit 0 when all is Ready, or 1 with what is not after --timeout"),
    Flag("f", (), "manifest file or directory instead of the sample service", many=True),
    Flag("timeout", 120.0, "seconds that --once waits"),
    Flag("port", 0, "port of the API server; 0 takes a free one"),
    Flag("dir", "", "directory of the kubeconfig and the logs (default: in the user's state)"),
    Flag("real-downloads", False, "real agents that fetch tiny real models from a local hub"),
    Flag("real-benchmarks", False, "BenchmarkJobs run genai-bench against a stand-in engine"),
    Flag("genai-bench", "", "its executable (default: installed into the user's cache, once)"),
    Flag("bare", False, "only the API server and the cluster: no OME, nothing installed"),
    Flag("user", (), "with --bare: also write DIR/NAME.kubeconfig for this user", many=True),
)


_MORE = """
Examples:
  ome sandbox
  ome sandbox --nodes 200 --once
  ome sandbox -f my-service.yaml"""


@dataclass(slots=True)
class _Progress:
    """What the watcher of the sandbox saw last."""

    picture: Picture | None = None
    code: int = 0


def run(words: Sequence[str]) -> int:
    """Run until all is Ready (``--once``) or a signal; the exit code."""
    flags = parse("ome sandbox", FLAGS, words, more=_MORE)
    if flags["nodes"] < 0:
        raise UserError(f"ome sandbox: --nodes={flags['nodes']}: expected 0 or more")
    if not 0 < flags["timeout"] < math.inf:
        raise UserError(f"ome sandbox: --timeout={flags['timeout']}: expected seconds above 0")
    documents = _documents(flags)
    directory = Path(flags["dir"]) if flags["dir"] else _state_directory()
    settings = Settings(
        directory,
        port=port("ome sandbox", flags, "port", least=0),
        cluster=Options(nodes=flags["nodes"]),
        users=flags["user"],
    )
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with (directory / "ome.log").open("w") as log:
            configure_logging(LogSettings(), log)
            with configure_tracing("ome-sandbox", __version__):
                return anyio.run(_main, settings, flags, documents)
    except OSError as error:
        raise UserError(f"ome sandbox: {_explained(error, settings)}") from None


def _documents(flags: Mapping[str, Any]) -> list[dict[str, Any]]:
    if flags["f"]:
        return read([Path(path) for path in flags["f"]])
    return [*demo_service(), *(demo_benchmark() if flags["real-benchmarks"] else ())]


async def _main(
    settings: Settings, flags: Mapping[str, Any], documents: Sequence[dict[str, Any]]
) -> int:
    progress, directory = _Progress(), settings.directory
    clock, rng = SystemClock(), random.Random()
    with user_errors("ome sandbox") as outcome:
        async with anyio.create_task_group() as group:
            group.start_soon(_interrupted, group.cancel_scope, progress, flags["once"])
            if flags["real-benchmarks"]:
                tool = await find_tool(flags["genai-bench"], _say)
                settings = replace(settings, benchmarks=tool)
            async with _started(settings, clock, rng) as sandbox:
                if flags["bare"]:
                    _say(f"kubeconfig: {sandbox.kubeconfig}")
                    await anyio.sleep_forever()
                async with anyio.create_task_group() as work:
                    webhooks = place(_NAMESPACE, directory)
                    await _install(sandbox, webhooks)
                    agents = _real_agents if flags["real-downloads"] else _agents
                    work.start_soon(agents, sandbox, directory, clock, rng)
                    work.start_soon(_manager, sandbox, webhooks)
                    await answering(sandbox.local, webhooks)
                    transport = sandbox.transport("sandbox-user")
                    await apply(transport, sandbox.local, [*demo_cluster(), *documents])
                    await _watch(sandbox, flags, progress)
                    work.cancel_scope.cancel()
            group.cancel_scope.cancel()
    return outcome.code or progress.code


@asynccontextmanager
async def _started(settings: Settings, clock: Clock, rng: random.Random) -> AsyncIterator[Sandbox]:
    """The sandbox; a port or folder that cannot be used is a line, not a traceback."""
    async with AsyncExitStack() as stack:
        try:
            sandbox = await stack.enter_async_context(started(settings, clock, rng))
        except OSError as error:
            raise UserError(_explained(error, settings)) from None
        yield sandbox


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


async def _install(sandbox: Sandbox, webhooks: WebhookSettings) -> None:
    """What the operator needs to be there."""
    own = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": _NAMESPACE}}
    documents = [own, *all_crds(), *operator_settings(), *registrations(webhooks)]
    await apply(sandbox.transport("sandbox-user"), sandbox.local, documents)


async def _manager(sandbox: Sandbox, webhooks: WebhookSettings) -> None:
    transport = sandbox.transport("ome-manager")
    settings = assembly.Settings(_NAMESPACE, webhooks=webhooks)
    await assembly.operate(transport, settings, SystemClock(), random.Random(), signals=False)


async def _agents(sandbox: Sandbox, _: Path, clock: SystemClock, rng: random.Random) -> None:
    client = Client(sandbox.transport("ome-agent"), clock=clock, rng=rng)
    informers = Informers(client, clock, rng)
    behaviour = Behaviour(_DOWNLOAD_SECONDS)
    simulation = Simulation(client, informers, _NAMESPACE, clock, rng, behaviour, ON_NODES)
    async with anyio.create_task_group() as group:
        await group.start(informers.run)
        await play(simulation, informers, ())


async def _real_agents(
    sandbox: Sandbox, directory: Path, clock: SystemClock, rng: random.Random
) -> None:
    client = Client(sandbox.transport("ome-agent"), clock=clock, rng=rng)
    informers = Informers(client, clock, rng)
    place = Place(directory / "nodes", _NAMESPACE)
    async with real_agents(client, informers, place, clock, rng, ON_NODES) as fleet:
        async with anyio.create_task_group() as group:
            await group.start(informers.run)
            await play(fleet, informers, ())


async def _watch(sandbox: Sandbox, flags: Mapping[str, Any], progress: _Progress) -> None:
    """Show what happens until the end: all Ready with ``--once``, else for ever."""
    console = Console()
    if not lively(sys.stdout):
        await _follow(sandbox, flags, progress, None)
        return
    with Live(console=console, auto_refresh=False, vertical_overflow="crop") as live:
        await _follow(sandbox, flags, progress, live)


async def _follow(
    sandbox: Sandbox, flags: Mapping[str, Any], progress: _Progress, live: Live | None
) -> None:
    begin = anyio.current_time()
    greeted = False
    while True:
        now, before = take(sandbox.local), progress.picture
        spent = anyio.current_time() - begin
        progress.picture = now
        if live is not None:
            live.update(drawn(now, spent), refresh=True)
        else:
            for line in changes(before, now):
                sys.stdout.write(f"{spent:6.1f}s  {line}\n")
            sys.stdout.flush()
        if flags["once"] and (now.ready or spent > flags["timeout"]):
            progress.code = 0 if now.ready else 1
            if not now.ready:
                sys.stderr.write(
                    f"ome sandbox: not Ready after {flags['timeout']:g} s: {now.problem}\n"
                )
            return
        if now.ready and not greeted:
            greeted = True
            _greet(sandbox, live)
        await anyio.sleep(_LOOK_EVERY)


def _greet(sandbox: Sandbox, live: Live | None) -> None:
    """What to try next."""
    text = (
        f"\nThe cluster is at {sandbox.url}; in another terminal:\n\n"
        f"  export KUBECONFIG={sandbox.kubeconfig}\n"
        "  kubectl get inferenceservices,clusterbasemodels,pods -A\n"
        "  kubectl describe inferenceservice chat -n demo\n"
        "  kubectl explain inferenceservice.spec.engine\n\n"
        "Ctrl-C stops it; nothing of it is kept.\n"
    )
    if live is not None:
        live.console.print(text, highlight=False)
    else:
        sys.stdout.write(text)
        sys.stdout.flush()


async def _interrupted(scope: anyio.CancelScope, progress: _Progress, once: bool) -> None:
    """End everything at the first signal."""
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as received:
        async for number in received:
            # Ctrl-C is how a sandbox that stays up ends; it cuts a --once short.
            progress.code = 128 + number if once else 0
            scope.cancel()


def _state_directory() -> Path:
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "ome" / "sandbox"


def _explained(error: OSError, settings: Settings) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"--port={settings.port} is in use; leave it out to take a free one"
    return f"{error.filename or settings.directory}: {error.strerror}; choose another --dir"
