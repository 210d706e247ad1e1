"""Where a pod may go: tolerations, affinities, spreading."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.sandbox.builtin import names
from ome.sandbox.builtin.causes import invalid, not_supported, required
from ome.sandbox.builtin.validation.metadata import validate_labels
from ome.sandbox.builtin.validation.selectors import validate_node_selector, validate_selector

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ome.sandbox.refusal import Cause

__all__ = ["EFFECTS", "validate_scheduling"]

EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def validate_scheduling(spec: Mapping[str, Any], field: str) -> Iterator[Cause]:
    """What of a pod's spec the scheduler reads."""
    yield from validate_labels(spec.get("nodeSelector", {}), f"{field}.nodeSelector")
    for index, toleration in enumerate(spec.get("tolerations", ())):
        yield from _toleration(toleration, f"{field}.tolerations[{index}]")
    affinity = spec.get("affinity", {})
    yield from _node_affinity(affinity.get("nodeAffinity", {}), f"{field}.affinity.nodeAffinity")
    for kind in ("podAffinity", "podAntiAffinity"):
        yield from _pod_affinity(affinity.get(kind, {}), f"{field}.affinity.{kind}")
    for index, constraint in enumerate(spec.get("topologySpreadConstraints", ())):
        yield from _spread(constraint, f"{field}.topologySpreadConstraints[{index}]")


def _toleration(toleration: Mapping[str, Any], field: str) -> Iterator[Cause]:
    key, operator = toleration.get("key", ""), toleration.get("operator", "")
    effect = toleration.get("effect", "")
    if key:
        for text in names.qualified_name(key):
            yield invalid(f"{field}.key", key, text)
    elif operator != "Exists":
        yield invalid(
            f"{field}.operator",
            operator,
            'operator must be Exists when `key` is empty, which means "match all values and all'
            ' keys"',
        )
    if toleration.get("tolerationSeconds") is not None and effect != "NoExecute":
        yield invalid(
            f"{field}.effect",
            effect,
            "effect must be 'NoExecute' when `tolerationSeconds` is set",
        )
    value = toleration.get("value", "")
    if operator in ("", "Equal"):
        for text in names.label_value(value):
            yield invalid(f"{field}.operator", value, text)
    elif operator == "Exists":
        if value:
            yield invalid(
                f"{field}.operator", value, "value must be empty when `operator` is 'Exists'"
            )
    else:
        yield not_supported(f"{field}.operator", operator, ("Equal", "Exists"))
    if effect and effect not in EFFECTS:
        yield not_supported(f"{field}.effect", effect, EFFECTS)


def _node_affinity(affinity: Mapping[str, Any], field: str) -> Iterator[Cause]:
    if _REQUIRED in affinity:
        yield from validate_node_selector(affinity[_REQUIRED], f"{field}.{_REQUIRED}")
    for index, preferred in enumerate(affinity.get(_PREFERRED, ())):
        yield from _weight(preferred, f"{field}.{_PREFERRED}[{index}]")


def _pod_affinity(affinity: Mapping[str, Any], field: str) -> Iterator[Cause]:
    for index, term in enumerate(affinity.get(_REQUIRED, ())):
        yield from _pod_term(term, f"{field}.{_REQUIRED}[{index}]")
    for index, preferred in enumerate(affinity.get(_PREFERRED, ())):
        at = f"{field}.{_PREFERRED}[{index}]"
        yield from _weight(preferred, at)
        yield from _pod_term(preferred.get("podAffinityTerm", {}), f"{at}.podAffinityTerm")


def _weight(preferred: Mapping[str, Any], field: str) -> Iterator[Cause]:
    weight = preferred.get("weight", 0)
    if not 1 <= weight <= 100:
        yield invalid(f"{field}.weight", weight, "must be in the range 1-100")


def _pod_term(term: Mapping[str, Any], field: str) -> Iterator[Cause]:
    yield from validate_selector(term.get("labelSelector", {}), f"{field}.labelSelector")
    key = term.get("topologyKey", "")
    if not key:
        yield required(f"{field}.topologyKey", "can not be empty")
    for text in names.qualified_name(key):
        yield invalid(f"{field}.topologyKey", key, text)


def _spread(constraint: Mapping[str, Any], field: str) -> Iterator[Cause]:
    skew = constraint.get("maxSkew", 0)
    if skew <= 0:
        yield invalid(f"{field}.maxSkew", skew, "must be greater than zero")
    if not constraint.get("topologyKey"):
        yield required(f"{field}.topologyKey", "can not be empty")
    else:
        for text in names.qualified_name(constraint["topologyKey"]):
            yield invalid(f"{field}.topologyKey", constraint["topologyKey"], text)
    choices = ("DoNotSchedule", "ScheduleAnyway")
    if constraint.get("whenUnsatisfiable") not in choices:
        yield not_supported(
            f"{field}.whenUnsatisfiable", constraint.get("whenUnsatisfiable", ""), choices
        )
    yield from validate_selector(constraint.get("labelSelector", {}), f"{field}.labelSelector")
