"""What an apply or an update makes of an object and of ``metadata.managedFields``. Pure.

An apply lays its document over the live object, takes away what the same manager applied before and
does not any more, and owns what it holds. An update owns what it changed. Either way the others
lose what changed under them; an apply asks for ``force`` before it takes that from them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from ome.sandbox.ownership import conflicts
from ome.sandbox.ownership.checks import problems
from ome.sandbox.ownership.claims import claimed
from ome.sandbox.ownership.compare import Changes, changes
from ome.sandbox.ownership.fields import Fields, difference, union, without_paths
from ome.sandbox.ownership.managers import (
    Entries,
    Manager,
    capped,
    entry_of,
    listed,
    loses,
    owners_of,
    read,
    wanted,
)
from ome.sandbox.ownership.merge import merged, pruned
from ome.sandbox.ownership.shape import shape_of
from ome.sandbox.refusal import Refused, bad_request

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ome.api.openapi.view import SchemaNode
    from ome.sandbox.ownership.shape import Shape

__all__ = ["apply", "update"]

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode

_BEFORE_APPLY = "before-first-apply"
_UNOWNED: Fields = {
    "f:apiVersion": {},
    "f:kind": {},
    "f:metadata": {
        ".": {},
        "f:name": {},
        "f:namespace": {},
        "f:creationTimestamp": {},
        "f:selfLink": {},
        "f:uid": {},
        "f:generation": {},
        "f:managedFields": {},
        "f:resourceVersion": {},
    },
}


def apply(
    live: Mapping[str, Any] | None,
    applied: Mapping[str, Any],
    schema: SchemaNode,
    *,
    manager: str,
    subresource: str = "",
    ignored: Sequence[tuple[str, ...]] = (),
    force: bool = False,
    now: str,
) -> dict[str, Any]:
    """The object after a server-side apply, before defaulting; ``live`` None: it is made.

    Nothing of the result is shared with ``applied``. When the object stays as it is, so does the
    time of the manager's entry. Fields below the paths of ``ignored`` cannot be owned by this
    request, nor be in conflict.

    Raises ``Refused``: 409 with the other managers' fields that would change, 400 for
    ``metadata.managedFields`` in ``applied``, 500 for what does not fit the schema.
    """
    shape = shape_of(schema)
    _check(applied, shape)
    applied = _decode(_encode(applied))
    before = _unmanaged(live or {})
    entries = read(live)
    if live is not None and not entries:
        entries = _first_entries(before, shape, subresource, ignored, now)
    us = Manager.applying(manager, subresource)
    mine = entries.pop(us, None)

    claims = without_paths(claimed(applied, shape), ignored)
    owned = claims
    for entry in entries.values():
        owned = union(owned, entry["fieldsV1"])
    last: Fields = mine["fieldsV1"] if mine else {}
    document = pruned(merged(before, applied, shape), last, owned, shape)

    changed = _effective(changes(before, document, shape), ignored)
    taken = owners_of(entries, changed.written)
    if taken and not force:
        raise conflicts.refusal(taken)
    left = loses(entries, changed)
    fields = difference(claims, _UNOWNED)
    if fields:
        time = now if document != before else (mine or {}).get("time")
        left[us] = entry_of(us, applied["apiVersion"], fields, time)
    return _managed(document, left)


def update(
    old: Mapping[str, Any] | None,
    new: Mapping[str, Any],
    schema: SchemaNode,
    *,
    manager: str,
    subresource: str = "",
    ignored: Sequence[tuple[str, ...]] = (),
    now: str,
) -> dict[str, Any]:
    """``new`` with its ``managedFields`` brought up to date, after defaulting; shares with ``new``.

    What was added or changed belongs to this manager's updates, and to nobody else; what is gone
    belongs to nobody. An existing object whose ownership nobody tracks stays so.
    """
    entries = wanted(old, new, subresource)
    document = _unmanaged(new)
    if old is not None and not entries:
        return document
    changed = _effective(changes(_unmanaged(old or {}), document, shape_of(schema)), ignored)
    left = loses(entries, changed)
    written = difference(changed.written, _UNOWNED)
    if written:
        us = Manager(manager or "unknown", "Update", new["apiVersion"], subresource)
        fields = union(written, left[us]["fieldsV1"]) if us in left else written
        left = capped({**left, us: entry_of(us, us.api_version, fields, now)})
    return _managed(document, left)


def _check(applied: Mapping[str, Any], shape: Shape) -> None:
    """Raises ``Refused`` for what cannot be applied."""
    metadata = applied.get("metadata") or {}
    if metadata.get("managedFields") is not None:
        raise bad_request("metadata.managedFields must be nil")
    wrong = list(problems(applied, shape))
    if wrong:
        said = wrong[0] if len(wrong) == 1 else "\n  ".join(["errors:", *wrong])
        version = (
            applied["apiVersion"] if "/" in applied["apiVersion"] else f"/{applied['apiVersion']}"
        )
        raise Refused(
            500,
            "",
            f"failed to create typed patch object ({metadata.get('namespace', '')}/"
            f"{metadata.get('name', '')}; {version}, Kind={applied['kind']}): {said}",
        )


def _first_entries(
    document: Mapping[str, Any],
    shape: Shape,
    subresource: str,
    ignored: Sequence[tuple[str, ...]],
    now: str,
) -> Entries:
    """Who owns an object that nobody applied to yet and whose writers nobody tracked."""
    version = document["apiVersion"]
    everything = _effective(changes({}, document, shape), ignored).written
    us = Manager(_BEFORE_APPLY, "Update", version, subresource)
    return {us: entry_of(us, version, difference(everything, _UNOWNED), now)}


def _effective(changed: Changes, ignored: Sequence[tuple[str, ...]]) -> Changes:
    """The changes that a request can make."""
    if not ignored:
        return changed
    return Changes(without_paths(changed.written, ignored), without_paths(changed.gone, ignored))


def _unmanaged(document: Mapping[str, Any]) -> dict[str, Any]:
    metadata = document.get("metadata")
    if not metadata or "managedFields" not in metadata:
        return dict(document)
    kept = {name: value for name, value in metadata.items() if name != "managedFields"}
    return {**document, "metadata": kept}


def _managed(document: dict[str, Any], entries: Entries) -> dict[str, Any]:
    if not entries:
        return document
    metadata = {**document["metadata"], "managedFields": listed(entries)}
    return {**document, "metadata": metadata}
