"""What must hold all along, checked at each change of the store and each write that arrives.

- A replica's write arrives only while the stored Lease names that replica.
- Objects of strangers stay as they are until their owner changes them.
- No child of a service is there twice: one object of each kind and role.
- A model's status counts what it lists, and no node is in two of its lists.
- Nothing is logged with a traceback: that is a bug whatever the weather.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import msgspec

from ome.api import names
from ome.kube.resources import CONFIGMAPS, DEPLOYMENTS, HPAS, LEASES, SERVICES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ome.kube.request import Request
    from ome.kube.resource import ObjectKey, Resource
    from ome.sandbox.local import LocalApi
    from ome.sandbox.stored import Stored

    from .history import History
    from .processes import Process

__all__ = ["Referee", "shown"]

CHILDREN = (CONFIGMAPS, DEPLOYMENTS, HPAS, SERVICES)
_LEASE = f"/leases/{names.LEADER_LEASE}"
_LEASES = "/leases"


class Referee:
    """Watches the server from within; tells the history of what must not be."""

    def __init__(
        self, local: LocalApi, history: History, lease: ObjectKey, models: Iterable[Resource]
    ) -> None:
        self._history = history
        self._replicas: set[str] = set()
        self._identities: dict[str, Process] = {}
        self._holder = ""
        self._strangers: dict[tuple[str, ObjectKey], bytes] = {}
        self._roles: dict[tuple[str, ...], set[str]] = defaultdict(set)
        self.last_write = 0.0
        """When the last write of a replica arrived, but for Leases and dry runs."""
        self.at_next_write: dict[str, Callable[[], None]] = {}
        """Called once when a write of the replica of this name has arrived."""
        local.subscribe(LEASES, self._lease_changed(lease))
        for resource in CHILDREN:
            local.subscribe(resource, self._child_changed(resource.kind))
        for resource in models:
            local.subscribe(resource, self._model_changed)

    @property
    def leader(self) -> str:
        """The replica that the Lease names; empty: none."""
        holder = self._identities.get(self._holder)
        return "" if holder is None else holder.name

    def replica(self, process: Process) -> None:
        """This process is an operator: its writes need the Lease."""
        self._replicas.add(process.name)

    def stranger(self, kind: str, stored: Stored) -> None:
        """This object belongs to a stranger from now on."""
        self._strangers[kind, stored.key] = _essence(stored)

    def stranger_goes(self, kind: str, key: ObjectKey) -> None:
        """Its owner is about to delete it."""
        self._strangers.pop((kind, key), None)

    # Requests

    def arrives(self, process: Process, request: Request) -> None:
        """A request reaches the server."""
        if not request.writes:
            return
        if process.name not in self._replicas:
            return
        if request.path.endswith((_LEASE, _LEASES)):
            spec = msgspec.json.decode(request.body or b"{}").get("spec") or {}
            if spec.get("holderIdentity"):
                self._identities[spec["holderIdentity"]] = process
            return
        self.last_write = self._history.seconds
        # Events are written beside the work, and nothing follows them.
        if process.name in self.at_next_write and "/events" not in request.path:
            self.at_next_write.pop(process.name)()
        if self._identities.get(self._holder) is not process:
            holder = self.leader or "nobody"
            also = ", in another life" if holder == process.name else ""
            self._history.problem(
                f"{process.name} writes ({request}) while the Lease is held by {holder}{also}"
            )

    def written(self, process: Process, request: Request, code: int) -> None:
        """A write was answered."""
        if not request.path.endswith((_LEASE, "/events")) or code >= 400:
            self._history.say(process.name, f"{shown(request)} {code}")

    # Changes

    def _lease_changed(self, lease: ObjectKey) -> Any:
        def changed(_: Stored | None, new: Stored | None) -> None:
            if new is None or new.key != lease:
                return
            holder = (new.load().get("spec") or {}).get("holderIdentity") or ""
            if holder != self._holder:
                self._holder = holder
                self._history.say("lease", f"is held by {self.leader or 'nobody'}")

        return changed

    def _child_changed(self, kind: str) -> Any:
        def changed(old: Stored | None, new: Stored | None) -> None:
            present = new or old
            assert present is not None
            expected = self._strangers.get((kind, present.key))
            if expected is not None and (new is None or _essence(new) != expected):
                what = "deleted" if new is None else "changed"
                self._history.problem(f"{kind} {present.key} of a stranger was {what}")
                del self._strangers[kind, present.key]
            if old is not None:
                role = _role(kind, old)
                if role is not None:
                    self._roles[role].discard(old.key.name)
            role = None if new is None else _role(kind, new)
            if new is not None and role is not None:
                held = self._roles[role]
                held.add(new.key.name)
                if len(held) > 1:
                    self._history.problem(f"{kind} {', '.join(sorted(held))}: the same made twice")

        return changed

    def _model_changed(self, old: Stored | None, new: Stored | None) -> None:
        if new is None:
            return
        status = new.load().get("status") or {}
        ready, failed = status.get("nodesReady") or [], status.get("nodesFailed") or []
        if status and (
            len(set(ready)) != status.get("nodesReadyCount", 0)
            or len(set(failed)) != status.get("nodesFailedCount", 0)
            or set(ready) & set(failed)
        ):
            self._history.problem(f"the status of model {new.key} does not add up: {status}")


def shown(request: Request) -> str:
    """A request without what no seed gives: names of events hold the number of the process."""
    path = request.path.rpartition(".")[0] if "/events/" in request.path else request.path
    return f"{request.method} {path}"


def _essence(stored: Stored) -> bytes:
    """What of an object nobody but its owner may change."""
    document = stored.load()
    metadata: Mapping[str, Any] = document["metadata"]
    kept = [metadata.get("labels"), metadata.get("ownerReferences"), metadata["uid"]]
    return msgspec.json.encode([*kept, document.get("spec"), document.get("data")])


def _role(kind: str, stored: Stored) -> tuple[str, ...] | None:
    """What a child is for; None for an object that is going, or is none of a service."""
    metadata = stored.load()["metadata"]
    if metadata.get("deletionTimestamp"):
        return None
    for reference in metadata.get("ownerReferences") or ():
        if reference.get("controller") and reference["kind"] == "InferenceService":
            component = stored.labels.get(names.LABEL_COMPONENT, "")
            return (kind, reference["uid"], component)
    return None
