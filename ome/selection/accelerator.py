"""Which accelerator class a component runs on, and why not the others. Pure.

A name beats a policy: the component's, then the service's, then the annotation. A policy chooses
among the classes that the runtime lists, in the runtime's order, after those that do not meet the
constraints of the service and of the runtime are left out. There is no default policy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ome.api import names
from ome.errors import SelectionError
from ome.selection.constraints import unmet, wanted
from ome.selection.policies import POLICIES, Scored, winner

if TYPE_CHECKING:
    from collections.abc import Callable

    from ome.api import (
        AcceleratorClassSpec,
        AcceleratorConstraints,
        AcceleratorSelector,
        InferenceService,
        ServingRuntimeSpec,
    )

    Classes = Callable[[str], AcceleratorClassSpec | None]

__all__ = ["AcceleratorChoice", "ClassVerdict", "choose_accelerator"]


@dataclass(frozen=True, slots=True)
class ClassVerdict:
    """What was decided about one class; ``reason`` is empty when it may be chosen."""

    name: str
    reason: str = ""
    score: float | None = None
    parts: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class AcceleratorChoice:
    """The class of one component; ``name`` is empty when it has none, ``reason`` says why.

    ``verdicts`` are about the classes that a policy looked at, the chosen one first.
    """

    component: str
    name: str = ""
    spec: AcceleratorClassSpec | None = None
    reason: str = ""
    policy: str = ""
    verdicts: tuple[ClassVerdict, ...] = ()

    @property
    def warning(self) -> str:
        """What the user must be told: a policy was asked for and no class satisfies it."""
        if self.name or not self.policy or not self.verdicts:
            return ""
        reasons = "; ".join(f"{item.name} ({item.reason})" for item in self.verdicts)
        return (
            f"No accelerator class satisfies policy {self.policy} for {self.component}: {reasons}"
        )


def choose_accelerator(
    service: InferenceService, component: str, runtime: ServingRuntimeSpec | None, classes: Classes
) -> AcceleratorChoice:
    """The class of ``engine`` or ``decoder``; ``classes`` gives a class by name.

    Raises ``SelectionError`` when a class that is named does not exist.
    """
    listed = None if runtime is None else runtime.accelerator_requirements
    candidates = tuple(dict.fromkeys((listed.accelerator_classes if listed else None) or ()))
    if runtime is None or not candidates:
        why = "no runtime" if runtime is None else "the runtime lists no accelerator classes"
        return AcceleratorChoice(component, reason=why)
    own, shared = _override(service, component), service.spec.accelerator_selector
    name = _named(service, own, shared)
    if name:
        spec = classes(name)
        if spec is None:
            raise SelectionError(
                f"accelerator class {name} not found at cluster scope; create it or name another"
            )
        return AcceleratorChoice(component, name, spec, "selected by name")
    policy = (own.policy if own else None) or (shared.policy if shared else None)
    if not policy:
        why = "neither a class nor a policy is asked for"
        return AcceleratorChoice(component, reason=why)
    constraints = next(
        (side.constraints for side in (own, shared) if side is not None and side.constraints), None
    )
    return _by_policy(component, policy, candidates, constraints, runtime, classes)


def _override(service: InferenceService, component: str) -> AcceleratorSelector | None:
    block = service.spec.decoder if component == names.COMPONENT_DECODER else service.spec.engine
    return None if block is None else block.accelerator_override


def _named(
    service: InferenceService,
    own: AcceleratorSelector | None,
    shared: AcceleratorSelector | None,
) -> str:
    for side in (own, shared):
        if side is not None and side.accelerator_class is not None:
            return side.accelerator_class
    return service.metadata.annotations.get(names.ANNOTATION_ACCELERATOR_CLASS, "")


def _by_policy(
    component: str,
    policy: str,
    candidates: tuple[str, ...],
    constraints: AcceleratorConstraints | None,
    runtime: ServingRuntimeSpec,
    classes: Classes,
) -> AcceleratorChoice:
    left: list[Scored] = []
    out: list[ClassVerdict] = []
    required = runtime.accelerator_requirements
    for name in candidates:
        spec = classes(name)
        if spec is None:
            out.append(ClassVerdict(name, "not found at cluster scope"))
            continue
        asked = [side for side in (constraints, required) if side is not None]
        reasons = (unmet(name, spec, side) for side in asked)
        reason = next((found for found in reasons if found), "")
        if reason:
            out.append(ClassVerdict(name, reason))
        else:
            left.append(Scored(name, spec))
    score = POLICIES.get(policy)
    if score is None:
        out += [ClassVerdict(item.name, f"policy {policy} is not known") for item in left]
        return AcceleratorChoice(component, reason=_none(policy), policy=policy, verdicts=(*out,))
    if len(left) > 1:
        left = score(left, wanted(constraints, required))
        best = winner(left)
    else:
        # Without scoring: also a class without a price is the cheapest of one.
        best = left[0] if left else None
    ranked = sorted(left, key=lambda item: _rank(item, best))
    verdicts = [ClassVerdict(item.name, item.reason, item.score, item.parts) for item in ranked]
    if best is None:
        reason = _none(policy)
        return AcceleratorChoice(component, "", None, reason, policy, (*verdicts, *out))
    reason = f"selected by policy {policy}"
    return AcceleratorChoice(component, best.name, best.spec, reason, policy, (*verdicts, *out))


def _rank(item: Scored, best: Scored | None) -> tuple[bool, bool, float]:
    return (item is not best, item.score is None, -(item.score or 0.0))


def _none(policy: str) -> str:
    return f"no class satisfies policy {policy}"
