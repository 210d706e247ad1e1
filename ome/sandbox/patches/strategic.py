"""Strategic merge patch: what is merged, replaced or dropped stands in the schema and the patch.

The schema's ``patchStrategy`` of a list says whether its items are merged, ``patchMergeKey`` by
which member. Directives in the patch: ``$patch`` (``replace``, ``delete``), ``$retainKeys``,
``$deleteFromPrimitiveList/<list>`` and ``$setElementOrder/<list>``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.sandbox.patches import lists
from ome.sandbox.patches.directives import (
    DELETE_FROM,
    PATCH,
    RETAIN_KEYS,
    SET_ORDER,
    cleaned,
    failed,
    not_a_list,
    unknown,
)
from ome.sandbox.refusal import bad_request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.api.openapi.view import SchemaNode

__all__ = ["strategic_patch"]


def strategic_patch(
    document: Mapping[str, Any], patch: Mapping[str, Any], schema: SchemaNode
) -> dict[str, Any]:
    """The document after the patch; unchanged parts are shared with both arguments.

    Raises ``Refused``: 400 for a wrong ``$retainKeys``, 500 for other wrong directives and for
    items without their merge key.
    """
    return _merged(document, patch, schema)


def _merged(
    original: Mapping[str, Any], patch: Mapping[str, Any], schema: SchemaNode | None
) -> dict[str, Any]:
    if PATCH in patch:
        return _directed(patch)
    todo = dict(patch)
    result = _retained(original, todo)
    for name in [name for name in todo if name.startswith(SET_ORDER)]:
        _order(result, todo, name, schema)
    for name in [name for name in todo if name.startswith(DELETE_FROM)]:
        kept, gone = result.get(name.removeprefix(DELETE_FROM)), todo.pop(name)
        if isinstance(kept, list) and isinstance(gone, list):
            result[name.removeprefix(DELETE_FROM)] = [item for item in kept if item not in gone]
    for name, value in todo.items():
        if value is None or _deletes_nothing(result.get(name), value):
            result.pop(name, None)
        else:
            result[name] = _value(result.get(name), value, _field(schema, name))
    return result


def _deletes_nothing(original: Any, patch: Any) -> bool:
    """Whether a patch asks to delete an object that is not there; it does not make one either."""
    return (
        not isinstance(original, dict)
        and isinstance(patch, dict)
        and (patch.get(PATCH) == "delete")
    )


def _directed(patch: Mapping[str, Any]) -> dict[str, Any]:
    """What ``$patch`` makes of an object, whatever it was."""
    directive = patch[PATCH]
    if directive == "replace":
        return dict(cleaned(patch))
    if directive == "delete":
        return {}
    raise unknown(directive, patch)


def _retained(original: Mapping[str, Any], todo: dict[str, Any]) -> dict[str, Any]:
    """The original with the members that ``$retainKeys`` names, which leaves the patch."""
    if RETAIN_KEYS not in todo:
        return dict(original)
    kept = todo.pop(RETAIN_KEYS)
    set_here = {
        name
        for name, value in todo.items()
        if value is not None and not name.startswith((DELETE_FROM, SET_ORDER))
    }
    if not isinstance(kept, list) or not set_here <= {str(name) for name in kept}:
        raise bad_request("invalid patch format of retainKeys")
    return {name: value for name, value in original.items() if name in kept}


def _order(
    result: dict[str, Any], todo: dict[str, Any], directive: str, schema: SchemaNode | None
) -> None:
    """Merge a list and bring it in the order that ``$setElementOrder`` asks for, in place."""
    name = directive.removeprefix(SET_ORDER)
    order, field = todo.pop(directive), _field(schema, name)
    original, patch = result.get(name, []), todo.pop(name, [])
    for value in (order, original, patch):
        if not isinstance(value, list):
            raise not_a_list(value)
    if not original and not patch:
        return
    key = field.patch_merge_key if field else None
    lists.check_order(patch, order, key)
    merged = _value(original, patch, field) if original and patch else original or cleaned(patch)
    result[name] = lists.ordered(merged, order, original, key)


def _value(original: Any, patch: Any, schema: SchemaNode | None) -> Any:
    """What a member becomes that the patch sets."""
    strategies = (schema.patch_strategy or "").split(",") if schema else []
    if isinstance(original, dict) and isinstance(patch, dict):
        return patch if "replace" in strategies else _merged(original, patch, schema)
    if isinstance(original, list) and isinstance(patch, list):
        return _list(original, patch, schema) if schema and "merge" in strategies else patch
    return cleaned(patch)


def _list(original: list[Any], patch: list[Any], schema: SchemaNode) -> list[Any]:
    key = schema.patch_merge_key
    if not all(isinstance(item, dict) for item in (*original, *patch)):
        merged = list(dict.fromkeys([*original, *patch]))
        return lists.ordered(merged, patch, original, None)
    if not original and not patch:
        return []
    if key is None:
        raise failed("cannot merge lists without merge key")
    kept, todo = lists.directed(original, patch, key)
    merged = list(kept)
    for item in todo:
        at = lists.position(merged, item, key)
        if at is None:
            merged.append(cleaned(item))
        else:
            merged[at] = _merged(merged[at], item, schema.items)
    return lists.ordered(merged, todo, kept, key)


def _field(schema: SchemaNode | None, name: str) -> SchemaNode | None:
    return (schema.fields.get(name) or schema.values) if schema else None
