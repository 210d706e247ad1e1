"""Deployments, ReplicaSets and StatefulSets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.sandbox.builtin.causes import forbidden, immutable, invalid, not_supported, required
from ome.sandbox.builtin.validation.numbers import not_negative, number_or_percent
from ome.sandbox.builtin.validation.pods import validate_template
from ome.sandbox.builtin.validation.selectors import validate_selector
from ome.sandbox.selectors import selector_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ome.sandbox.refusal import Cause

__all__ = ["validate_deployment", "validate_replica_set", "validate_stateful_set"]

_CHANGEABLE = (
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
)


def validate_deployment(
    document: Mapping[str, Any], old: Mapping[str, Any] | None
) -> Iterator[Cause]:
    """A Deployment."""
    spec = document["spec"]
    yield from not_negative(spec, ("replicas", "minReadySeconds", "revisionHistoryLimit"), "spec")
    yield from _selector_and_template(spec, "deployment")
    yield from _strategy(spec["strategy"], "spec.strategy")
    deadline = spec.get("progressDeadlineSeconds", 600)
    if deadline < 0:
        yield from not_negative(spec, ("progressDeadlineSeconds",), "spec")
    elif deadline and deadline <= spec.get("minReadySeconds", 0):
        yield invalid(
            "spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds"
        )
    yield from _status(document.get("status", {}), ("replicas", "updatedReplicas", "readyReplicas"))
    yield from _same_selector(document, old)


def validate_replica_set(
    document: Mapping[str, Any], old: Mapping[str, Any] | None
) -> Iterator[Cause]:
    """A ReplicaSet."""
    spec = document["spec"]
    yield from not_negative(spec, ("replicas", "minReadySeconds"), "spec")
    yield from _selector_and_template(spec, "deployment")
    yield from _status(
        document.get("status", {}), ("replicas", "fullyLabeledReplicas", "readyReplicas")
    )
    yield from _same_selector(document, old)


def validate_stateful_set(
    document: Mapping[str, Any], old: Mapping[str, Any] | None
) -> Iterator[Cause]:
    """A StatefulSet."""
    spec = document["spec"]
    yield from not_negative(spec, ("replicas", "minReadySeconds"), "spec")
    if spec["podManagementPolicy"] not in ("OrderedReady", "Parallel"):
        yield invalid(
            "spec.podManagementPolicy",
            spec["podManagementPolicy"],
            "must be 'OrderedReady' or 'Parallel'",
        )
    strategy = spec["updateStrategy"]
    if strategy["type"] not in ("RollingUpdate", "OnDelete"):
        yield invalid(
            "spec.updateStrategy", _internal(strategy), "must be 'RollingUpdate' or 'OnDelete'"
        )
    yield from _selector_and_template(spec, "statefulset")
    if old is not None and _fixed(spec) != _fixed(old["spec"]):
        listed = ", ".join(f"'{name}'" for name in _CHANGEABLE[:-1])
        yield forbidden(
            "spec",
            f"updates to statefulset spec for fields other than {listed} and"
            f" '{_CHANGEABLE[-1]}' are forbidden",
        )


def _fixed(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in spec.items() if name not in _CHANGEABLE}


def _selector_and_template(spec: Mapping[str, Any], workload: str) -> Iterator[Cause]:
    selector, template = spec.get("selector"), spec.get("template", {})
    labels = (template.get("metadata") or {}).get("labels")
    wrong = validate_selector(selector or {}, "spec.selector")
    if selector is None:
        yield required("spec.selector")
    elif not selector:
        yield invalid("spec.selector", selector, f"empty selector is invalid for {workload}")
    yield from wrong
    if wrong:
        yield invalid("spec.selector", selector, "invalid label selector")
    elif selector != {} and not (selector and selector_of(selector).matches(labels or {})):
        yield invalid(
            "spec.template.metadata.labels",
            labels,
            "`selector` does not match template `labels`",
        )
    yield from validate_template(template, "spec.template")
    policy = template.get("spec", {}).get("restartPolicy")
    if policy in ("OnFailure", "Never"):
        yield not_supported("spec.template.spec.restartPolicy", policy, ("Always",))
    if template.get("spec", {}).get("activeDeadlineSeconds") is not None:
        yield forbidden(
            "spec.template.spec.activeDeadlineSeconds",
            "activeDeadlineSeconds in ReplicaSet is not Supported",
        )


def _strategy(strategy: Mapping[str, Any], field: str) -> Iterator[Cause]:
    numbers = strategy.get("rollingUpdate", {})
    at = f"{field}.rollingUpdate"
    if strategy["type"] == "Recreate":
        if numbers:
            yield forbidden(at, "may not be specified when strategy `type` is 'Recreate'")
        return
    if strategy["type"] != "RollingUpdate":
        yield not_supported(field, _internal(strategy), ("Recreate", "RollingUpdate"))
        return
    surge, unavailable = numbers["maxSurge"], numbers["maxUnavailable"]
    yield from number_or_percent(unavailable, f"{at}.maxUnavailable")
    yield from number_or_percent(surge, f"{at}.maxSurge", at_most_all=False)
    if surge in (0, "0%") and unavailable in (0, "0%"):
        yield invalid(f"{at}.maxUnavailable", unavailable, "may not be 0 when `maxSurge` is 0")


def _internal(strategy: Mapping[str, Any]) -> dict[str, Any]:
    """A strategy as the real server shows it: in the names of its own struct."""
    return {"Type": strategy["type"], "RollingUpdate": strategy.get("rollingUpdate")}


def _status(status: Mapping[str, Any], counts: tuple[str, ...]) -> Iterator[Cause]:
    """Counts: none negative, none above the whole, none available that is not ready."""
    yield from not_negative(status, (*counts, "availableReplicas"), "status")
    whole, available = status.get("replicas", 0), status.get("availableReplicas", 0)
    for name in (*counts[1:], "availableReplicas"):
        count = status.get(name, 0)
        if count > whole:
            yield invalid(f"status.{name}", count, "cannot be greater than status.replicas")
    if available > status.get("readyReplicas", 0):
        yield invalid("status.availableReplicas", available, "cannot be greater than readyReplicas")


def _same_selector(document: Mapping[str, Any], old: Mapping[str, Any] | None) -> Iterator[Cause]:
    selector = document["spec"].get("selector")
    if old is not None and selector != old["spec"].get("selector"):
        yield immutable("spec.selector", selector)
