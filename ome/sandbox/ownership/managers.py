"""The entries of ``metadata.managedFields``: who they are, their order, how many. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ome.sandbox.ownership.fields import Fields, difference, intersection, normalized, union

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ome.sandbox.ownership.compare import Changes

__all__ = ["Entries", "Entry", "Manager", "capped", "entry_of", "listed", "loses", "read", "wanted"]

Entry = dict[str, Any]

_MOST_UPDATERS = 10
_FOLDED = "ancient-changes"
_OPERATIONS = ("Apply", "Update")


class Manager(NamedTuple):
    """Who an entry stands for; appliers are the same at every API version."""

    name: str
    operation: str
    api_version: str
    subresource: str

    @classmethod
    def applying(cls, name: str, subresource: str) -> Manager:
        """The identity under which a manager applies."""
        return cls(name, "Apply", "", subresource)

    @classmethod
    def of(cls, entry: Entry) -> Manager:
        """Whose entry it is."""
        applies = entry["operation"] == "Apply"
        return cls(
            entry.get("manager") or "",
            entry["operation"],
            "" if applies else entry["apiVersion"],
            entry.get("subresource") or "",
        )

    def __str__(self) -> str:
        """As conflicts name it."""
        said = f'"{self.name}"'
        if self.subresource:
            said += f' with subresource "{self.subresource}"'
        return said if self.operation == "Apply" else f"{said} using {self.api_version}"


Entries = dict[Manager, Entry]


def entry_of(manager: Manager, api_version: str, fields: Fields, time: str | None) -> Entry:
    """An entry; one that owes nothing to any change has no time."""
    entry: Entry = {"manager": manager.name} if manager.name else {}
    entry |= {"operation": manager.operation, "apiVersion": api_version}
    if time:
        entry["time"] = time
    entry |= {"fieldsType": "FieldsV1", "fieldsV1": fields}
    if manager.subresource:
        entry["subresource"] = manager.subresource
    return entry


def read(document: Mapping[str, Any] | None) -> Entries:
    """The entries of a stored object."""
    return _by_manager(((document or {}).get("metadata") or {}).get("managedFields") or ())


def wanted(old: Mapping[str, Any] | None, new: Mapping[str, Any], subresource: str) -> Entries:
    """The entries that an update begins with: those it sent, if they are valid and new.

    None sent, or what cannot be read, leaves those of the old object. An empty list, or one empty
    entry, drops all.
    """
    sent = (new.get("metadata") or {}).get("managedFields")
    stored = ((old or {}).get("metadata") or {}).get("managedFields")
    if sent is None or subresource or sent == stored:
        return read(old)
    if sent in ([], [{}]):
        return {}
    try:
        return _by_manager([_valid(entry) for entry in sent])
    except (AttributeError, TypeError, ValueError):
        return read(old)


def loses(entries: Entries, changes: Changes) -> Entries:
    """The entries after a change by someone else; those that own nothing any more are gone."""
    left: Entries = {}
    for manager, entry in entries.items():
        before: Fields = entry.get("fieldsV1") or {}
        fields = difference(before, changes.written)
        fields = difference(fields, changes.gone)
        if fields:
            left[manager] = entry if fields is before else {**entry, "fieldsV1": fields}
    return left


def capped(entries: Entries) -> Entries:
    """At most ten updaters: the oldest of the same API version become one entry."""
    updaters = [manager for manager in entries if manager.operation == "Update"]
    if len(updaters) <= _MOST_UPDATERS:
        return entries
    updaters.sort(key=lambda manager: (entries[manager].get("time") or "", manager))
    left, excess = dict(entries), len(updaters) - _MOST_UPDATERS
    first: dict[str, Manager] = {}
    for manager in updaters:
        if not excess:
            break
        version = manager.api_version
        if version not in first:
            first[version] = manager
            continue
        folded = Manager(_FOLDED, "Update", version, "")
        older = left.pop(folded if folded in left else first[version])
        newer = left.pop(manager)
        fields = union(older["fieldsV1"], newer["fieldsV1"])
        left[folded] = entry_of(folded, version, fields, newer.get("time"))
        excess -= 1
    return left


def listed(entries: Entries) -> list[Entry]:
    """The entries in the server's order: appliers first, then by time, then by name."""
    return [
        entry
        for manager, entry in sorted(
            entries.items(),
            key=lambda item: (item[0].operation, item[1].get("time") or "", item[0].name,
                              item[1]["apiVersion"], item[0].subresource),
        )
    ]  # fmt: skip


def _by_manager(entries: Iterable[Entry]) -> Entries:
    return {Manager.of(entry): entry for entry in entries}


def _valid(entry: Any) -> Entry:
    """The entry with its fields as we write them. Raises ``ValueError`` for what is none."""
    if entry.get("operation") not in _OPERATIONS or not entry.get("apiVersion"):
        raise ValueError("an entry needs an operation and an API version")
    if entry.get("fieldsType") != "FieldsV1":
        raise ValueError("fieldsType must be FieldsV1")
    manager = Manager.of(entry)
    fields = normalized(entry.get("fieldsV1") or {})
    return entry_of(manager, entry["apiVersion"], fields, entry.get("time"))


def owners_of(entries: Entries, fields: Fields) -> dict[Manager, Fields]:
    """Who owns some of these fields, and which."""
    found = {
        manager: intersection(entry.get("fieldsV1") or {}, fields)
        for manager, entry in entries.items()
    }
    return {manager: found[manager] for manager in sorted(found) if found[manager]}
