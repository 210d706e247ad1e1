"""Many agents in one process that move no bytes: the status protocol with pretended downloads.

All simulated nodes share one metadata watch of the models and one of the nodes; a model is fetched
once when its generation or its annotations change. Each node has its own reporter and its own
pretended disk, so what the controllers see is what real agents would write.

Races: between a change of a model and its fetch the model may change again or go. A fetch that
finds nothing leaves the rest to the event of the deletion, and what was fetched is at least as new
as the event that asked for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import anyio
import structlog

from ome.agent.downloads import Behaviour
from ome.agent.node import Model, SimulatedNode
from ome.api import names
from ome.errors import ApiError, NotFound, TransportError
from ome.informers.projection import PartialMetadata
from ome.kube.resource import ObjectKey
from ome.kube.resources import NODES

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping, Sequence

    from anyio.abc import TaskGroup

    from ome.clock import Clock
    from ome.informers.informer import Informer
    from ome.informers.projection import Metadata
    from ome.informers.registry import Informers
    from ome.kube.client import Client
    from ome.kube.resource import Resource

__all__ = ["Behaviour", "Simulation"]

_RETRY = 1.0
log = structlog.get_logger("agent")


@dataclass(frozen=True, slots=True)
class _Running:
    uid: str
    """That of the Node: one made anew under the same name has a new agent."""
    scope: anyio.CancelScope


class Simulation:
    """Agents for some nodes of a cluster; ``run`` it once the informers are in sync."""

    def __init__(
        self,
        client: Client,
        informers: Informers,
        namespace: str,
        clock: Clock,
        rng: random.Random,
        behaviour: Behaviour,
        models: Sequence[Resource],
    ) -> None:
        self._client = client
        self._clock = clock
        self._resources = {resource.kind: resource for resource in models}
        self._node = partial(
            SimulatedNode,
            client,
            namespace=namespace,
            clock=clock,
            rng=rng,
            behaviour=behaviour,
        )
        self._models: dict[tuple[str, ObjectKey], Model] = {}
        self._nodes: dict[str, SimulatedNode] = {}
        self._running: dict[str, _Running] = {}
        self._changed_models: set[tuple[str, ObjectKey]] = set()
        self._changed_nodes: set[str] = set()
        self._wake = anyio.Event()
        self._informers: dict[str, Informer[PartialMetadata]] = {
            resource.kind: informers.informer(resource, PartialMetadata, metadata_only=True)
            for resource in models
        }
        self._node_informer = informers.informer(NODES, PartialMetadata, metadata_only=True)
        for kind, informer in self._informers.items():
            informer.add_handler(partial(self._on_model, kind))
        self._node_informer.add_handler(self._on_node)

    async def run(self, nodes: Sequence[str]) -> None:
        """Play the agents of these nodes until cancelled; no names means every node.

        As with real agents, one runs while its Node exists.
        """
        chosen = frozenset(nodes)
        missing = [name for name in nodes if ObjectKey("", name) not in self._node_informer.store]
        for name in missing:
            log.warning("simulation.no_node", node=name, now="waiting for the Node to appear")
        async with anyio.create_task_group() as group:
            first = True
            while True:
                models, self._changed_models = self._changed_models, set()
                changed, self._changed_nodes = self._changed_nodes, set()
                for kind, key in sorted(models):
                    await self._model(kind, key)
                for name in sorted(changed):
                    if not chosen or name in chosen:
                        self._look(group, name)
                if first:
                    log.info("simulation.started", nodes=len(self._nodes))
                    first = False
                if not self._changed_models and not self._changed_nodes:
                    self._wake = anyio.Event()
                    await self._wake.wait()

    async def settled(self) -> None:
        """Wait until every node has written what it reported."""
        for node in list(self._nodes.values()):
            await node.settled()

    def _on_model(
        self, kind: str, old: PartialMetadata | None, new: PartialMetadata | None
    ) -> None:
        present = new or old
        assert present is not None
        if old is not None and new is not None and _matters(old.metadata) == _matters(new.metadata):
            return
        self._changed_models.add((kind, present.metadata.key))
        self._wake.set()

    def _on_node(self, old: PartialMetadata | None, new: PartialMetadata | None) -> None:
        present = new or old
        assert present is not None
        if old is not None and new is not None:
            same = old.metadata.uid == new.metadata.uid
            if same and _labels(old.metadata) == _labels(new.metadata):
                return
        self._changed_nodes.add(present.metadata.name)
        self._wake.set()

    async def _model(self, kind: str, key: ObjectKey) -> None:
        """Tell every node of a model."""
        found = await self._fetched(kind, key)
        if found is None:
            if self._models.pop((kind, key), None) is not None:
                for node in self._nodes.values():
                    node.gone(key)
            return
        self._models[kind, key] = found
        for node in self._nodes.values():
            node.model(found)

    async def _fetched(self, kind: str, key: ObjectKey) -> Model | None:
        """The model as it is now; None when it is gone or going."""
        while True:
            stored = self._informers[kind].store.get(key)
            if stored is None or stored.metadata.deletion_timestamp:
                return None
            known = self._models.get((kind, key))
            if known is not None and known.same_as(stored.metadata):
                return known
            try:
                return Model.of(key, await self._client.get(self._resources[kind], key))
            except NotFound:
                return None
            except (ApiError, TransportError) as error:
                log.warning("model.unreadable", model=str(key), error=str(error))
                await self._clock.sleep(_RETRY)

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
            self._nodes[name] = self._node(name)
            self._running[name] = _Running(stored.metadata.uid, anyio.CancelScope())
            self._nodes[name].labels = _labels(stored.metadata)
            group.start_soon(self._play, self._nodes[name], self._running[name].scope)
            return
        self._nodes[name].labels = _labels(stored.metadata)
        self._nodes[name].look_again(self._models)

    async def _play(self, node: SimulatedNode, scope: anyio.CancelScope) -> None:
        with scope:
            await node.run(self._models)


def _matters(metadata: Metadata) -> tuple[object, ...]:
    """What of a model an agent looks at: a status write is not among it."""
    return (
        metadata.uid,
        metadata.generation,
        bool(metadata.deletion_timestamp),
        metadata.labels,
        metadata.annotations,
    )


def _labels(metadata: Metadata) -> Mapping[str, str]:
    """The labels of a node but those that agents write."""
    return {
        label: value
        for label, value in metadata.labels.items()
        if not label.startswith(names.NODE_LABEL_PREFIX)
    }
