"""All models of the cluster, kept by watching their metadata; a spec is read when it changed.

Every agent watches all models, so what a model's status costs must not be multiplied by nodes: only
metadata is sent, changes that no agent looks at are dropped, and a model is read when its
generation changes. Several agents of one process share a catalogue.

Races: between a change of a model and its reading the model may change again or go. A reading that
finds nothing leaves the rest to the event of the deletion, and what was read is at least as new as
the event that asked for it.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import structlog

from ome.agent.models import Model
from ome.errors import ApiError, NotFound, TransportError
from ome.informers.projection import PartialMetadata

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ome.clock import Clock
    from ome.informers.informer import Informer
    from ome.informers.projection import Metadata
    from ome.informers.registry import Informers
    from ome.kube.client import Client
    from ome.kube.resource import ObjectKey, Resource

__all__ = ["Catalogue"]

_RETRY = 1.0
log = structlog.get_logger("agent")


class Catalogue:
    """The models by kind and key. Declared before the informers run; ``refresh`` brings it up."""

    def __init__(
        self,
        client: Client,
        informers: Informers,
        clock: Clock,
        resources: Sequence[Resource],
        wake: Callable[[], None],
    ) -> None:
        """``wake`` is called when ``refresh`` has something to do."""
        self._client = client
        self._clock = clock
        self._wake = wake
        self._resources = {resource.kind: resource for resource in resources}
        self._models: dict[tuple[str, ObjectKey], Model] = {}
        self._changed: set[tuple[str, ObjectKey]] = set()
        self._informers: dict[str, Informer[PartialMetadata]] = {
            resource.kind: informers.informer(resource, PartialMetadata, metadata_only=True)
            for resource in resources
        }
        for kind, informer in self._informers.items():
            informer.add_handler(partial(self._on_model, kind))

    @property
    def models(self) -> Mapping[tuple[str, ObjectKey], Model]:
        """All that exist, those that are being deleted among them; kept up to date."""
        return self._models

    @property
    def synced(self) -> bool:
        """Whether the watches have shown everything once."""
        return all(informer.synced for informer in self._informers.values())

    @property
    def pending(self) -> bool:
        """Whether something changed since the last ``refresh``."""
        return bool(self._changed)

    async def refresh(
        self, changed: Callable[[Model], object], gone: Callable[[Model], object]
    ) -> None:
        """Take in what changed: each model is told to one of the two, when it is known."""
        now, self._changed = self._changed, set()
        for kind, key in sorted(now):
            try:
                await self._take_in(kind, key, changed, gone)
            except Exception:
                # An object that nobody foresaw: the others go on.
                log.exception("model.unforeseen", kind=kind, model=str(key))

    async def _take_in(
        self,
        kind: str,
        key: ObjectKey,
        changed: Callable[[Model], object],
        gone: Callable[[Model], object],
    ) -> None:
        found = await self._current(kind, key)
        if found is not None:
            before = self._models.get((kind, key))
            self._models[kind, key] = found
            try:
                changed(found)
            except Exception:
                # Each agent looks at all models for each: at this one they would all stumble.
                del self._models[kind, key]
                if before is not None:
                    self._models[kind, key] = before
                raise
        elif (known := self._models.pop((kind, key), None)) is not None:
            gone(known)

    def _on_model(
        self, kind: str, old: PartialMetadata | None, new: PartialMetadata | None
    ) -> None:
        present = new or old
        assert present is not None
        if old is not None and new is not None and _matters(old.metadata) == _matters(new.metadata):
            return
        self._changed.add((kind, present.metadata.key))
        self._wake()

    async def _current(self, kind: str, key: ObjectKey) -> Model | None:
        """The model as it is now; None when it is gone."""
        while True:
            stored = self._informers[kind].store.get(key)
            if stored is None:
                return None
            known = self._models.get((kind, key))
            same = None if known is None else known.with_metadata(stored.metadata)
            if same is not None:
                return same
            try:
                return Model.of(kind, key, await self._client.get(self._resources[kind], key))
            except NotFound:
                return None
            except (ApiError, TransportError) as error:
                log.warning("model.unreadable", model=str(key), error=str(error))
                await self._clock.sleep(_RETRY)


def _matters(metadata: Metadata) -> tuple[object, ...]:
    """What of a model an agent looks at: a status write is not among it."""
    return (
        metadata.uid,
        metadata.generation,
        bool(metadata.deletion_timestamp),
        metadata.labels,
        metadata.annotations,
    )
