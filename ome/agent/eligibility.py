"""Whether a model belongs on a node: its storage's scheme, node selector and node affinity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.kube.quantity import parse_quantity

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["eligible"]

_NAME = "metadata.name"


def eligible(storage: Mapping[str, Any], labels: Mapping[str, str], node: str) -> bool:
    """Whether there is something to fetch to a node with these labels and this name."""
    uri = storage.get("storageUri") or ""
    if not uri or uri.startswith("pvc://"):
        return False
    selector = storage.get("nodeSelector") or {}
    if any(labels.get(key) != value for key, value in selector.items()):
        return False
    affinity = storage.get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    terms = required.get("nodeSelectorTerms") or ()
    values = {_NAME: node, **labels}
    return not terms or any(_term(term, values) for term in terms)


def _term(term: Mapping[str, Any], values: Mapping[str, str]) -> bool:
    wanted = [*(term.get("matchExpressions") or ()), *(term.get("matchFields") or ())]
    # A term that asks for nothing selects no node, as for pods.
    return bool(wanted) and all(_holds(item, values) for item in wanted)


def _holds(requirement: Mapping[str, Any], values: Mapping[str, str]) -> bool:
    held = values.get(requirement.get("key") or "")
    wanted = requirement.get("values") or ()
    match requirement.get("operator"):
        case "In":
            return held in wanted
        case "NotIn":
            return held not in wanted
        case "Exists":
            return held is not None
        case "DoesNotExist":
            return held is None
        case "Gt" if held is not None and wanted:
            return _compared(held, wanted[0]) > 0
        case "Lt" if held is not None and wanted:
            return _compared(held, wanted[0]) < 0
        case _:
            return False


def _compared(left: str, right: str) -> int:
    """Above 0 when left is greater: as numbers or quantities where both are, else as text."""
    try:
        first, second = parse_quantity(left), parse_quantity(right)
    except ValueError:
        return (left > right) - (left < right)
    return (first > second) - (first < second)
