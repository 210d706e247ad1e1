"""Patches and field ownership of the fake cluster.

Simpler than the real thing: lists are atomic (but finalizers and owner references), and there are
no schemas, so a strategic patch is a merge patch.
"""

from __future__ import annotations

import copy
import json
from typing import Any

from ome.errors import Conflict, Invalid

Path = tuple[str, ...]
Document = dict[str, Any]

_UNOWNED = frozenset(
    {
        "name",
        "namespace",
        "uid",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "managedFields",
    }
)


def json_patch(document: Document, ops: list[Document]) -> Document:
    """The result of RFC 6902 operations (add, remove, replace, test)."""
    result = copy.deepcopy(document)
    for op in ops:
        path = [part.replace("~1", "/").replace("~0", "~") for part in op["path"].split("/")[1:]]
        parent: Any = result
        try:
            for part in path[:-1]:
                parent = parent[int(part)] if isinstance(parent, list) else parent[part]
            _operate(parent, path[-1], op)
        except (KeyError, IndexError, TypeError, ValueError):
            raise Invalid(f"{op['op']} operation does not apply: {op['path']}") from None
    return result


def _operate(parent: Any, last: str, op: Document) -> None:
    value = copy.deepcopy(op.get("value"))
    name: Any = last
    if isinstance(parent, list):
        name = len(parent) if last == "-" else int(last)
        if op["op"] == "add":
            parent.insert(name, value)
            return
    match op["op"]:
        case "add":
            parent[name] = value
        case "replace":
            parent[name]
            parent[name] = value
        case "remove":
            del parent[name]
        case "test":
            if (parent[name] if isinstance(parent, list) else parent.get(name)) != value:
                raise Invalid(f"testing value {op['path']} failed: test failed")
        case other:
            raise Invalid(f"the fake knows no operation {other}")


def merge_patch(document: Any, patch: Any) -> Any:
    """The result of an RFC 7386 patch."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = dict(document) if isinstance(document, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merge_patch(result.get(name), value)
    return result


def apply_patch(live: Document, body: Document, manager: str, force: bool, sub: str) -> Document:
    """Server-side apply, with ``managedFields`` of the result; raises ``Conflict``."""
    entries = live["metadata"].get("managedFields", [])
    ours = [e for e in entries if _is(e, manager, "Apply", sub)]
    others = [e for e in entries if not _is(e, manager, "Apply", sub)]
    before = paths_of(ours[0]["fieldsV1"]) if ours else set()
    wanted = leaves(body, sub)
    differing = {path for path in wanted if _at(live, path) != _at(body, path)}
    for entry in others:
        held = paths_of(entry["fieldsV1"])
        if held & differing and not force:
            raise Conflict(f'conflict with "{entry["manager"]}"', reason="Conflict")
        entry["fieldsV1"] = fields_of(held - differing)
    kept = {path for entry in others for path in paths_of(entry["fieldsV1"])}
    result = copy.deepcopy(live)
    for path in before - wanted - kept:
        _remove(result, path)
    for path in wanted:
        _set(result, path, _at(body, path))
    entry = _entry(manager, "Apply", body["apiVersion"], fields_of(wanted), sub)
    ordered = [entry if e in ours else e for e in entries] + ([] if ours else [entry])
    result["metadata"]["managedFields"] = [e for e in ordered if e["fieldsV1"]]
    return result


def record_update(old: Document | None, new: Document, manager: str, sub: str) -> None:
    """Give ``manager`` the fields that an update changed; take lost ones from all."""
    entries = copy.deepcopy(new["metadata"].get("managedFields", []))
    present = leaves(new, "") | leaves(new, "status")
    changed = {p for p in present if old is None or _at(old, p) != _at(new, p)}
    ours = next((e for e in entries if _is(e, manager, "Update", sub)), None)
    if ours is None:
        ours = _entry(manager, "Update", new["apiVersion"], {}, sub)
        entries.append(ours)
    for entry in entries:
        held = paths_of(entry["fieldsV1"]) & present
        entry["fieldsV1"] = fields_of(held | changed if entry is ours else held - changed)
    new["metadata"]["managedFields"] = [e for e in entries if e["fieldsV1"]]


def leaves(body: Document, sub: str) -> set[Path]:
    """The paths that a document sets, in the notation of ``fieldsV1``."""
    found: set[Path] = set()
    for name, value in body.items():
        if name == "metadata":
            for part, inner in value.items():
                if part not in _UNOWNED:
                    _walk(inner, ("f:metadata", f"f:{part}"), found)
        elif name not in ("apiVersion", "kind") and (name == "status") == (sub == "status"):
            _walk(value, (f"f:{name}",), found)
    return found


def _walk(value: Any, path: Path, found: set[Path]) -> None:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            _walk(inner, (*path, f"f:{name}"), found)
    elif path[-1] == "f:ownerReferences":
        found.update((*path, f"k:{json.dumps({'uid': r['uid']}).replace(' ', '')}") for r in value)
    elif path[-1] == "f:finalizers":
        found.update((*path, f"v:{json.dumps(item)}") for item in value)
    else:
        found.add(path)


def paths_of(fields: Document, prefix: Path = ()) -> set[Path]:
    """The leaves of a ``fieldsV1``."""
    found: set[Path] = set()
    for name, inner in fields.items():
        found |= paths_of(inner, (*prefix, name)) if inner else {(*prefix, name)}
    return found


def fields_of(paths: set[Path]) -> Document:
    """A ``fieldsV1`` with these leaves."""
    fields: Document = {}
    for path in sorted(paths):
        place = fields
        for part in path:
            place = place.setdefault(part, {})
    return fields


def _entry(manager: str, operation: str, version: str, fields: Document, sub: str) -> Document:
    entry = {
        "manager": manager,
        "operation": operation,
        "apiVersion": version,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    }
    return {**entry, "subresource": sub} if sub else entry


def _is(entry: Document, manager: str, operation: str, sub: str) -> bool:
    return (entry["manager"], entry["operation"], entry.get("subresource", "")) == (
        manager,
        operation,
        sub,
    )


def _at(document: Document, path: Path) -> Any:
    place: Any = document
    for part in path:
        place = _item(place, part)
    return place


def _item(place: Any, part: str) -> Any:
    if part[:2] == "f:":
        return place.get(part[2:]) if isinstance(place, dict) else None
    wanted = json.loads(part[2:])
    for item in place or ():
        if item == wanted or (isinstance(item, dict) and item.get("uid") == wanted.get("uid")):
            return item
    return None


def _set(document: Document, path: Path, value: Any) -> None:
    place: Any = document
    for number, part in enumerate(path):
        last = number == len(path) - 1
        if part[:2] != "f:":
            old = _item(place, part)
            if old is not None:
                place.remove(old)
            place.append(copy.deepcopy(value))
        elif last:
            place[part[2:]] = copy.deepcopy(value)
        else:
            empty: Any = {} if path[number + 1][:2] == "f:" else []
            if not isinstance(place.get(part[2:]), type(empty)):
                place[part[2:]] = empty
            place = place[part[2:]]


def _remove(document: Document, path: Path) -> None:
    parent: Any = document
    for part in path[:-1]:
        parent = _item(parent, part)
        if parent is None:
            return
    if path[-1][:2] == "f:":
        parent.pop(path[-1][2:], None)
    elif (item := _item(parent, path[-1])) is not None:
        parent.remove(item)
    if not parent and len(path) > 2:
        _remove(document, path[:-1])
