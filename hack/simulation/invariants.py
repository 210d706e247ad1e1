"""What must hold all along and at the end."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ome.kube.resource import ObjectKey

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hack.simulation.history import History
    from ome.sandbox.apiserver.calls import Call
    from ome.sandbox.apiserver.server import ApiServer
    from ome.sandbox.stored import Stored

__all__ = ["Referee", "final_state"]

_LEASE = ObjectKey("ome", "ome-controller-manager-leader-lock")
_WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_OF_EVERY_REPLICA = re.compile(r"/leases(/|$)|/events(/|$)|/reviews$")
"""What a replica may write without leading: its candidature and what it says about it."""
_OURS = ("Deployment", "Service", "HorizontalPodAutoscaler", "PodDisruptionBudget", "ConfigMap")


class Referee:
    """Looks at every request before it takes effect, and at every change after."""

    def __init__(self, server: ApiServer, history: History, managers: frozenset[str]) -> None:
        self._server = server
        self._history = history
        self._managers = managers
        self._strangers: dict[tuple[str, ObjectKey], int] = {}

    def before(self, call: Call) -> None:
        """No replica writes that does not hold the Lease."""
        who = call.user.name
        if call.method not in _WRITES or who not in self._managers or call.dry_run:
            return
        if _OF_EVERY_REPLICA.search(call.path):
            return
        holder = self._holder()
        if holder is not None and not holder.startswith(who):
            self._history.violation(f"{who} writes while {holder} leads: {call.method} {call.path}")

    def _holder(self) -> str | None:
        lease = self._server.store.collection("coordination.k8s.io", "leases").get(_LEASE)
        if lease is None:
            return None
        return str((lease.load().get("spec") or {}).get("holderIdentity") or "") or None

    def changed(self, old: Stored | None, new: Stored | None) -> None:
        """An object that the operator did not make is left alone; called for children's kinds."""
        if old is None or new is None:
            return
        before, after = old.load(), new.load()
        if _owned(before) or "stranger" not in (before["metadata"].get("labels") or {}):
            return
        if before.get("spec") != after.get("spec") or _owned(after):
            self._history.violation(f"{after['kind']} {new.key} of a stranger was changed")


def _owned(document: Mapping[str, Any]) -> bool:
    owners = document["metadata"].get("ownerReferences") or ()
    return any(owner.get("kind") == "InferenceService" for owner in owners)


_VARIES = frozenset(
    {
        "uid",
        "resourceVersion",
        "creationTimestamp",
        "managedFields",
        "generation",
        "observedGeneration",
        "lastTransitionTime",
        "lastUpdateTime",
        "clusterIP",
        "clusterIPs",
        "time",
        "latestCreatedRevision",
        "deployment.kubernetes.io/revision",
        "ome.io/service-generation",
    }
)
"""Stamps and counters: they tell how one came somewhere, not where one is."""


def final_state(server: ApiServer) -> dict[str, Any]:
    """Everything that users or other programs would see of OME's work, without stamps."""
    found: dict[str, Any] = {}
    for (group, plural), collection in sorted(server.store.collections().items()):
        for stored in collection.items():
            document = stored.load()
            if group == "ome.io" or (document["kind"] in _OURS and _owned(document)):
                found[f"{plural} {stored.key.namespace}/{stored.key.name}"] = _plain(document)
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items() if name not in _VARIES}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
