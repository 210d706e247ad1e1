"""Deletion: preconditions, finalizers, grace, and what becomes of dependents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.clock import rfc3339
from ome.sandbox.apiserver.storage import Change
from ome.sandbox.refusal import Refused, conflict, not_found
from ome.sandbox.stored import Stored

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.clock import Clock
    from ome.kube.resource import ObjectKey
    from ome.sandbox.apiserver.admitting import Admitting
    from ome.sandbox.apiserver.calls import Call
    from ome.sandbox.apiserver.kinds import Kind
    from ome.sandbox.apiserver.storage import Store

__all__ = ["Deleting", "finished"]

_ORPHAN = "orphan"
_FOREGROUND = "foregroundDeletion"
_KEEP = {"Orphan": _ORPHAN, "Foreground": _FOREGROUND}


def finished(document: Mapping[str, Any]) -> bool:
    """Whether an object is being deleted and nothing holds it any more."""
    metadata = document["metadata"]
    if not metadata.get("deletionTimestamp") or metadata.get("finalizers"):
        return False
    if document.get("kind") == "Namespace" and document.get("apiVersion") == "v1":
        return not (document.get("spec") or {}).get("finalizers")
    return not metadata.get("deletionGracePeriodSeconds")


class Deleting:
    """Deletes objects of the store."""

    def __init__(self, store: Store, admitting: Admitting, clock: Clock) -> None:
        self._store = store
        self._admitting = admitting
        self._clock = clock

    async def delete(
        self, call: Call, kind: Kind, key: ObjectKey, options: Mapping[str, Any]
    ) -> tuple[Stored, bool]:
        """Delete or begin to; the object's last state and whether it is gone."""
        resource = kind.resource
        collection = self._store.collection(*kind.store)
        stored = collection.get(key)
        if stored is None:
            raise not_found(resource.group, resource.plural, key.name)
        self._preconditions(kind, stored, options)
        await self._admitting.validate(call, kind, "DELETE", None, stored.load())
        current = collection.get(key)
        if current is None:
            raise not_found(resource.group, resource.plural, key.name)
        self._preconditions(kind, current, options)
        document = self._marked(kind, current.load(), options)
        gone = finished(document)
        if (
            gone
            and kind.gk != ("", "Pod")
            and not stored.load()["metadata"].get("deletionTimestamp")
        ):
            # One that goes at once is never seen with the marks of a deletion.
            document = current.load()
        if call.dry_run:
            return Stored.of(document, current.version), gone
        if not gone and document == current.load():
            return current, False
        version = self._store.next_version()
        new = Stored.of(document, version)
        change = Change(version, current, None if gone else new, gone=new if gone else None)
        collection.apply(change)
        return new, gone

    def _preconditions(self, kind: Kind, stored: Stored, options: Mapping[str, Any]) -> None:
        wanted = options.get("preconditions") or {}
        version = wanted.get("resourceVersion")
        for name, asked, present in (
            ("UID", wanted.get("uid"), stored.uid),
            ("ResourceVersion", version, str(stored.version)),
        ):
            if asked and asked != present:
                raise conflict(
                    kind.resource.group,
                    kind.resource.plural,
                    stored.key.name,
                    f"Precondition failed: {name} in precondition: {asked}, {name} in object meta:"
                    f" {present}",
                )

    def _marked(
        self, kind: Kind, document: dict[str, Any], options: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The document as it is once it is being deleted."""
        metadata = document["metadata"]
        finalizers = list(metadata.get("finalizers") or ())
        policy = str(options.get("propagationPolicy") or "")
        if options.get("orphanDependents"):
            policy = "Orphan"
        keep = _KEEP.get(policy)
        if policy and policy not in (*_KEEP, "Background"):
            raise Refused(
                422,
                "Invalid",
                f'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value:'
                f' "{policy}": supported values: "Foreground", "Background", "Orphan"',
            )
        if keep and keep not in finalizers:
            finalizers.append(keep)
        if finalizers:
            metadata["finalizers"] = finalizers
        now = self._clock.wall()
        grace = self._grace(kind, document, options)
        already = metadata.get("deletionTimestamp")
        if not already:
            if "generation" in metadata:
                metadata["generation"] += 1
            metadata["deletionTimestamp"] = rfc3339(now + grace)
            if kind.gk != ("", "Namespace"):
                metadata["deletionGracePeriodSeconds"] = grace
        elif grace < metadata.get("deletionGracePeriodSeconds", 0):
            metadata["deletionTimestamp"] = rfc3339(now + grace)
            metadata["deletionGracePeriodSeconds"] = grace
        if kind.gk == ("", "Namespace"):
            document.setdefault("status", {})["phase"] = "Terminating"
        return document

    def _grace(self, kind: Kind, document: Mapping[str, Any], options: Mapping[str, Any]) -> int:
        """Seconds that a pod on a node is given to end; 0 for everything else."""
        if kind.gk != ("", "Pod"):
            return 0
        spec, status = document["spec"], document.get("status") or {}
        if not spec.get("nodeName") or status.get("phase") in ("Succeeded", "Failed"):
            return 0
        asked = options.get("gracePeriodSeconds")
        return int(spec.get("terminationGracePeriodSeconds", 30) if asked is None else asked)
