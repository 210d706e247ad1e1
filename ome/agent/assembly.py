"""The agent of a node put together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import anyio

from ome.agent.agent import NodeAgent
from ome.agent.disk import Disk
from ome.agent.fetching import InChildren
from ome.agent.metrics import AgentMetrics
from ome.agent.post import Post
from ome.agent.reporting import Reporter
from ome.agent.secrets import ClusterSecrets
from ome.agent.turns import ClusterTurns
from ome.storage.settings import Surroundings

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping

    from ome.agent.fetching import Downloads
    from ome.agent.settings import Settings
    from ome.clock import Clock
    from ome.kube.client import Client

__all__ = ["Site", "node_agent"]


@dataclass(slots=True)
class Site:
    """Where an agent lives."""

    namespace: str
    """The operator's own."""
    environ: Mapping[str, str] = field(default_factory=dict)
    prefix: str = ""
    """Where the node's root directory is in this process."""
    address: str = ""
    """The URL at which other agents reach this one; empty for none."""
    peers: bool = True
    shape: str = ""
    metrics: AgentMetrics = field(default_factory=lambda: AgentMetrics(process=False))
    downloads: Downloads | None = None
    """None: children of this process."""


def node_agent(
    client: Client, node: str, site: Site, settings: Settings, clock: Clock, rng: random.Random
) -> tuple[NodeAgent, Post]:
    """The agent and what its models share."""
    workers = anyio.CapacityLimiter(settings.workers)
    site.metrics.watch_workers(
        lambda: workers.borrowed_tokens, lambda: workers.statistics().tasks_waiting
    )
    turns = ClusterTurns(
        client,
        site.namespace,
        node,
        clock,
        rng,
        peers=site.peers,
        address=site.address,
        jitter=settings.jitter_seconds,
    )
    reporter = Reporter(
        client,
        node,
        site.namespace,
        clock,
        rng,
        interval=settings.report_seconds,
        counted=lambda verb, result: site.metrics.writes.labels(verb, result).inc(),
    )
    post = Post(
        node,
        site.namespace,
        settings,
        reporter,
        Disk(settings.allowed, site.prefix),
        site.downloads or InChildren(Surroundings(clock, rng, site.environ)),
        ClusterSecrets(client),
        turns,
        clock,
        rng,
        workers,
        site.metrics,
        site.environ,
        site.shape,
    )
    agent = NodeAgent(post)
    turns.labels = lambda: agent.labels
    return agent, post
