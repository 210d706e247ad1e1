"""JSON patch, RFC 6902, with the latitude that kube-apiserver takes.

Beyond the RFC it replaces a member that is not there, copies one as a null, tests one as a null,
takes an absent value for a null, counts negative indices from the end, and overlooks what stands
before the first ``/`` of a path.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from ome.sandbox.refusal import Refused, bad_request

__all__ = ["json_patch"]


class _Failed(Exception):
    """An operation that the document does not allow."""


def json_patch(document: Any, operations: Any) -> Any:
    """The document after all operations, which may share values with it.

    Raises ``Refused``: 400 for what is no list of operations, 422 for one that fails, be it a
    ``test``.
    """
    for operation in _decoded(operations):
        try:
            document = _applied(document, operation)
        except _Failed:
            raise Refused(
                422,
                "Invalid",
                "the server rejected our request due to an error in our request",
                details={},
            ) from None
    return document


def _decoded(operations: Any) -> list[dict[str, Any]]:
    if not isinstance(operations, list):
        raise bad_request(
            f"error decoding patch: json: cannot unmarshal {_named(operations)} into Go value of"
            " type []handlers.jsonPatchOp"
        )
    for operation in operations:
        if not isinstance(operation, dict):
            raise bad_request(
                f"error decoding patch: json: cannot unmarshal {_named(operation)} into Go value of"
                " type handlers.jsonPatchOp"
            )
        for name in ("op", "path", "from"):
            if not isinstance(operation.get(name, ""), str):
                raise bad_request(
                    f"error decoding patch: json: cannot unmarshal {_named(operation[name])} into"
                    f" Go struct field jsonPatchOp.{name} of type string"
                )
    return operations


def _named(value: Any) -> str:
    names = {dict: "object", list: "array", str: "string", bool: "bool"}
    return names.get(type(value), "number")


def _applied(document: Any, operation: dict[str, Any]) -> Any:
    name, value = operation.get("op"), operation.get("value")
    path = _path(operation, "path")
    if name == "add":
        return _set(document, path, value, insert=True)
    if name == "replace":
        return _set(document, path, value, insert=False)
    if name == "remove":
        return _removed(document, path)[0]
    if name == "test":
        if not _equal(_value(document, path), value):
            raise _Failed
        return document
    source = _path(operation, "from")
    if name == "move":
        document, value = _removed(document, source)
        return _set(document, path, value, insert=True)
    if name == "copy" and source:
        return _set(document, path, deepcopy(_value(document, source)), insert=True)
    raise _Failed


def _path(operation: dict[str, Any], name: str) -> list[str]:
    text = operation.get(name)
    if text is None:
        raise _Failed
    parts: list[str] = text.split("/")[1:]
    if text and not parts:
        raise _Failed
    return [part.replace("~1", "/").replace("~0", "~") for part in parts]


def _set(document: Any, path: list[str], value: Any, *, insert: bool) -> Any:
    if not path:
        if insert:
            raise _Failed
        return value
    if len(path) == 1:
        return _with(document, path[0], value, insert=insert)
    below = _set(_child(document, path[0]), path[1:], value, insert=insert)
    return _with(document, path[0], below, insert=False)


def _with(container: Any, key: str, value: Any, *, insert: bool) -> Any:
    """The container with one more or another value."""
    if isinstance(container, dict):
        return {**container, key: value}
    if not isinstance(container, list):
        raise _Failed
    if insert:
        at = len(container) if key == "-" else _index(key, len(container) + 1)
        return [*container[:at], value, *container[at:]]
    at = _index(key, len(container))
    return [*container[:at], value, *container[at + 1 :]]


def _removed(document: Any, path: list[str]) -> tuple[Any, Any]:
    """The document without a value, and the value."""
    if not path:
        raise _Failed
    if len(path) > 1:
        below, value = _removed(_child(document, path[0]), path[1:])
        return _with(document, path[0], below, insert=False), value
    value = _child(document, path[0])
    if isinstance(document, dict):
        return {name: kept for name, kept in document.items() if name != path[0]}, value
    at = _index(path[0], len(document))
    return [*document[:at], *document[at + 1 :]], value


def _value(document: Any, path: list[str]) -> Any:
    """What is at a path; null for a member that its object does not have."""
    if not path:
        return document
    for part in path[:-1]:
        document = _child(document, part)
    if isinstance(document, dict):
        return document.get(path[-1])
    return _child(document, path[-1])


def _child(container: Any, key: str) -> Any:
    if isinstance(container, dict) and key in container:
        return container[key]
    if isinstance(container, list):
        return container[_index(key, len(container))]
    raise _Failed


def _index(key: str, length: int) -> int:
    """A position below ``length``; negative ones count from it."""
    try:
        at = int(key)
    except ValueError:
        raise _Failed from None
    if not -length <= at < length:
        raise _Failed
    return at % length


def _equal(left: Any, right: Any) -> bool:
    """Equality as in JSON text: 1 is neither true nor 1.0."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_equal(left[n], right[n]) for n in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_equal, left, right))
    return type(left) is type(right) and bool(left == right)
