"""The manager's election: which Lease, under which identity, and what the world is told of it."""

from __future__ import annotations

import socket
import uuid
from typing import TYPE_CHECKING, Any

from ome.api import names
from ome.controllers.regarding import regarding
from ome.kube.resource import ObjectKey
from ome.reconciler.election import LeaseElection
from ome.reconciler.fence import Timing
from ome.reconciler.lease import LeaseLock

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping

    from ome.clock import Clock
    from ome.kube.client import Client
    from ome.kube.events import EventRecorder
    from ome.reconciler.fence import Fence
    from ome.telemetry.metrics import Metrics

__all__ = ["RENEWAL_SECONDS", "TIMING", "lease_election", "lease_lock"]

TIMING = Timing()
RENEWAL_SECONDS = TIMING.renew / 2
"""What one request for the Lease may take, so that a second one fits into the deadline."""


def lease_lock(client: Client, clock: Clock, rng: random.Random, namespace: str) -> LeaseLock:
    """The Lease of this operator in a namespace, for an identity that no other process has."""
    identity = f"{socket.gethostname()}_{uuid.UUID(int=rng.getrandbits(128), version=4)}"
    key = ObjectKey(namespace, names.LEADER_LEASE)
    return LeaseLock(client, clock, key, identity, TIMING.lease)


def lease_election(
    lock: LeaseLock,
    fence: Fence,
    events: EventRecorder,
    clock: Clock,
    rng: random.Random,
    metrics: Metrics,
    *,
    give_up: Callable[[], None] | None = None,
) -> LeaseElection:
    """Leadership by that Lease; taking it is an event on it."""

    def announce(lease: Mapping[str, Any], text: str) -> None:
        events.record(regarding(lease), "Normal", "LeaderElection", text)

    return LeaseElection(
        lock,
        fence,
        TIMING,
        clock=clock,
        rng=rng,
        metrics=metrics.election(lock.key.name),
        announce=announce,
        **({} if give_up is None else {"give_up": give_up}),
    )
