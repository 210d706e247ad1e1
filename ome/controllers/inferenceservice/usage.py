"""Which services use which runtime, model, weight or class, and which wait for one.

A service that waits for no object in particular waits for *topics*: keys that an object that could
help it would share with it.

Kept by the passes themselves: a pass records what it used or missed, so the index is complete once
every service had its first pass after a start, and a change costs the services it touches.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from ome.kube.resource import ObjectKey

__all__ = ["Dependency", "Usage"]


@dataclass(frozen=True, slots=True)
class Dependency:
    """An object that a service may depend on; ``namespace`` is empty at cluster scope."""

    kind: str
    namespace: str
    name: str


class Usage:
    """Both directions of "service uses object", and the services that wait."""

    def __init__(self) -> None:
        self._by_service: dict[ObjectKey, frozenset[Dependency]] = {}
        self._by_dependency: dict[Dependency, set[ObjectKey]] = defaultdict(set)
        self._waiting: dict[ObjectKey, frozenset[Hashable]] = {}
        self._by_topic: dict[Hashable, set[ObjectKey]] = defaultdict(set)

    def record(
        self,
        service: ObjectKey,
        dependencies: Iterable[Dependency],
        *,
        waiting: bool,
        topics: frozenset[Hashable] = frozenset(),
    ) -> None:
        """Replace what is known of a service by its latest pass."""
        wanted = frozenset(dependencies)
        before = self._by_service.get(service, frozenset())
        for gone in before - wanted:
            _discard(self._by_dependency, gone, service)
        for new in wanted - before:
            self._by_dependency[new].add(service)
        self._by_service[service] = wanted
        self._wait(service, topics if waiting else None)

    def forget(self, service: ObjectKey) -> None:
        """The service is gone."""
        for dependency in self._by_service.pop(service, frozenset()):
            _discard(self._by_dependency, dependency, service)
        self._wait(service, None)

    def users(self, dependency: Dependency) -> list[ObjectKey]:
        """The services whose last pass used the object, sorted."""
        return sorted(self._by_dependency.get(dependency, ()))

    def waits(self, service: ObjectKey) -> bool:
        """Whether the last pass of the service missed something."""
        return service in self._waiting

    def waiting_for(self, topics: Iterable[Hashable], namespace: str = "") -> set[ObjectKey]:
        """The services that wait for one of the topics; of one namespace when given."""
        found: set[ObjectKey] = set()
        for topic in topics:
            found |= self._by_topic.get(topic, set())
        return {key for key in found if key.namespace == namespace} if namespace else found

    def _wait(self, service: ObjectKey, topics: frozenset[Hashable] | None) -> None:
        for topic in self._waiting.pop(service, frozenset()):
            _discard(self._by_topic, topic, service)
        if topics is not None:
            self._waiting[service] = topics
            for topic in topics:
                self._by_topic[topic].add(service)


K = TypeVar("K")


def _discard(index: dict[K, set[ObjectKey]], key: K, service: ObjectKey) -> None:
    services = index.get(key)
    if services is not None:
        services.discard(service)
        if not services:
            del index[key]
