"""What every controller is given: the cluster, time and chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from prometheus_client import CollectorRegistry

    from ome.clock import Clock
    from ome.informers.registry import Informers
    from ome.kube.apply import Applier
    from ome.kube.client import Client
    from ome.kube.events import EventRecorder

__all__ = ["ControllerContext"]


def _untold(_kind: str, _changes: int) -> None:
    pass


@dataclass(frozen=True, slots=True)
class ControllerContext:
    """The hands and eyes of a controller; a test gives fakes, the manager the real ones."""

    client: Client
    informers: Informers
    applier: Applier
    events: EventRecorder
    clock: Clock
    rng: random.Random
    namespace: str
    """The operator's own namespace: its ConfigMaps and the nodes' status reports are there."""
    status_saved: Callable[[str, int], None] = _untold
    """Told the kind of an object, and how many changes of it waited for one write of its status."""
    registry: CollectorRegistry | None = None
    """Where controllers show what they measure themselves."""
