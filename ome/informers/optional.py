"""Kinds that a cluster may have or not, watched while their CRD is there. ::

    kinds = OptionalKinds(informers)
    groups = kinds.informer(LEADER_WORKER_SETS, WholeObject, label_selector="example.com/owner")
    controller.watch(groups, owner)                  # as with any other informer
    kinds.on_change(LEADER_WORKER_SETS, revisit)     # it has come, has gone, or lacks another thing
    ...
    problem = kinds.missing(LEADER_WORKER_SETS)      # "" when it can be used, else one line why not
    if problem:
        ...                                          # a condition; ``revisit`` runs the key again

An informer of an optional kind lists and watches only while the CustomResourceDefinition of its
resource exists: a cluster without it costs no request. When the CRD goes, its objects are told as
deleted. All informers are declared before the registry runs, as others are, and none of them holds
up the start: the registry waits for the list of CRDs, then for the kinds that are there.

Races: the CRD is seen before the server serves its resource, so the first lists may fail; each
change of the CRD (it is *established* a moment later) ends the wait. A kind counts as missing until
its first list is complete, so nobody takes an empty cache for an empty cluster. That a version is
not served is told when the server has said so twice of one definition.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from ome.informers.projection import HasMetadata, PartialMetadata
from ome.kube.resources import CRDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from ome.informers.informer import Informer
    from ome.informers.registry import Informers
    from ome.kube.resource import Resource

__all__ = ["OptionalKinds"]

_NOT_YET = "are not listed yet"
_SURE = 2
"""Times that a server says of a version that it does not serve it."""
T = TypeVar("T", bound=HasMetadata)


@dataclass(slots=True)
class _Kind:
    informers: list[Informer[Any]] = field(default_factory=list)
    handlers: list[Callable[[], None]] = field(default_factory=list)
    seen: str = ""
    """Why it could not be used when it was last looked at."""
    reason: str = ""
    """The last that a server said of a kind that is installed."""
    told: str | None = None
    """Why it could not be used when the handlers were called; None when that is over."""
    absences: int = 0


class OptionalKinds:
    """Declares informers of optional kinds and says which kinds can be used; see the module."""

    def __init__(self, informers: Informers) -> None:
        self._informers = informers
        self._installed: set[str] = set()
        self._kinds: dict[Resource, _Kind] = {}
        self._definitions = informers.informer(CRDS, PartialMetadata, metadata_only=True)
        self._definitions.add_handler(self._definition_changed)

    def informer(
        self, resource: Resource, projection: type[T], *, label_selector: str = ""
    ) -> Informer[T]:
        """A reader that runs while the CRD is there. Raises as ``Informers.informer``."""
        informer = self._informers.informer(resource, projection, label_selector=label_selector)
        kind = self._kinds.setdefault(resource, _Kind())
        kind.informers.append(informer)
        informer.listen(lambda: self._look(resource))
        if resource.group_resource not in self._installed:
            informer.sleep()
            kind.seen = kind.told = self.missing(resource)
        return informer

    def on_change(self, resource: Resource, handler: Callable[[], None]) -> None:
        """Have ``handler`` called when the kind becomes usable, or lacks something else."""
        self._kinds.setdefault(resource, _Kind()).handlers.append(handler)

    def installed(self, resource: Resource) -> bool:
        """Whether the CRD of the resource exists."""
        return resource.group_resource in self._installed

    def missing(self, resource: Resource) -> str:
        """Why the kind cannot be used now, in one line without a full stop; empty when it can."""
        kind = self._kinds.get(resource)
        named = f"kind {resource.kind} of {resource.api_version}"
        if not self.installed(resource):
            return f"the cluster has no {named}: CRD {resource.group_resource} is not installed"
        if kind is None:
            return ""
        for informer in kind.informers:
            if informer.listed:
                continue
            if informer.absent:
                return (
                    f"the cluster does not serve {named}: CRD {resource.group_resource} has no"
                    f" served version {resource.version}; install a release that has"
                )
            if informer.state == "refused":
                return (
                    f"objects of {named} cannot be listed: the operator's role lacks get, list or"
                    f" watch on {resource.group_resource}; grant them"
                )
            # It is asked again from time to time; until the answer has come, the last one holds.
            return kind.reason or f"objects of {named} {_NOT_YET}"
        return ""

    def _definition_changed(self, old: PartialMetadata | None, new: PartialMetadata | None) -> None:
        present = new or old
        if present is None:
            return
        name = present.metadata.name
        there = new is not None and new.metadata.deletion_timestamp is None
        (self._installed.add if there else self._installed.discard)(name)
        for resource, kind in self._kinds.items():
            if resource.group_resource != name:
                continue
            kind.absences = 0  # what the server said was of the definition before
            for informer in kind.informers:
                if there:
                    informer.wake()
                    informer.retry_now()
                else:
                    informer.sleep()
            self._look(resource)

    def _look(self, resource: Resource) -> None:
        kind = self._kinds[resource]
        why = self.missing(resource)
        if why == kind.seen:
            return
        kind.seen = why
        unsure = why.endswith(_NOT_YET)
        if self.installed(resource) and any(item.absent for item in kind.informers):
            kind.absences += 1
            unsure = kind.absences < _SURE
        elif not unsure:
            kind.absences = 0
        if unsure:
            kind.told = None  # what follows is news, whatever it is
            return
        kind.reason = why if self.installed(resource) else ""
        if why != kind.told:
            kind.told = why
            for handler in kind.handlers:
                handler()
