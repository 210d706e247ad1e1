"""The agents of some nodes in one process: usually of one, in a sandbox or a simulation of many.

They share one catalogue of the models and one watch of the nodes. As with pods of a DaemonSet, an
agent runs while its Node exists, and one whose Node is made anew starts anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import anyio
import structlog

from ome.agent.catalogue import Catalogue
from ome.agent.labels import own_labels
from ome.informers.projection import PartialMetadata
from ome.kube.resource import ObjectKey
from ome.kube.resources import NODES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from anyio.abc import TaskGroup

    from ome.agent.models import Model
    from ome.clock import Clock
    from ome.informers.registry import Informers
    from ome.kube.client import Client
    from ome.kube.resource import Resource

__all__ = ["Agent", "Fleet"]

log = structlog.get_logger("agent")


class Agent(Protocol):
    """The agent of one node."""

    labels: Mapping[str, str]

    async def run(self, models: Mapping[Any, Model]) -> None: ...

    async def settled(self) -> None: ...

    def look_again(self, models: Mapping[Any, Model]) -> None: ...

    def model(self, model: Model) -> None: ...

    def gone(self, model: Model) -> None: ...


@dataclass(frozen=True, slots=True)
class _Running:
    uid: str
    """That of the Node: one made anew under the same name has a new agent."""
    scope: anyio.CancelScope


class Fleet:
    """Agents for some nodes of a cluster; ``run`` it once the informers are in sync."""

    def __init__(
        self,
        client: Client,
        informers: Informers,
        clock: Clock,
        models: Sequence[Resource],
        make: Callable[[str], Agent],
        node: str = "",
    ) -> None:
        """``node``: the only one that is watched; without it all are."""
        self._make = make
        self._nodes: dict[str, Agent] = {}
        self._running: dict[str, _Running] = {}
        self._alone: dict[str, anyio.Lock] = {}
        self._changed_nodes: set[str] = set()
        self._wake = anyio.Event()
        self._catalogue = Catalogue(client, informers, clock, models, lambda: self._wake.set())
        self._node_informer = informers.informer(
            NODES,
            PartialMetadata,
            metadata_only=True,
            field_selector=f"metadata.name={node}" if node else "",
        )
        self._node_informer.add_handler(self._on_node)

    async def run(self, nodes: Sequence[str]) -> None:
        """Run the agents of these nodes until cancelled; no names means every node."""
        chosen = frozenset(nodes)
        missing = [name for name in nodes if ObjectKey("", name) not in self._node_informer.store]
        for name in missing:
            log.warning("agent.no_node", node=name, now="waiting for the Node to appear")
        async with anyio.create_task_group() as group:
            first = True
            while True:
                changed, self._changed_nodes = self._changed_nodes, set()
                await self._catalogue.refresh(self._model, self._gone)
                for name in sorted(changed):
                    if not chosen or name in chosen:
                        self._look(group, name)
                if first:
                    log.info("agents.started", nodes=len(self._nodes))
                    first = False
                if not self._catalogue.pending and not self._changed_nodes:
                    self._wake = anyio.Event()
                    await self._wake.wait()

    async def settled(self) -> None:
        """Wait until every node has written what it reported."""
        for node in list(self._nodes.values()):
            await node.settled()

    @property
    def synced(self) -> bool:
        """Whether the watches have shown everything once."""
        return self._catalogue.synced and self._node_informer.synced

    def _model(self, model: Model) -> None:
        """Tell every node of a model."""
        for node in self._nodes.values():
            node.model(model)

    def _gone(self, model: Model) -> None:
        for node in self._nodes.values():
            node.gone(model)

    def _on_node(self, old: PartialMetadata | None, new: PartialMetadata | None) -> None:
        present = new or old
        assert present is not None
        if old is not None and new is not None:
            same = old.metadata.uid == new.metadata.uid
            if same and own_labels(old.metadata) == own_labels(new.metadata):
                return
        self._changed_nodes.add(present.metadata.name)
        self._wake.set()

    def _look(self, group: TaskGroup, name: str) -> None:
        """A Node is new, gone, made anew, or has other labels."""
        stored = self._node_informer.store.get(ObjectKey("", name))
        running = self._running.get(name)
        if running is not None and (stored is None or stored.metadata.uid != running.uid):
            running.scope.cancel()
            del self._running[name]
            del self._nodes[name]
            running = None
        if stored is None:
            return
        if running is None:
            self._nodes[name] = self._make(name)
            self._running[name] = _Running(stored.metadata.uid, anyio.CancelScope())
            self._nodes[name].labels = own_labels(stored.metadata)
            group.start_soon(self._play, name, self._nodes[name], self._running[name].scope)
            return
        self._nodes[name].labels = own_labels(stored.metadata)
        self._nodes[name].look_again(self._catalogue.models)

    async def _play(self, name: str, agent: Agent, scope: anyio.CancelScope) -> None:
        with scope:
            # The agent of the Node of before may still be ending its downloads.
            async with self._alone.setdefault(name, anyio.Lock()):
                await agent.run(self._catalogue.models)
