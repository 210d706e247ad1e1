"""Which services use which runtime, model, weight or class, and which wait for one.

Kept by the passes themselves: a pass records what it used or missed, so the index is complete once
every service had its first pass after a start, and a change costs the services it touches.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

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
        self._waiting: set[ObjectKey] = set()

    def record(
        self, service: ObjectKey, dependencies: Iterable[Dependency], *, waiting: bool
    ) -> None:
        """Replace what is known of a service by its latest pass."""
        wanted = frozenset(dependencies)
        before = self._by_service.get(service, frozenset())
        for gone in before - wanted:
            self._drop(gone, service)
        for new in wanted - before:
            self._by_dependency[new].add(service)
        self._by_service[service] = wanted
        if waiting:
            self._waiting.add(service)
        else:
            self._waiting.discard(service)

    def forget(self, service: ObjectKey) -> None:
        """The service is gone."""
        for dependency in self._by_service.pop(service, frozenset()):
            self._drop(dependency, service)
        self._waiting.discard(service)

    def users(self, dependency: Dependency) -> list[ObjectKey]:
        """The services whose last pass used the object, sorted."""
        return sorted(self._by_dependency.get(dependency, ()))

    def waiting(self, namespace: str = "") -> list[ObjectKey]:
        """The services whose last pass missed something; of one namespace when given."""
        return sorted(
            service for service in self._waiting if not namespace or service.namespace == namespace
        )

    def _drop(self, dependency: Dependency, service: ObjectKey) -> None:
        users = self._by_dependency[dependency]
        users.discard(service)
        if not users:
            del self._by_dependency[dependency]
