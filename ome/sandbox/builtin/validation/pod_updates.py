"""The few changes that a pod may undergo once it exists."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from ome.sandbox.builtin.causes import forbidden, invalid

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ome.sandbox.refusal import Cause

__all__ = ["validate_pod_update"]

_ALLOWED = (
    "pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions"
    " to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it"
    " was previously negative)"
)
_CONTAINERS = ("containers", "initContainers")


def validate_pod_update(document: Mapping[str, Any], old: Mapping[str, Any]) -> Iterator[Cause]:
    """What of the change from ``old`` may not be."""
    spec, before = document["spec"], old["spec"]
    for name in _CONTAINERS:
        if len(spec.get(name, ())) != len(before.get(name, ())):
            yield forbidden(f"spec.{name}", "pod updates may not add or remove containers")
            return
    yield from _deadline(spec.get("activeDeadlineSeconds"), before.get("activeDeadlineSeconds"))
    known = before.get("tolerations", [])
    if any(one not in spec.get("tolerations", []) for one in known):
        yield forbidden(
            "spec.tolerations",
            "existing toleration can not be modified except its tolerationSeconds",
        )
    if _fixed(spec, before) != _fixed(before, before):
        yield forbidden("spec", _ALLOWED)


def _deadline(deadline: int | None, before: int | None) -> Iterator[Cause]:
    field = "spec.activeDeadlineSeconds"
    if before is None or deadline == before:
        return
    if deadline is None:
        yield invalid(field, None, "must not update from a positive integer to nil value")
    elif deadline > before:
        yield invalid(field, deadline, "must be less than or equal to previous value")


def _fixed(spec: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """A spec without what may change; of a gated pod also where it may go."""
    fixed = copy.deepcopy(dict(spec))
    fixed.pop("activeDeadlineSeconds", None)
    fixed.pop("tolerations", None)
    fixed.pop("schedulingGates", None)
    if before.get("schedulingGates"):
        fixed.pop("nodeSelector", None)
        fixed.pop("affinity", None)
    if before.get("terminationGracePeriodSeconds", 0) < 0:
        fixed.pop("terminationGracePeriodSeconds", None)
    for name in _CONTAINERS:
        for container in fixed.get(name, ()):
            container.pop("image", None)
    return fixed
