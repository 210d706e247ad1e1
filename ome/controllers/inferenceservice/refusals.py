"""Pods of a LeaderWorkerSet that a quota or admission refuses, from the events that tell of it.

A Deployment has a condition for that. The pods of a LeaderWorkerSet are made by StatefulSets, whose
status holds nothing but numbers: why one of their pods is not made stands in an event and nowhere
else. Just those events are watched, the server leaves out all others.

An event stays for an hour, so it counts only while the pod that it names is not there.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from ome.api import names
from ome.controllers.inferenceservice.trouble import not_made
from ome.informers.projection import Metadata
from ome.kube.resource import ObjectKey
from ome.kube.resources import CORE_EVENTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ome.controllers.inferenceservice.pods import PodView
    from ome.informers.informer import Informer
    from ome.informers.projection import WholeObject
    from ome.informers.registry import Informers

__all__ = ["Refusal", "Refusals", "refusal_changed"]

_SELECTOR = "involvedObject.kind=StatefulSet,reason=FailedCreate"
_BY_SET = "set"
"""Index of the events: the LeaderWorkerSet whose pod it may be, by key."""
_TOLD = re.compile(
    # Older servers begin it with a small letter.
    r"create Pod (\S+) in StatefulSet \S+ failed error: (.+)",
    re.DOTALL | re.IGNORECASE,
)
_GROUP_NUMBER = re.compile(r"-\d+$")


class Involved(msgspec.Struct, frozen=True):
    """What an event is about."""

    name: str = ""


class Refusal(msgspec.Struct, frozen=True, rename="camel"):
    """An event of a StatefulSet that could not make a pod."""

    metadata: Metadata
    involved_object: Involved = Involved()
    message: str = ""
    last_timestamp: str | None = None

    @property
    def time(self) -> str:
        """When it was told last."""
        return self.last_timestamp or self.metadata.creation_timestamp or ""


class Refusals:
    """Why pods of LeaderWorkerSets cannot be made."""

    def __init__(
        self,
        informers: Informers,
        pods: Informer[PodView],
        sets: Informer[WholeObject],
    ) -> None:
        self.events = informers.informer(CORE_EVENTS, Refusal, field_selector=_SELECTOR)
        self._pods = pods
        self._sets = sets
        self.events.store.add_index(_BY_SET, _sets_of)

    def of(self, key: ObjectKey) -> str:
        """Why a pod of this LeaderWorkerSet is missing; empty when nothing is known of it."""
        held = self._sets.store.get(key)
        made = "" if held is None else held.metadata.creation_timestamp or ""
        told = self.events.store.by_index(_BY_SET, key)
        for event in sorted(told, key=lambda event: event.time, reverse=True):
            found = _TOLD.search(event.message)
            # One that is older speaks of a former set of the name.
            if found is None or event.time < made:
                continue
            if self._pods.store.get(ObjectKey(key.namespace, found[1])) is None:
                return not_made(found[2])
        return ""

    def services(self, old: Refusal | None, new: Refusal | None) -> set[ObjectKey]:
        """The services that an event concerns."""
        found = set()
        for key in {key for event in (old, new) if event is not None for key in _sets_of(event)}:
            held = self._sets.store.get(key)
            name = None if held is None else held.metadata.labels.get(names.LABEL_INFERENCE_SERVICE)
            if name:
                found.add(ObjectKey(key.namespace, name))
        return found


def refusal_changed(old: Any, new: Any) -> bool:
    """Whether an event says something new: it is told again and again, and is forgotten later."""
    return new is not None and (old is None or old.message != new.message)


def _sets_of(event: Refusal) -> Iterator[ObjectKey]:
    """The set has the name of the StatefulSet of its leaders; each group's has a number more."""
    name, namespace = event.involved_object.name, event.metadata.namespace
    yield ObjectKey(namespace, name)
    group = _GROUP_NUMBER.sub("", name)
    if group != name:
        yield ObjectKey(namespace, group)
