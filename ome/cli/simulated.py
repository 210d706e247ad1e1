"""``ome agent --simulate``: simulated agents, many in one process."""

from __future__ import annotations

import math
import random
import signal
from typing import TYPE_CHECKING, Any

import anyio

from ome.agent.simulate import Behaviour, Simulation
from ome.cli.fleet import play
from ome.cli.goflags import Flag
from ome.cli.manager import log_settings, own_namespace
from ome.cli.outcome import user_errors
from ome.clock import SystemClock
from ome.controllers.resources import ON_NODES
from ome.errors import UserError
from ome.informers.registry import Informers
from ome.kube import Client
from ome.kube.http import connect
from ome.telemetry.logging import configure_logging

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FLAGS = (
    Flag("simulate", (), "name of a node to play the agent of; more names may follow", many=True),
    Flag("nodes-from-cluster", False, "play the agents of every node of the cluster"),
    Flag("all-nodes", False, "the same as --nodes-from-cluster"),
    Flag("download-seconds", "1-3", "how long a download takes: SECONDS or MIN-MAX"),
    Flag("failure-rate", 0.0, "share of the downloads that fail, 0 to 1"),
    Flag("fail", (), "MODEL@NODE: this download always fails", many=True),
    Flag("progress-seconds", 5.0, "time between two reports of a download's progress"),
    Flag("seed", 0, "seed of durations and failures; 0 takes one from the system"),
)
"""Beside those of a real agent that have a meaning here too."""


def wanted(flags: Mapping[str, Any]) -> bool:
    """Whether the flags ask for simulated agents."""
    return bool(flags["simulate"] or flags["all-nodes"] or flags["nodes-from-cluster"])


def run(flags: Mapping[str, Any]) -> int:
    """Run until a signal; the exit code."""
    every = flags["all-nodes"] or flags["nodes-from-cluster"]
    behaviour = _behaviour(flags)
    configure_logging(log_settings(flags, "ome agent"))
    nodes = () if every else flags["simulate"]
    return anyio.run(_main, flags, behaviour, nodes)


def with_bare_simulate(words: Sequence[str]) -> list[str]:
    """The words without a ``--simulate`` that names no node, as before another flag."""
    follows = [*words[1:], "-"]
    return [
        word
        for word, after in zip(words, follows, strict=False)
        if not (word in ("--simulate", "-simulate") and after.startswith("-"))
    ]


def _behaviour(flags: Mapping[str, Any]) -> Behaviour:
    low, _, high = flags["download-seconds"].partition("-")
    try:
        seconds = (float(low), float(high or low))
    except ValueError:
        seconds = (1.0, 0.0)
    if not 0 <= seconds[0] <= seconds[1] < math.inf:
        raise UserError(
            f"ome agent: --download-seconds={flags['download-seconds']}: expected SECONDS or"
            " MIN-MAX, such as 2 or 1-3"
        )
    if not 0 <= flags["failure-rate"] <= 1:
        raise UserError(
            f"ome agent: --failure-rate={flags['failure-rate']}: expected a number from 0 to 1"
        )
    if flags["progress-seconds"] <= 0:
        raise UserError(
            f"ome agent: --progress-seconds={flags['progress-seconds']}: expected more than 0"
        )
    failing = set()
    for text in flags["fail"]:
        model, found, node = text.partition("@")
        if not found or not model or not node:
            raise UserError(
                f"ome agent: --fail={text}: expected MODEL@NODE or NAMESPACE/MODEL@NODE"
            )
        failing.add((model, node))
    return Behaviour(
        seconds,
        flags["failure-rate"],
        frozenset(failing),
        progress_every=flags["progress-seconds"],
    )


async def _main(flags: Mapping[str, Any], behaviour: Behaviour, nodes: Sequence[str]) -> int:
    with user_errors("ome agent") as outcome:
        async with await connect(flags["kubeconfig"] or None) as transport:
            clock, rng = SystemClock(), random.Random(flags["seed"] or None)
            client = Client(transport, clock=clock, rng=rng)
            informers = Informers(client, clock, rng)
            simulation = Simulation(
                client,
                informers,
                own_namespace(flags["namespace"]),
                clock,
                rng,
                behaviour,
                ON_NODES,
            )
            async with anyio.create_task_group() as group:
                await group.start(informers.run)
                group.start_soon(play, simulation, informers, nodes)
                with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as received:
                    async for _ in received:
                        break
                with anyio.move_on_after(5):
                    await simulation.settled()
                group.cancel_scope.cancel()
    return outcome.code
