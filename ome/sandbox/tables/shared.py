"""Texts that cells of several kinds have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["NONE", "UNSET", "containers", "count_more", "labels", "name", "selector"]

NONE = "<none>"
UNSET = "<unset>"


def name(document: Mapping[str, Any]) -> str:
    """The object's name; empty for a bookmark's."""
    return str(document["metadata"].get("name", ""))


def labels(pairs: Mapping[str, str] | None) -> str:
    """``a=b,c=d``."""
    return ",".join(f"{key}={pairs[key]}" for key in sorted(pairs)) if pairs else NONE


def selector(given: Mapping[str, Any] | None) -> str:
    """A ``LabelSelector`` in the syntax of queries, its requirements by key."""
    if given is None:
        return NONE
    terms = [(key, f"{key}={value}") for key, value in (given.get("matchLabels") or {}).items()]
    terms += [
        (one.get("key", ""), _requirement(one)) for one in given.get("matchExpressions") or ()
    ]
    return ",".join(text for _, text in sorted(terms, key=lambda term: term[0])) or NONE


def containers(document: Mapping[str, Any]) -> tuple[str, str]:
    """Names and images of a workload's containers."""
    found = document["spec"].get("template", {}).get("spec", {}).get("containers") or ()
    return (
        ",".join(container.get("name", "") for container in found),
        ",".join(container.get("image", "") for container in found),
    )


def count_more(items: Sequence[str], most: int, separator: str = ",") -> str:
    """The first few items, and how many there are besides."""
    shown = separator.join(items[:most])
    return f"{shown} + {len(items) - most} more..." if len(items) > most else shown


def _requirement(one: Mapping[str, Any]) -> str:
    key, values = one.get("key", ""), _sorted(one.get("values") or ())
    match one.get("operator"):
        case "In":
            return f"{key} in ({values})"
        case "NotIn":
            return f"{key} notin ({values})"
        case "Exists":
            return str(key)
        case _:
            return f"!{key}"


def _sorted(values: Iterable[str]) -> str:
    return ",".join(sorted(values))
