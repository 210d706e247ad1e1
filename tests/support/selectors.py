"""Label and field selectors of the fake cluster."""

from __future__ import annotations

import re
from typing import Any

_SET = re.compile(r"^(?P<key>\S+)\s+(?P<op>in|notin)\s+\((?P<values>[^)]*)\)$")


def matches(obj: dict[str, Any], labels: str, fields: str) -> bool:
    """Whether an object is selected."""
    found = obj["metadata"].get("labels") or {}
    return all(_label(found, term) for term in _terms(labels)) and all(
        _field(obj, term) for term in _terms(fields)
    )


def _terms(selector: str) -> list[str]:
    return [term.strip() for term in re.split(r",(?![^(]*\))", selector) if term.strip()]


def _label(labels: dict[str, str], term: str) -> bool:
    match = _SET.match(term)
    if match:
        values = {value.strip() for value in match["values"].split(",")}
        return (labels.get(match["key"]) in values) == (match["op"] == "in")
    if "!=" in term:
        key, value = term.split("!=", 1)
        return labels.get(key.strip()) != value.strip()
    if "=" in term:
        key, value = re.split("==?", term, maxsplit=1)
        return labels.get(key.strip()) == value.strip()
    return term[1:].strip() not in labels if term[0] == "!" else term in labels


def _field(obj: dict[str, Any], term: str) -> bool:
    path, negated, value = re.split(r"(!?)==?", term, maxsplit=1)
    place: Any = obj
    for part in path.split("."):
        place = place.get(part) if isinstance(place, dict) else None
    return (str("" if place is None else place) == value) != bool(negated)
