"""Every pod as the cluster's components see it: decoded once for each change, indexed, shared.

The index follows the server within the write itself, so what a component reads here right after
its own write is what it wrote: none of the expectations that client-go's caches need.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from ome.kube.resources import PODS
from ome.sandbox.cluster.objects import Condition, Meta, OwnerRef, controller_of, seconds_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ome.kube.resource import ObjectKey
    from ome.sandbox.local import LocalApi
    from ome.sandbox.stored import Stored

__all__ = ["PodIndex", "PodView"]

Handler = "Callable[[PodView | None, PodView | None], None]"


class _Spec(msgspec.Struct):
    nodeName: str = ""


class _Container(msgspec.Struct):
    restartCount: int = 0


class _Status(msgspec.Struct):
    phase: str = "Pending"
    podIP: str = ""
    conditions: tuple[Condition, ...] | None = None
    containerStatuses: tuple[_Container, ...] | None = None


class _Pod(msgspec.Struct):
    metadata: Meta
    spec: _Spec
    status: _Status = msgspec.field(default_factory=_Status)


_decode = msgspec.json.Decoder(_Pod).decode


@dataclass(frozen=True, slots=True)
class PodView:
    """What is asked of pods over and over."""

    key: ObjectKey
    uid: str
    labels: Mapping[str, str]
    generation: int
    created: float
    deleting: bool
    owner: OwnerRef | None
    node: str
    address: str
    phase: str
    ready: bool
    restarts: int
    """Of all its containers together."""
    finalizers: tuple[str, ...]
    ready_since: float
    """Wall-clock second; 0 while it is not ready."""

    @property
    def finished(self) -> bool:
        """Whether its containers have all ended for good."""
        return self.phase in ("Succeeded", "Failed")

    @property
    def active(self) -> bool:
        """Whether a controller counts it among its replicas."""
        return not self.finished and not self.deleting

    def available(self, wall: float, seconds: int) -> bool:
        """Whether it has been ready for so many seconds."""
        return self.ready and (seconds == 0 or self.ready_since + seconds <= wall)


def view_of(stored: Stored) -> PodView:
    """The view of a stored pod."""
    pod = _decode(stored.raw)
    metadata, status = pod.metadata, pod.status
    ready = next((c for c in status.conditions or () if c.type == "Ready"), None)
    is_ready = ready is not None and ready.status == "True"
    return PodView(
        stored.key,
        stored.uid,
        stored.labels,
        metadata.generation,
        seconds_of(metadata.creationTimestamp),
        metadata.deletionTimestamp is not None,
        controller_of(metadata.ownerReferences),
        pod.spec.nodeName,
        status.podIP,
        status.phase,
        is_ready,
        sum(container.restartCount for container in status.containerStatuses or ()),
        metadata.finalizers,
        seconds_of(ready.lastTransitionTime) if ready is not None and is_ready else 0.0,
    )


class PodIndex:
    """All pods by key, owner and node."""

    def __init__(self, local: LocalApi) -> None:
        self._local = local
        self._views: dict[ObjectKey, PodView] = {}
        # Sets in the order of arrival: dictionaries without values.
        self._by_owner: dict[str, dict[ObjectKey, None]] = {}
        self._by_node: dict[str, dict[ObjectKey, None]] = {}
        self._orphans: dict[str, dict[ObjectKey, None]] = {}
        self._handlers: list[Callable[[PodView | None, PodView | None], None]] = []

    def start(self) -> None:
        """Follow the server; handlers that were added are told of the pods that exist."""
        self._local.subscribe(PODS, self._changed)

    def on_change(self, handler: Callable[[PodView | None, PodView | None], None]) -> None:
        """Call ``handler(old, new)`` for each change, after the index has it."""
        self._handlers.append(handler)

    def get(self, key: ObjectKey) -> PodView | None:
        """The pod, or None."""
        return self._views.get(key)

    def owned_by(self, uid: str) -> list[PodView]:
        """The pods whose controller has this uid."""
        return [self._views[key] for key in self._by_owner.get(uid, ())]

    def count(self, owner_uid: str) -> int:
        """How many pods have this controller."""
        return len(self._by_owner.get(owner_uid, ()))

    def on_node(self, node: str) -> list[PodView]:
        """The pods that are bound to a node."""
        return [self._views[key] for key in self._by_node.get(node, ())]

    def orphans(self, namespace: str) -> list[PodView]:
        """The pods of a namespace that nobody controls."""
        return [self._views[key] for key in self._orphans.get(namespace, ())]

    def in_namespace(self, namespace: str) -> list[PodView]:
        """All pods of a namespace."""
        return [
            self._views[stored.key]
            for stored in self._local.list(PODS, namespace)
            if stored.key in self._views
        ]

    def _changed(self, old: Stored | None, new: Stored | None) -> None:
        before = self._views.get(old.key) if old is not None else None
        if before is not None:
            self._file(before, put=False)
            del self._views[before.key]
        after = view_of(new) if new is not None else None
        if after is not None:
            self._views[after.key] = after
            self._file(after, put=True)
        for handler in self._handlers:
            handler(before, after)

    def _file(self, view: PodView, *, put: bool) -> None:
        if view.owner is not None:
            _place(self._by_owner, view.owner.uid, view.key, put=put)
        else:
            _place(self._orphans, view.key.namespace, view.key, put=put)
        if view.node:
            _place(self._by_node, view.node, view.key, put=put)


def _place(
    index: dict[str, dict[ObjectKey, None]], under: str, key: ObjectKey, *, put: bool
) -> None:
    if put:
        index.setdefault(under, {})[key] = None
        return
    held = index.get(under)
    if held is not None:
        held.pop(key, None)
        if not held:
            del index[under]
