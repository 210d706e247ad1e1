"""Which pods each selector selects, kept up to date one change at a time.

A selector is filed under one label that it requires, so a pod's change costs a look at the few
selectors that ask for one of its labels and not at all of its namespace.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ome.kube.resource import ObjectKey
    from ome.sandbox.cluster.pods import PodIndex, PodView
    from ome.sandbox.selectors import LabelSelector

__all__ = ["Selections"]

_ANY = ("", "")


@dataclass(slots=True)
class _Entry:
    selector: LabelSelector
    pair: tuple[str, str]
    pods: dict[ObjectKey, None] = field(default_factory=dict)


class Selections:
    """Selectors by the key of their object; ``changed`` is told whose pods did something."""

    def __init__(self, pods: PodIndex, changed: Callable[[ObjectKey], None]) -> None:
        self._pods = pods
        self._changed = changed
        self._entries: dict[ObjectKey, _Entry] = {}
        self._by_pair: dict[tuple[str, str, str], dict[ObjectKey, None]] = {}
        pods.on_change(self._pod_changed)

    def set(self, key: ObjectKey, selector: LabelSelector | None) -> None:
        """An object selects by this selector; None: it is gone or selects nothing."""
        present = self._entries.get(key)
        if present is not None:
            if present.selector == selector:
                return
            del self._entries[key]
            self._by_pair[key.namespace, *present.pair].pop(key)
        if selector is None:
            return
        entry = _Entry(selector, _pair_of(selector))
        self._entries[key] = entry
        self._by_pair.setdefault((key.namespace, *entry.pair), {})[key] = None
        for pod in self._pods.in_namespace(key.namespace):
            if selector.matches(pod.labels):
                entry.pods[pod.key] = None

    def pods_of(self, key: ObjectKey) -> list[PodView]:
        """The pods that an object selects."""
        entry = self._entries.get(key)
        found = [self._pods.get(pod) for pod in entry.pods] if entry else []
        return [pod for pod in found if pod is not None]

    def selecting(self, namespace: str, labels: Mapping[str, str]) -> Iterator[ObjectKey]:
        """The objects that select a pod with these labels."""
        for pair in (_ANY, *labels.items()):
            for key in self._by_pair.get((namespace, *pair), ()):
                if self._entries[key].selector.matches(labels):
                    yield key

    def _pod_changed(self, old: PodView | None, new: PodView | None) -> None:
        touched: dict[ObjectKey, None] = {}
        if old is not None and (new is None or old.labels != new.labels):
            for key in list(self.selecting(old.key.namespace, old.labels)):
                self._entries[key].pods.pop(old.key, None)
                touched[key] = None
        if new is not None:
            for key in list(self.selecting(new.key.namespace, new.labels)):
                self._entries[key].pods[new.key] = None
                touched[key] = None
        for key in touched:
            self._changed(key)


def _pair_of(selector: LabelSelector) -> tuple[str, str]:
    for requirement in selector.requirements:
        if requirement.operator == "In" and len(requirement.values) == 1:
            return requirement.key, requirement.values[0]
    return _ANY
