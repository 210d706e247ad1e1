"""What all models of a node share: its reports, its disk, its workers, its place in the cluster."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import anyio

from ome.agent.metrics import AgentMetrics
from ome.storage.credentials import find_credentials

if TYPE_CHECKING:
    import random
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping
    from contextlib import AbstractAsyncContextManager
    from pathlib import PurePath

    from ome.agent.disk import Disk
    from ome.agent.fetching import Downloads
    from ome.agent.models import Model
    from ome.agent.reporting import Reporter
    from ome.agent.settings import Settings
    from ome.clock import Clock
    from ome.storage.credentials import SecretReader
    from ome.storage.settings import Credentials

__all__ = ["Alone", "Post", "Turn", "Turns"]


@dataclass(frozen=True, slots=True)
class Turn:
    """Leave to download now: from which agents, by URL, and whether from the source as well."""

    peers: tuple[str, ...] = ()
    origin: bool = True
    seed: bool = False
    """Whether others wait for us to have the model: the turn is kept until they can see that."""


class Turns(Protocol):
    """Agrees with other nodes on who downloads a model when."""

    async def run(self) -> None:
        """Keep what is held, until cancelled."""
        ...

    def take(self, model: Model, origin: bool = False) -> AbstractAsyncContextManager[Turn | None]:
        """Leave for as long as the context is open; None when it is not our turn yet.

        ``origin``: peers have failed us, so only leave that includes the source is of use.
        """
        ...

    async def delay(self, model: Model) -> float:
        """Seconds to wait before anything is asked of the model's source for the first time."""
        ...


class Alone:
    """A node that asks nobody."""

    async def run(self) -> None:
        await anyio.sleep_forever()

    @asynccontextmanager
    async def take(self, model: Model, origin: bool = False) -> AsyncIterator[Turn | None]:
        yield Turn()

    async def delay(self, model: Model) -> float:
        return 0.0


@dataclass(slots=True)
class Post:
    """A node's agent, as each of its models sees it."""

    node: str
    namespace: str
    """The operator's own, where Secrets of models of the whole cluster are."""
    settings: Settings
    reporter: Reporter
    disk: Disk
    downloads: Downloads
    secrets: SecretReader
    turns: Turns
    clock: Clock
    rng: random.Random
    workers: anyio.CapacityLimiter
    metrics: AgentMetrics = field(default_factory=lambda: AgentMetrics(process=False))
    environ: Mapping[str, str] = field(default_factory=dict)
    shape: str = ""
    """The short name of the node's GPUs."""
    models: Callable[[], Iterable[Model]] = lambda: ()
    """All models of the cluster."""
    here: Callable[[Model], bool] = lambda _: True
    """Whether a model belongs on the node."""
    promised: dict[str, int] = field(default_factory=dict)
    """By key, the bytes that a running download will still take."""
    linking: dict[str, str] = field(default_factory=dict)
    """By key of a model that is becoming a link, whose files it will lead to."""
    _busy: dict[PurePath, anyio.Lock] = field(default_factory=dict)

    @asynccontextmanager
    async def only_one(self, path: str) -> AsyncIterator[None]:
        """Held while the files of a directory are worked on, whatever the spelling of its path."""
        (spot,) = await self.disk.spots([path])
        async with self._busy.setdefault(spot, anyio.Lock()):
            yield

    async def is_busy(self, path: str) -> bool:
        """Whether the files of a directory are worked on now."""
        (spot,) = await self.disk.spots([path])
        return spot in self._busy and self._busy[spot].locked()

    def path_of(self, model: Model) -> str:
        """The directory of a model in this process."""
        return self.disk.real(model.path_below(self.settings.root))

    def shape_for(self, model: Model) -> str:
        """The shape of GPUs that a model's files are chosen by; empty when all are wanted."""
        return self.shape if model.for_shape and model.scheme == "oci" else ""

    async def credentials(self, model: Model) -> Credentials:
        """What the model's source is shown. Raises ``StorageError`` for an unknown scheme."""
        return await find_credentials(
            model.scheme,
            key=model.storage.get("key") or "",
            parameters=model.parameters,
            namespace=model.key.namespace or self.namespace,
            secrets=self.secrets,
            environ=self.environ,
        )
