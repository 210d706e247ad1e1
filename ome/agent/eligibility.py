"""Whether a model belongs on a node: its storage's node selector and node affinity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["eligible"]


def eligible(storage: Mapping[str, Any], labels: Mapping[str, str], node: str) -> bool:
    """Whether the node has every selected label and meets one of the required terms."""
    selector = storage.get("nodeSelector") or {}
    if any(labels.get(key) != value for key, value in selector.items()):
        return False
    affinity = storage.get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if not required:
        return True
    return any(_term(term, labels, node) for term in required.get("nodeSelectorTerms") or ())


def _term(term: Mapping[str, Any], labels: Mapping[str, str], node: str) -> bool:
    expressions = term.get("matchExpressions") or ()
    fields = term.get("matchFields") or ()
    if not expressions and not fields:
        # A term that asks for nothing selects no node, as for pods.
        return False
    name = {"metadata.name": node}
    return all(_holds(item, labels) for item in expressions) and all(
        _holds(item, name) for item in fields
    )


def _holds(requirement: Mapping[str, Any], values: Mapping[str, str]) -> bool:
    held = values.get(requirement["key"])
    wanted = requirement.get("values") or ()
    match requirement["operator"]:
        case "In":
            return held in wanted
        case "NotIn":
            return held not in wanted
        case "Exists":
            return held is not None
        case "DoesNotExist":
            return held is None
        case "Gt" | "Lt" as operator:
            return _compare(held, wanted, operator)
        case _:
            return False


def _compare(held: str | None, wanted: Any, operator: str) -> bool:
    try:
        left, right = int(held or ""), int(wanted[0])
    except (ValueError, IndexError):
        return False
    return left > right if operator == "Gt" else left < right
