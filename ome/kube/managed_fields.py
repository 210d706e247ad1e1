"""Who owns which field of an object: reading and moving ``metadata.managedFields``. Pure.

A client that writes by *update* owns what it set in an entry of its own. Applying a field takes its
ownership, but a field that the new writer does not send stays, owned by the old client for ever.
So before we first apply over an object of a predecessor, its entries become ours; then what we do
not send is dropped as it should be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

__all__ = ["applied_by", "moved", "owner_uid", "owns", "predecessors_of", "reclaimed", "union"]

Entry = dict[str, Any]


def owner_uid(metadata: Mapping[str, Any]) -> str:
    """The uid of the controller owner, or the empty string."""
    for reference in metadata.get("ownerReferences") or ():
        if reference.get("controller"):
            return str(reference["uid"])
    return ""


def applied_by(entries: Sequence[Entry], manager: str) -> Entry | None:
    """The entry of what a manager has applied to the main resource."""
    for entry in entries:
        if _is(entry, "Apply") and entry.get("manager") == manager:
            return entry
    return None


def owns(entry: Entry | None, *path: str) -> bool:
    """Whether an entry owns a field: ``owns(entry, "spec", "replicas")``."""
    fields: Any = (entry or {}).get("fieldsV1") or {}
    for name in path:
        if f"f:{name}" not in fields:
            return False
        fields = fields[f"f:{name}"]
    return True


def predecessors_of(entries: Sequence[Entry], names: Collection[str], owner: str) -> frozenset[str]:
    """The managers whose updates of the main resource were another operator's.

    They are those of the given names and whoever set the reference to our owner (a uid): only an
    operator of the same kinds does. Users and the cluster's own controllers are neither.
    """
    reference = f'k:{{"uid":"{owner}"}}'
    found = set()
    for entry in entries:
        if not _is(entry, "Update"):
            continue
        metadata = (entry.get("fieldsV1") or {}).get("f:metadata") or {}
        made_owner = bool(owner) and reference in (metadata.get("f:ownerReferences") or {})
        if made_owner or entry.get("manager") in names:
            found.add(str(entry.get("manager")))
    return frozenset(found)


def moved(entries: Sequence[Entry], names: Collection[str], manager: str) -> list[Entry]:
    """The entries with the updates of ``names`` made part of what ``manager`` applied.

    All other entries stay as they are, those of subresources too.
    """
    taken = [entry for entry in entries if _is(entry, "Update") and entry.get("manager") in names]
    if not taken:
        return list(entries)
    ours = applied_by(entries, manager)
    fields: dict[str, Any] = {}
    for entry in (*taken, *([ours] if ours else ())):
        fields = union(fields, entry.get("fieldsV1") or {})
    merged = {**(ours or taken[-1]), "manager": manager, "operation": "Apply", "fieldsV1": fields}
    return [entry for entry in entries if entry is not ours and entry not in taken] + [merged]


def reclaimed(entries: Sequence[Entry], manager: str) -> list[Entry]:
    """The entries with the spec that people and tools updated made part of ours.

    For an object of ours that was edited by hand: an item that an edit put into a keyed list stays
    for ever while its editor owns it. Metadata, data, replicas, subresources, what others applied
    and what the cluster's own controllers wrote stay theirs. The same entries when there is nothing
    to take.
    """
    ours = applied_by(entries, manager)
    if ours is None:
        return list(entries)
    before: dict[str, Any] = ours.get("fieldsV1") or {}
    fields = before
    kept: list[Entry] = []
    for entry in entries:
        if entry is ours:
            continue
        if not _is(entry, "Update") or entry.get("manager") in _CLUSTER:
            kept.append(entry)
            continue
        theirs = dict(entry.get("fieldsV1") or {})
        for root in _CONTENT & theirs.keys():
            taken = {name: inner for name, inner in theirs.pop(root).items() if name != _REPLICAS}
            fields = union(fields, {root: taken})
        if theirs:
            kept.append({**entry, "fieldsV1": theirs})
    return list(entries) if fields == before else [*kept, {**ours, "fieldsV1": fields}]


_CONTENT = frozenset({"f:spec"})
_REPLICAS = "f:replicas"
_CLUSTER = frozenset({"kube-controller-manager", "kube-scheduler", "cloud-controller-manager"})


def union(left: Mapping[str, Any], right: Mapping[str, Any]) -> dict[str, Any]:
    """Both sets of fields (``fieldsV1``) as one."""
    result = dict(left)
    for name, inner in right.items():
        result[name] = union(result[name], inner) if name in result else inner
    return result


def _is(entry: Entry, operation: str) -> bool:
    return entry.get("operation") == operation and not entry.get("subresource")
