"""Which services run again when an object that they share changes. Through indexes, never a scan.

A change of its spec, or its end, concerns the services that use the object. A new object, and a
change of nothing but a runtime's rank among others, moves no healthy service: it concerns those
that wait for it, by its name or because it could serve their model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome import api
from ome.controllers.decode import Unreadable
from ome.controllers.inferenceservice.choosing import EVERY_RUNTIME
from ome.controllers.inferenceservice.usage import Dependency
from ome.selection import facets_of_runtime, near_misses

if TYPE_CHECKING:
    from collections.abc import Hashable

    from ome.controllers.decode import KindDecoder
    from ome.controllers.inferenceservice.usage import Usage
    from ome.informers.projection import WholeObject
    from ome.kube.resource import ObjectKey

__all__ = ["Triggers"]

_RUNTIMES: dict[str, type[api.ServingRuntime] | type[api.ClusterServingRuntime]] = {
    kind.KIND: kind for kind in (api.ServingRuntime, api.ClusterServingRuntime)
}


class Triggers:
    """From a changed object to the keys of services, sorted."""

    def __init__(self, usage: Usage, decode: KindDecoder) -> None:
        self._usage = usage
        self._decode = decode

    def affected(
        self, kind: str, old: WholeObject | None, new: WholeObject | None
    ) -> list[ObjectKey]:
        """The services that a change of one object of the kind concerns."""
        present = new or old
        if present is None:
            return []
        metadata = present.metadata
        users = self._usage.users(Dependency(kind, metadata.namespace, metadata.name))
        specs = [self._spec(kind, side) for side in (old, new)] if kind in _RUNTIMES else []
        if old is None or (specs and _same_but_rank(*specs)):
            found = {service for service in users if self._usage.waits(service)}
        else:
            found = set(users)
        topics: set[Hashable] = set()
        for spec in specs:
            if spec is not None:
                topics |= _topics(spec)
        if topics:
            found |= self._usage.waiting_for(topics, metadata.namespace)
        return sorted(found)

    def _spec(self, kind: str, stored: WholeObject | None) -> api.ServingRuntimeSpec | None:
        if stored is None:
            return None
        try:
            return self._decode(_RUNTIMES[kind], stored).spec
        except Unreadable:
            return None


def _topics(spec: api.ServingRuntimeSpec) -> set[Hashable]:
    found: set[Hashable] = {EVERY_RUNTIME}
    for facets in facets_of_runtime(spec):
        found.update(near_misses(facets))
    return found


def _same_but_rank(old: api.ServingRuntimeSpec | None, new: api.ServingRuntimeSpec | None) -> bool:
    """Whether two specs differ in priorities and weights only."""
    return old is not None and new is not None and _unranked(old) == _unranked(new)


def _unranked(spec: api.ServingRuntimeSpec) -> dict[str, Any]:
    document = api.to_json(spec)
    for entry in document.get("supportedModelFormats") or ():
        entry.pop("priority", None)
        for part in ("modelFormat", "modelFramework"):
            if part in entry:
                entry[part].pop("weight", None)
    return document
