"""One walk along the schema: what says nothing is dropped, what is absent is filled in.

The server decodes into typed structs and encodes them again, so ``null``, empty lists and zero
values of plain fields disappear while some fields always come back. Defaults belong to types, not
to kinds: a container has the same ones in a Pod and in a Deployment's template.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from ome.api.openapi import SchemaNode, schema_for
from ome.sandbox.builtin.defaults.computed import COMPUTED
from ome.sandbox.builtin.defaults.constant import CONSTANT, KEPT_WHEN_EMPTY, PLAIN
from ome.sandbox.builtin.defaults.kinds import OF_KIND
from ome.sandbox.builtin.facts import FACTS
from ome.sandbox.builtin.quantities import canonical
from ome.sandbox.refusal import bad_request

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["fill_status", "set_defaults"]

_API = "io.k8s.api."
_QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
_FREE = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps"
_NO_QUANTITY = (
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
)


def set_defaults(
    gk: tuple[str, str], document: dict[str, Any], old: Mapping[str, Any] | None = None
) -> None:
    """Bring a document into the form in which the server stores it, in place.

    ``old`` is the object that it replaces: some of its values stay where the new one is silent.
    Doing it twice changes nothing. Raises ``Refused`` 400 for what is no quantity.
    """
    try:
        _fill(document, schema_for(FACTS[gk].definition))
    except ValueError as error:
        version = str(document.get("apiVersion", "")).rpartition("/")[2]
        raise bad_request(
            f'{gk[1]} in version "{version}" cannot be handled as a {gk[1]}: {_NO_QUANTITY}'
        ) from error
    of_kind = OF_KIND.get(gk)
    if of_kind is not None:
        of_kind(document, old)


def fill_status(gk: tuple[str, str], document: dict[str, Any]) -> None:
    """The same for the status alone, in place; there is one afterwards."""
    node = schema_for(FACTS[gk].definition).fields["status"]
    _fill(document.setdefault("status", {}), node)


def _fill(value: Any, node: SchemaNode) -> None:
    if node.name == _FREE:
        return
    if isinstance(value, list) and node.items is not None:
        for item in value:
            _fill(item, node.items)
    elif isinstance(value, dict) and node.values is not None:
        _fill_map(value, node.values)
    elif isinstance(value, dict):
        _fill_object(value, node)


def _fill_map(value: dict[str, Any], node: SchemaNode) -> None:
    for key, item in value.items():
        if node.name == _QUANTITY:
            value[key] = canonical(item)
        else:
            _fill(item, node)


def _fill_object(value: dict[str, Any], node: SchemaNode) -> None:
    name, fields = node.name.removeprefix(_API), node.fields
    for key in [
        key for key, item in value.items() if not item and _says_nothing(name, key, item, node)
    ]:
        del value[key]
    for key, default in CONSTANT.get(name, {}).items():
        if key not in value:
            value[key] = copy.deepcopy(default)
    compute = COMPUTED.get(name)
    if compute is not None:
        compute(value)
    for key, item in value.items():
        child = fields.get(key)
        if child is None or item is None:
            continue
        if child.name == _QUANTITY:
            value[key] = canonical(item)
        elif isinstance(item, (dict, list)):
            _fill(item, child)


def _says_nothing(owner: str, key: str, value: Any, node: SchemaNode) -> bool:
    """Whether an empty value is as good as none."""
    child = node.fields.get(key)
    if value is None:
        return True
    if child is None or key in KEPT_WHEN_EMPTY:
        return False
    if isinstance(value, (bool, int)):
        return key in PLAIN or f"{owner}.{key}" in PLAIN
    if isinstance(value, dict):
        return child.values is not None
    return key not in node.required
