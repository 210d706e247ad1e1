"""One node's reports: its ConfigMap and its labels, kept as they should be by one writer each.

The reporter owns the wanted state of every model of its node. Changes of about a second become one
merge patch that holds the changed keys only, so no other model's entry is ever touched and no
update can be lost. For one model, states are reported in the order in which they came; a state that
was replaced before it was sent is skipped.

Races: labels and entries are written by two tasks, so that a server that refuses the one does not
hold back the other. A label goes before the entry of the same change, or at most a second after it.
What is said while a write is under way is newer than the write: should that fail, what is tried
again is the older merged below the newer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import structlog

from ome.agent.protocol import STATES, decode_entry, encode_entry, slim, status_config_map
from ome.api import names
from ome.errors import AlreadyExists, ApiError, BadRequest, Invalid, NotFound, TransportError
from ome.kube.resource import ObjectKey
from ome.kube.resources import CONFIGMAPS, NODES

if TYPE_CHECKING:
    import random
    from collections.abc import Awaitable, Callable, KeysView, Mapping
    from typing import Any

    from ome.agent.protocol import Entry
    from ome.clock import Clock
    from ome.kube.client import Client

__all__ = ["LARGEST", "Reporter"]

LARGEST = 900 * 1024
"""Bytes of data above which entries are reported without the decoded configuration."""

_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.1, 30.0
_LABELS_FIRST = 1.0
log = structlog.get_logger("agent")


class _Writer:
    """Brings changed keys to the server, coalesced; what fails is tried again until it is there."""

    def __init__(
        self,
        write: Callable[[dict[str, str | None]], Awaitable[None]],
        clock: Clock,
        rng: random.Random,
        interval: float,
    ) -> None:
        self._write = write
        self._clock = clock
        self._rng = rng
        self._interval = interval
        self._pending: dict[str, str | None] = {}
        self._changed = anyio.Event()
        self.idle = anyio.Event()
        self.idle.set()

    def put(self, key: str, value: str | None) -> None:
        self._pending[key] = value
        if self.idle.is_set():
            self.idle = anyio.Event()
        self._changed.set()

    async def run(self) -> None:
        pause = _SHORTEST_PAUSE
        while True:
            await self._changed.wait()
            # The first change of a burst goes soon, the rest of it with it.
            await self._clock.sleep(self._interval * (0.5 + self._rng.random() / 2))
            while self._pending:
                batch, self._pending = self._pending, {}
                try:
                    await self._write(batch)
                except (ApiError, TransportError) as error:
                    self._pending = batch | self._pending
                    log.warning("report.failed", error=str(error), again_in=pause)
                    await self._clock.sleep(pause * (0.5 + self._rng.random()))
                    pause = min(pause * 2, _LONGEST_PAUSE)
                else:
                    pause = _SHORTEST_PAUSE
                    break
            if not self._pending:
                self._changed = anyio.Event()
                self.idle.set()


class Reporter:
    """Writes what one node reports; ``interval`` seconds of changes become one write."""

    def __init__(
        self,
        client: Client,
        node: str,
        namespace: str,
        clock: Clock,
        rng: random.Random,
        *,
        interval: float = 1.0,
        counted: Callable[[str, str], object] = lambda *_: None,
    ) -> None:
        """``counted`` is told of each write of the ConfigMap: verb, ``success`` or ``error``."""
        self.node = node
        self._counted = counted
        self._client = client
        self._namespace = namespace
        self._data: dict[str, str] = {}
        self._entries = _Writer(self._write_entries, clock, rng, interval)
        self._labels = _Writer(self._write_labels, clock, rng, interval)

    def report(self, key: str, label: str, entry: Entry | None) -> None:
        """Say the state of a model; None when it is gone from the node. Never waits.

        What was said last is not said again; where the server lost it, ``repair`` finds out.
        """
        text = None if entry is None else encode_entry(entry)
        if text is not None and text == self._data.get(key):
            return
        self._labels.put(label, None if entry is None else entry.status)
        if text is None:
            self.forget(key)
            return
        self._data[key] = text
        self._entries.put(key, self._data[key])
        if self._size() > LARGEST:
            self._slim()

    def amend(self, key: str, entry: Entry) -> None:
        """Say more of a model whose state stays as it is; its label is left alone."""
        self._data[key] = encode_entry(entry)
        self._entries.put(key, self._data[key])

    def forget(self, key: str) -> None:
        """Remove the entry of a model whose label is not known any more."""
        self._data.pop(key, None)
        self._entries.put(key, None)

    @property
    def keys(self) -> KeysView[str]:
        """The keys of all models that something was said of."""
        return self._data.keys()

    def entry(self, key: str) -> Entry | None:
        """What was last said of a model."""
        text = self._data.get(key)
        return None if text is None else decode_entry(text)

    def states(self, labels: Mapping[str, str]) -> dict[str, str]:
        """By label the state that was last said, for the labels of some keys."""
        said = ((label, self.entry(key)) for key, label in labels.items())
        # One that somebody made up would have all labels refused that are written with it.
        return {
            label: entry.status
            for label, entry in said
            if entry is not None and entry.status in STATES
        }

    async def adopt(self) -> dict[str, Entry | None]:
        """Begin from what an earlier run of this agent reported; nothing is written.

        Gives the entries, None for one that cannot be read. Raises as the client does.
        """
        held = (await self._stored() or {}).get("data") or {}
        self._data |= held
        return {key: decode_entry(text) for key, text in held.items()}

    async def repair(self, labels: Callable[[], Mapping[str, str]]) -> None:
        """Say again what somebody removed or changed, and take away what nobody said.

        ``labels`` gives those that the node is to have; others with the prefix of models are of
        models that are gone. It is asked when the node was read, as answers may take their time
        and models come meanwhile. Raises as the client does.
        """
        stored = await self._stored() or {}
        held = stored.get("data") or {}
        # Without its labels nobody reads it; any entry brings them back.
        bare = bool(stored) and not self._described(stored["metadata"])
        for key, text in self._data.items():
            if bare or held.get(key) != text:
                self._entries.put(key, text)
        for key in held.keys() - self._data.keys():
            self._entries.put(key, None)
        try:
            node = await self._client.get(NODES, ObjectKey("", self.node), metadata_only=True)
        except NotFound:
            return
        present, wanted = node["metadata"].get("labels") or {}, labels()
        for label in present:
            if label.startswith(names.NODE_LABEL_PREFIX) and label not in wanted:
                self._labels.put(label, None)
        for label, value in wanted.items():
            if present.get(label) != value:
                self._labels.put(label, value)

    async def labelled(self) -> None:
        """Wait until the labels of all that was said are written."""
        await self._labels.idle.wait()

    async def settled(self) -> None:
        """Wait until everything that was said is written."""
        await self._labels.idle.wait()
        await self._entries.idle.wait()

    async def run(self) -> None:
        """Write changes until cancelled."""
        async with anyio.create_task_group() as group:
            group.start_soon(self._labels.run)
            group.start_soon(self._entries.run)

    async def _stored(self) -> dict[str, Any] | None:
        try:
            return await self._client.get(CONFIGMAPS, ObjectKey(self._namespace, self.node))
        except NotFound:
            return None

    def _described(self, metadata: Mapping[str, Any]) -> bool:
        """Whether a ConfigMap has the metadata that readers ask for; it may have more."""
        wanted = status_config_map(self.node, self._namespace, {})["metadata"]
        return all(
            wanted[name].items() <= (metadata.get(name) or {}).items()
            for name in ("labels", "annotations")
        )

    async def _write_entries(self, entries: dict[str, str | None]) -> None:
        with anyio.move_on_after(_LABELS_FIRST):
            await self._labels.idle.wait()
        key = ObjectKey(self._namespace, self.node)
        whole = status_config_map(self.node, self._namespace, self._data)
        # The metadata goes along: a ConfigMap that somebody stripped of its label is mended.
        described = {name: whole["metadata"][name] for name in ("labels", "annotations")}
        patch: dict[str, Any] = {"metadata": described, "data": entries}
        verb = "patch"
        try:
            try:
                await self._client.merge_patch(CONFIGMAPS, key, patch)
            except NotFound:
                verb = "create"
                try:
                    await self._client.create(CONFIGMAPS, whole)
                except AlreadyExists:
                    verb = "patch"
                    await self._client.merge_patch(CONFIGMAPS, key, patch)
        except (ApiError, TransportError):
            self._counted(verb, "error")
            raise
        self._counted(verb, "success")

    def _size(self) -> int:
        return sum(len(key) + len(text.encode()) for key, text in self._data.items())

    def _slim(self) -> None:
        """Leave out what is largest in the entries: all of them would not fit."""
        slimmed = {key: slim(text) for key, text in self._data.items()}
        changed = [key for key, text in slimmed.items() if text != self._data[key]]
        self._data = slimmed
        for key in changed:
            self._entries.put(key, slimmed[key])
        if changed:
            log.warning("report.slimmed", node=self.node, entries=len(changed), limit=LARGEST)

    async def _write_labels(self, labels: dict[str, str | None]) -> None:
        # A merge patch: removing a label that is gone is no error, and the server stores nothing
        # when the labels are right already, so the node need not be read first.
        patch = {"metadata": {"labels": labels}}
        try:
            await self._client.merge_patch(NODES, ObjectKey("", self.node), patch)
        except NotFound:
            log.warning("report.no_node", node=self.node)
        except (BadRequest, Invalid) as error:
            log.warning("report.label_refused", node=self.node, error=str(error))
