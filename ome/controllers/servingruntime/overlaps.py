"""Which runtimes overlap with which, kept up to date by differences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ome.selection import ranks

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from ome.api import ServingRuntimeSpec
    from ome.kube.resource import ObjectKey

__all__ = ["Overlaps"]

LISTED = 5
"""How many others a text names: it stays the same when a sixth comes or goes."""


class Overlaps:
    """The ranks of all runtimes of one kind; those of one namespace meet."""

    def __init__(self) -> None:
        self._ranks: dict[ObjectKey, Mapping[Hashable, str]] = {}
        self._holders: dict[Hashable, set[ObjectKey]] = {}

    def runtime(self, key: ObjectKey, spec: ServingRuntimeSpec | None) -> set[ObjectKey]:
        """A runtime is now this, or gone (None); gives the others whose overlaps may have changed.

        Only those that share a rank with it before or after are looked at.
        """
        before = self._ranks.pop(key, {})
        after: dict[Hashable, str] = {}
        if spec is not None:
            after = {(key.namespace, rank): label for rank, label in ranks(spec).items()}
        if after:
            self._ranks[key] = after
        touched: set[ObjectKey] = set()
        for rank in before.keys() - after.keys():
            self._holders[rank].discard(key)
            touched |= self._holders[rank]
            if not self._holders[rank]:
                del self._holders[rank]
        for rank in after.keys() - before.keys():
            held = self._holders.setdefault(rank, set())
            touched |= held
            held.add(key)
        return touched - {key}

    def of(self, key: ObjectKey) -> list[tuple[str, tuple[str, ...], bool]]:
        """(format, names of others, whether there are more) for each format that overlaps."""
        found: dict[str, set[str]] = {}
        for rank, label in self._ranks.get(key, {}).items():
            others = {other.name for other in self._holders[rank] if other != key}
            if others:
                found.setdefault(label, set()).update(others)
        return [
            (label, tuple(sorted(others)[:LISTED]), len(others) > LISTED)
            for label, others in sorted(found.items())
        ]
