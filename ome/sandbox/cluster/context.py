"""What every component of the simulated cluster is given."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from ome.clock import rfc3339
from ome.sandbox.cluster.loop import Loop

if TYPE_CHECKING:
    import random
    from collections.abc import Awaitable, Callable, Hashable

    from ome.clock import Clock
    from ome.sandbox.cluster.events import Events
    from ome.sandbox.cluster.kubelets.programs import Programs
    from ome.sandbox.cluster.options import Options
    from ome.sandbox.cluster.pods import PodIndex
    from ome.sandbox.cluster.writer import Writer
    from ome.sandbox.local import LocalApi

__all__ = ["Component", "Context"]

K = TypeVar("K", bound="Hashable")


@dataclass(frozen=True, slots=True)
class Context:
    """The server, time, chance and what components share."""

    local: LocalApi
    clock: Clock
    rng: random.Random
    options: Options
    writer: Writer
    events: Events
    pods: PodIndex
    programs: Programs | None = None
    """What the kubelets run; without it every container is simulated."""

    @property
    def now(self) -> str:
        """The time for stamps."""
        return rfc3339(self.clock.wall())

    def loop(
        self, name: str, work: Callable[[K], Awaitable[float | None]], workers: int = 1
    ) -> Loop[K]:
        """A loop with this clock and this chance."""
        return Loop(name, self.clock, self.rng, work, workers)


class Component(ABC):
    """A part of the cluster: hears of changes from when it is made, works while it runs."""

    @abstractmethod
    async def run(self) -> None:
        """Work until cancelled."""
