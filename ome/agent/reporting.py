"""One node's reports: its ConfigMap and its labels, kept as they should be by one writer.

The reporter owns the wanted state of every model of its node. Changes of about a second become one
merge patch that holds the changed keys only, so no other model's entry is ever touched and no
update can be lost. Labels are written independently of the ConfigMap and retried until they are
right. For one model, states are reported in the order in which they came; a state that was
replaced before it was sent is skipped.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import anyio
import structlog

from ome.agent.protocol import encode_entry, status_config_map
from ome.errors import AlreadyExists, ApiError, NotFound, TransportError
from ome.kube.apply import pointer
from ome.kube.resource import ObjectKey
from ome.kube.resources import CONFIGMAPS, NODES

if TYPE_CHECKING:
    import random
    from typing import Any

    from ome.agent.protocol import Entry
    from ome.clock import Clock
    from ome.kube.client import Client

__all__ = ["Reporter"]

_LONGEST_PAUSE = 30.0
log = structlog.get_logger("agent")


@dataclass(slots=True)
class _Pending:
    entries: dict[str, str | None] = field(default_factory=dict)
    labels: dict[str, str | None] = field(default_factory=dict)


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
    ) -> None:
        self.node = node
        self._client = client
        self._namespace = namespace
        self._clock = clock
        self._rng = rng
        self._interval = interval
        self._data: dict[str, str] = {}
        self._pending = _Pending()
        self._changed = anyio.Event()
        self._idle = anyio.Event()
        self._idle.set()

    def report(self, key: str, label: str, entry: Entry | None) -> None:
        """Say the state of a model; None when it is gone from the node. Never waits."""
        text = None if entry is None else encode_entry(entry)
        if text is None:
            self._data.pop(key, None)
        else:
            self._data[key] = text
        self._pending.entries[key] = text
        self._pending.labels[label] = None if entry is None else entry.status
        self._idle = anyio.Event() if self._idle.is_set() else self._idle
        self._changed.set()

    def adopt(self, data: dict[str, str]) -> None:
        """Begin from what an earlier run of this agent reported; nothing is written."""
        self._data |= data

    async def settled(self) -> None:
        """Wait until everything that was said is written."""
        await self._idle.wait()

    async def run(self) -> None:
        """Write changes until cancelled."""
        while True:
            await self._changed.wait()
            # The first change of a burst goes soon, the rest of it with it.
            await self._clock.sleep(self._interval * (0.5 + self._rng.random() / 2))
            self._changed = anyio.Event()
            await self._flush()
            if not self._pending.entries and not self._pending.labels:
                self._idle.set()

    async def _flush(self) -> None:
        pending, self._pending = self._pending, _Pending()
        pause = 0.1
        while pending.entries or pending.labels:
            for part, write in (
                (pending.entries, self._write_entries),
                (pending.labels, self._write_labels),
            ):
                try:
                    if part:
                        await write(dict(part))
                        part.clear()
                except (ApiError, TransportError) as error:
                    log.warning("report.failed", node=self.node, error=str(error))
            if pending.entries or pending.labels:
                await self._clock.sleep(pause * (0.5 + self._rng.random()))
                pause = min(pause * 2, _LONGEST_PAUSE)
                # What was said meanwhile replaces what could not be written.
                pending.entries |= self._pending.entries
                pending.labels |= self._pending.labels
                self._pending = _Pending()

    async def _write_entries(self, entries: dict[str, str | None]) -> None:
        key = ObjectKey(self._namespace, self.node)
        whole = status_config_map(self.node, self._namespace, self._data)
        # The metadata goes along: a ConfigMap that somebody stripped of its label is mended.
        described = {name: whole["metadata"][name] for name in ("labels", "annotations")}
        patch: dict[str, Any] = {"metadata": described, "data": entries}
        try:
            await self._client.merge_patch(CONFIGMAPS, key, patch)
        except NotFound:
            try:
                await self._client.create(CONFIGMAPS, whole)
            except AlreadyExists:
                await self._client.merge_patch(CONFIGMAPS, key, patch)

    async def _write_labels(self, labels: dict[str, str | None]) -> None:
        key = ObjectKey("", self.node)
        try:
            node = await self._client.get(NODES, key, metadata_only=True)
        except NotFound:
            log.warning("report.no_node", node=self.node)
            return
        held = node["metadata"].get("labels") or {}
        ops: list[dict[str, Any]] = []
        for label, value in sorted(labels.items()):
            path = pointer("metadata", "labels", label)
            if value is None and label in held:
                ops.append({"op": "remove", "path": path})
            elif value is not None and held.get(label) != value:
                ops.append({"op": "add", "path": path, "value": value})
        if ops:
            try:
                await self._client.json_patch(NODES, key, ops)
            except NotFound:
                log.warning("report.no_node", node=self.node)
