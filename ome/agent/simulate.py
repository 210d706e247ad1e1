"""Many agents in one process that move no bytes: the status protocol with pretended downloads.

All simulated nodes share one metadata watch of the models and one of the nodes; a model is fetched
once when its generation changes. Each node has its own reporter and its own pretended disk, so what
the controllers see is what real agents would write.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import structlog

from ome.agent.eligibility import eligible
from ome.agent.protocol import (
    FAILED,
    READY,
    UPDATING,
    Artifact,
    Config,
    Entry,
    EntryError,
    Progress,
    decode_entry,
)
from ome.agent.reporting import Reporter
from ome.api.truncate import model_configmap_key, model_node_label
from ome.clock import rfc3339
from ome.errors import ApiError, NotFound, TransportError
from ome.informers.projection import PartialMetadata
from ome.kube.resource import ObjectKey
from ome.kube.resources import CONFIGMAPS, NODES

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from anyio.abc import TaskGroup

    from ome.clock import Clock
    from ome.informers.informer import Informer
    from ome.informers.registry import Informers
    from ome.kube.client import Client
    from ome.kube.resource import Resource

__all__ = ["Behaviour", "Simulation"]

_TOTAL_BYTES = 141_107_412_000
_PROGRESS_EVERY = 30.0
log = structlog.get_logger("agent")


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How the pretended downloads go.

    ``seconds`` is the shortest and longest download, ``failure_rate`` the share that fails, and
    ``failing`` the (model, node) pairs that always do.
    """

    seconds: tuple[float, float] = (1.0, 3.0)
    failure_rate: float = 0.0
    failing: frozenset[tuple[str, str]] = frozenset()
    report_interval: float = 1.0


@dataclass(slots=True)
class _Model:
    key: ObjectKey
    uid: str
    generation: int
    storage: dict[str, Any]


@dataclass(slots=True)
class _Node:
    name: str
    reporter: Reporter
    tasks: dict[str, anyio.CancelScope] = field(default_factory=dict)
    held: dict[str, tuple[str, str]] = field(default_factory=dict)
    """What the node has, or is fetching, for each key: the model's uid and storage URI."""


