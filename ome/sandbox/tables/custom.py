"""Tables of custom resources: ``additionalPrinterColumns`` of the CRD's version."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ome.sandbox.tables.ages import ago
from ome.sandbox.tables.jsonpath import values_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["custom_cells", "with_default"]

_AGE = {
    "name": "Age",
    "type": "date",
    "jsonPath": ".metadata.creationTimestamp",
    "description": "Time since the object was made.",
}


def with_default(additional: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The columns after the name: those of the CRD, or the age when it names none."""
    return list(additional) or [_AGE]


def custom_cells(
    document: Mapping[str, Any], now: float, additional: Iterable[Mapping[str, Any]]
) -> list[Any]:
    """Name and additional columns; None where there is no value of the column's type."""
    cells: list[Any] = [document["metadata"].get("name", "")]
    for column in with_default(additional):
        try:
            found = values_at(column["jsonPath"], document)
        except ValueError:
            found = []
        cells.append(_cell(column["type"], found[0], now) if found else None)
    return cells


def _cell(type_: str, value: Any, now: float) -> Any:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    match type_:
        case "string":
            return _text(value)
        case "integer" if number:
            return int(value)
        case "number" if number:
            return value
        case "boolean" if isinstance(value, bool):
            return value
        case "date" if isinstance(value, str):
            return ago(value, now)
    return None


def _text(value: Any) -> str:
    if value is None:
        return "<no value>"
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
