"""Horizontal pod autoscalers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.kube.quantity import parse_quantity
from ome.sandbox.builtin import names
from ome.sandbox.builtin.causes import forbidden, invalid, not_supported, required
from ome.sandbox.builtin.validation.selectors import validate_selector

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ome.sandbox.refusal import Cause

__all__ = ["validate_autoscaler"]

_SOURCES = {
    "ContainerResource": "containerResource",
    "External": "external",
    "Object": "object",
    "Pods": "pods",
    "Resource": "resource",
}
_TARGETS = ("Utilization", "Value", "AverageValue")
_HOUR = 3600
_HALF_HOUR = 1800


def validate_autoscaler(
    document: Mapping[str, Any], old: Mapping[str, Any] | None
) -> Iterator[Cause]:
    """A HorizontalPodAutoscaler."""
    spec = document["spec"]
    least, most = spec.get("minReplicas", 1), spec.get("maxReplicas", 0)
    if least < 1:
        yield invalid("spec.minReplicas", least, "must be greater than or equal to 1")
    if most < 1:
        yield required("spec.maxReplicas", "must be set and greater than 0")
    if most < least:
        yield invalid("spec.maxReplicas", most, "must be greater than or equal to `minReplicas`")
    yield from _reference(spec.get("scaleTargetRef", {}), "spec.scaleTargetRef")
    yield from _group(spec.get("scaleTargetRef", {}), "spec.scaleTargetRef")
    metrics = spec.get("metrics", ())
    for index, metric in enumerate(metrics):
        yield from _metric(metric, f"spec.metrics[{index}]")
    if least == 0 and not any(metric.get("type") in ("Object", "External") for metric in metrics):
        yield forbidden(
            "spec.metrics",
            "must specify at least one Object or External metric to support scaling to zero"
            " replicas",
        )
    for direction, rules in spec.get("behavior", {}).items():
        yield from _rules(rules, f"spec.behavior.{direction}")


def _reference(reference: Mapping[str, Any], field: str) -> Iterator[Cause]:
    for name in ("kind", "name"):
        value = reference.get(name, "")
        if not value:
            yield required(f"{field}.{name}")
        for text in names.path_segment(value):
            yield invalid(f"{field}.{name}", value, text)


def _group(reference: Mapping[str, Any], field: str) -> Iterator[Cause]:
    version = reference.get("apiVersion", "")
    if "/" not in version and reference.get("kind") != "ReplicationController":
        yield invalid(f"{field}.apiVersion", version, "apiVersion must specify API group")


def _metric(metric: Mapping[str, Any], field: str) -> Iterator[Cause]:
    type_ = metric.get("type", "")
    if not type_:
        yield required(f"{field}.type", "must specify a metric source type")
    expected = _SOURCES.get(type_)
    present = [name for name in _SOURCES.values() if name in metric]
    if expected is None:
        # The real server says it twice: of the value, and of the source that it selects.
        yield not_supported(f"{field}.type", type_, _SOURCES)
        yield not_supported(f"{field}.type", type_, _SOURCES)
    elif expected not in metric:
        yield required(
            f"{field}.{expected}", "must populate information for the given metric source"
        )
    if len(present) == 1:
        yield from _source(metric[present[0]], present[0], f"{field}.{present[0]}")
        return
    for name in present:
        if name != expected:
            yield forbidden(f"{field}.{name}", "must populate the given metric source only")


def _source(source: Mapping[str, Any], kind: str, field: str) -> Iterator[Cause]:
    target, at = source.get("target", {}), f"{field}.target"
    if kind in ("resource", "containerResource"):
        if not source.get("name"):
            yield required(f"{field}.name", "must specify a resource name")
    else:
        yield from _identifier(source.get("metric", {}), f"{field}.metric")
    if kind == "containerResource" and not source.get("container"):
        yield required(f"{field}.container", "must specify a container")
    if kind == "object":
        yield from _reference(source.get("describedObject", {}), f"{field}.describedObject")
    yield from _target(target, at)
    if kind in ("resource", "containerResource"):
        yield from _either(
            target,
            at,
            ("averageUtilization", "averageValue"),
            "a target raw value or a target utilization",
        )
    elif kind == "pods":
        if parse_quantity(target.get("averageValue", 0)) <= 0:
            yield required(f"{at}.averageValue", "must specify a positive target averageValue")
    else:
        what = "or averageValue" if kind == "object" else "for metric or a per-pod target"
        yield from _either(target, at, ("averageValue", "value"), f"a target value {what}")


def _either(
    target: Mapping[str, Any], field: str, names_: tuple[str, str], what: str
) -> Iterator[Cause]:
    """One of two, but not both; the first is the one that is asked for."""
    first, second = names_
    if first not in target and second not in target:
        yield required(f"{field}.{first}", f"must set either {what}")
    elif first in target and second in target:
        both = what.replace(" or ", " and ")
        yield forbidden(f"{field}.{second}", f"may not set both {both}")


def _identifier(metric: Mapping[str, Any], field: str) -> Iterator[Cause]:
    name = metric.get("name", "")
    if not name:
        yield required(f"{field}.name", "must specify a metric name")
    for text in names.path_segment(name):
        yield invalid(f"{field}.name", name, text)
    yield from validate_selector(metric.get("selector", {}), f"{field}.selector")


def _target(target: Mapping[str, Any], field: str) -> Iterator[Cause]:
    type_ = target.get("type", "")
    if not type_:
        yield required(f"{field}.type", "must specify a metric target type")
    if type_ not in _TARGETS:
        yield invalid(f"{field}.type", type_, "must be either Utilization, Value, or AverageValue")
    for name in ("value", "averageValue"):
        if name in target and parse_quantity(target[name]) <= 0:
            yield invalid(f"{field}.{name}", target[name], "must be positive")
    if target.get("averageUtilization", 1) < 1:
        yield invalid(
            f"{field}.averageUtilization", target["averageUtilization"], "must be greater than 0"
        )


def _rules(rules: Mapping[str, Any], field: str) -> Iterator[Cause]:
    window = rules.get("stabilizationWindowSeconds", 0)
    at = f"{field}.stabilizationWindowSeconds"
    if window < 0:
        yield invalid(at, window, "must be greater than or equal to zero")
    elif window > _HOUR:
        yield invalid(at, window, f"must be less than or equal to {_HOUR}")
    policy = rules.get("selectPolicy", "Max")
    if policy not in ("Max", "Min", "Disabled"):
        yield not_supported(f"{field}.selectPolicy", policy, ("Disabled", "Max", "Min"))
    if not rules.get("policies"):
        yield required(f"{field}.policies", "must specify at least one Policy")
    for index, one in enumerate(rules.get("policies", ())):
        yield from _policy(one, f"{field}.policies[{index}]")


def _policy(policy: Mapping[str, Any], field: str) -> Iterator[Cause]:
    if policy.get("type") not in ("Percent", "Pods"):
        yield not_supported(f"{field}.type", policy.get("type", ""), ("Percent", "Pods"))
    for name in ("value", "periodSeconds"):
        if policy.get(name, 0) <= 0:
            yield invalid(f"{field}.{name}", policy.get(name, 0), "must be greater than zero")
    if policy.get("periodSeconds", 0) > _HALF_HOUR:
        yield invalid(
            f"{field}.periodSeconds",
            policy["periodSeconds"],
            f"must be less than or equal to {_HALF_HOUR}",
        )