class Simulation:
    """Agents for some nodes of a cluster."""

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
        self._namespace = namespace
        self._clock = clock
        self._rng = rng
        self._behaviour = behaviour
        self._resources = {resource.kind: resource for resource in models}
        self._models: dict[tuple[str, ObjectKey], _Model] = {}
        self._nodes: dict[str, _Node] = {}
        self._changed: set[tuple[str, ObjectKey]] = set()
        self._wake = anyio.Event()
        self._informers: dict[str, Informer[PartialMetadata]] = {
            resource.kind: informers.informer(resource, PartialMetadata, metadata_only=True)
            for resource in models
        }
        self._node_informer = informers.informer(NODES, PartialMetadata, metadata_only=True)
        for kind, informer in self._informers.items():
            informer.add_handler(partial(self._seen, kind))

    async def run(self, nodes: Sequence[str]) -> None:
        """Play the agents of these nodes until cancelled; no names means every node."""
        async with anyio.create_task_group() as group:
            names = nodes or [key.name for key in self._node_informer.store.keys()]
            for name in names:
                node = _Node(name, self._reporter(name))
                await self._remember(node)
                self._nodes[name] = node
                group.start_soon(node.reporter.run)
            log.info("simulation.started", nodes=len(self._nodes))
            self._changed |= {
                (kind, key)
                for kind, informer in self._informers.items()
                for key in informer.store.keys()
            }
            while True:
                changed, self._changed = self._changed, set()
                for kind, key in sorted(changed):
                    await self._model(group, kind, key)
                if not self._changed:
                    self._wake = anyio.Event()
                    await self._wake.wait()

    async def settled(self) -> None:
        """Wait until every node has written what it reported."""
        for node in self._nodes.values():
            await node.reporter.settled()

    def _reporter(self, node: str) -> Reporter:
        return Reporter(
            self._client,
            node,
            self._namespace,
            self._clock,
            self._rng,
            interval=self._behaviour.report_interval,
        )

    def _seen(self, kind: str, old: PartialMetadata | None, new: PartialMetadata | None) -> None:
        present = new or old
        assert present is not None
        self._changed.add((kind, present.metadata.key))
        self._wake.set()

    async def _remember(self, node: _Node) -> None:
        """Take up what an earlier run reported, so that a restart flips nothing."""
        try:
            held = await self._client.get(CONFIGMAPS, ObjectKey(self._namespace, node.name))
        except NotFound:
            return
        data: dict[str, str] = held.get("data") or {}
        node.reporter.adopt(data)
        for key, text in data.items():
            entry = decode_entry(text)
            if entry is not None and entry.status == READY:
                node.held[key] = ("", "")

    async def _model(self, group: TaskGroup, kind: str, key: ObjectKey) -> None:
        stored = self._informers[kind].store.get(key)
        if stored is None or stored.metadata.deletion_timestamp:
            self._models.pop((kind, key), None)
            for node in self._nodes.values():
                self._drop(node, key)
            return
        model = self._models.get((kind, key))
        if model is None or (model.uid, model.generation) != (
            stored.metadata.uid,
            stored.metadata.generation,
        ):
            fetched = await self._fetch(kind, key)
            if fetched is None:
                return
            model = self._models[kind, key] = fetched
        for node in self._nodes.values():
            self._place(group, node, model)

    async def _fetch(self, kind: str, key: ObjectKey) -> _Model | None:
        try:
            document = await self._client.get(self._resources[kind], key)
        except NotFound:
            return None
        except (ApiError, TransportError) as error:
            log.warning("model.unreadable", model=str(key), error=str(error))
            await self._clock.sleep(1)
            self._changed.add((kind, key))
            return None
        metadata = document["metadata"]
        storage = document["spec"]["storage"]
        return _Model(key, metadata["uid"], metadata.get("generation", 0), storage)

    def _place(self, group: TaskGroup, node: _Node, model: _Model) -> None:
        stored = self._node_informer.store.get(ObjectKey("", node.name))
        labels = {} if stored is None else stored.metadata.labels
        key = model_configmap_key(*model.key)
        if model.storage.get("storageUri", "").startswith("pvc://") or not eligible(
            model.storage, labels, node.name
        ):
            self._drop(node, model.key)
            return
        wanted = (model.uid, str(model.storage.get("storageUri")))
        held = node.held.get(key)
        if held == wanted:
            return
        if held == ("", ""):
            node.held[key] = wanted
            return
        node.held[key] = wanted
        if key in node.tasks:
            node.tasks[key].cancel()
        scope = node.tasks[key] = anyio.CancelScope()
        group.start_soon(self._download, node, model, key, scope)

    def _drop(self, node: _Node, model: ObjectKey) -> None:
        key = model_configmap_key(*model)
        if node.held.pop(key, None) is None:
            return
        scope = node.tasks.pop(key, None)
        if scope is not None:
            scope.cancel()
        node.reporter.report(key, model_node_label(*model), None)

    async def _download(
        self, node: _Node, model: _Model, key: str, scope: anyio.CancelScope
    ) -> None:
        with scope:
            label = model_node_label(*model.key)
            name = model.key.name
            node.reporter.report(key, label, Entry(name, UPDATING))
            seconds = self._rng.uniform(*self._behaviour.seconds)
            fails = (
                self._rng.random() < self._behaviour.failure_rate
                or (name, node.name) in self._behaviour.failing
            )
            spent = 0.0
            while spent + _PROGRESS_EVERY < seconds:
                await self._clock.sleep(_PROGRESS_EVERY)
                spent += _PROGRESS_EVERY
                progress = self._progress(spent, seconds)
                node.reporter.report(key, label, Entry(name, UPDATING, progress=progress))
            await self._clock.sleep(seconds - spent)
            if fails:
                error = EntryError("DownloadFailed", "simulated: connection reset by the hub")
                node.reporter.report(key, label, Entry(name, FAILED, error=error))
            else:
                path = "" if model.storage.get("path") else f"/raid/models/{name}"
                entry = Entry(name, READY, path, config=_config(key, path or name))
                node.reporter.report(key, label, entry)
        if node.tasks.get(key) is scope:
            del node.tasks[key]

    def _progress(self, spent: float, seconds: float) -> Progress:
        done = int(_TOTAL_BYTES * spent / seconds)
        return Progress(
            phase="downloading",
            total_bytes=_TOTAL_BYTES,
            completed_bytes=done,
            total_files=42,
            completed_files=int(42 * spent / seconds),
            speed_bytes_per_sec=_TOTAL_BYTES / seconds,
            last_updated=rfc3339(self._clock.wall()),
        )


def _config(key: str, path: str) -> Config:
    """What an agent would read from the files of an eight-billion Llama."""
    return Config(
        model_type="llama",
        model_architecture="LlamaForCausalLM",
        model_framework={"name": "transformers", "version": "4.43.0"},
        model_format={"name": "safetensors", "version": "1.0.0"},
        model_parameter_size="8.03B",
        max_tokens=8192,
        model_capabilities=["TEXT_TO_TEXT"],
        decoded_model_configuration={"model_type": "llama", "context_length": 8192},
        artifact=Artifact(parent_path={key: path}),
    )
