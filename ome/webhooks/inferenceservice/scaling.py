"""How a service wants to be scaled: autoscaler class, utilisation, KEDA."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ome.api import KedaConfig, names
from ome.webhooks.registry import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ome.api import InferenceService
    from ome.api.services import ComponentExtensionSpec

__all__ = ["annotation_field", "replica_warnings", "scaling_problems", "scaling_warnings"]

_CLASSES = (names.AUTOSCALER_HPA, names.AUTOSCALER_KEDA, names.AUTOSCALER_EXTERNAL)
_METRICS = ("cpu", "memory")
_OPERATORS = ("GreaterThan", "GreaterThanOrEqual", "LessThan", "LessThanOrEqual")
_AUTH_MODES = ("basic", "tls", "bearer", "custom")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")


def annotation_field(name: str) -> str:
    """An annotation as the field of a problem."""
    return f'metadata.annotations["{name}"]'


def quoted(text: str) -> str:
    """In double quotes, with escapes."""
    return json.dumps(text, ensure_ascii=False)


def scaling_problems(service: InferenceService) -> Iterator[Problem]:
    """What no autoscaler could be made from."""
    notes = service.metadata.annotations
    chosen = notes.get(names.ANNOTATION_AUTOSCALER_CLASS)
    if chosen is not None and chosen not in _CLASSES:
        yield Problem(
            annotation_field(names.ANNOTATION_AUTOSCALER_CLASS),
            f"[{chosen}] is not a supported autoscaler class type; use hpa, keda or external, or"
            " remove the annotation for hpa",
        )
    if chosen == names.AUTOSCALER_HPA:
        yield from _metric(notes)
    if chosen == names.AUTOSCALER_KEDA:
        yield from _keda(service.spec.keda_config, notes)
    yield from _utilization(notes)


def _metric(notes: Mapping[str, str]) -> Iterator[Problem]:
    metric = notes.get(names.ANNOTATION_METRICS)
    if metric is not None and metric not in _METRICS:
        yield Problem(
            annotation_field(names.ANNOTATION_METRICS),
            f"[{metric}] is not a supported metric of autoscaler class hpa; use cpu or memory",
        )


def _utilization(notes: Mapping[str, str]) -> Iterator[Problem]:
    target = notes.get(names.ANNOTATION_TARGET_UTILIZATION)
    if target is None:
        return
    number = int(target) if re.fullmatch(r"[+-]?0*[0-9]{1,9}", target) else 0
    if not 1 <= number <= 100:
        yield Problem(
            annotation_field(names.ANNOTATION_TARGET_UTILIZATION),
            f"the target utilization percentage should be a [1-100] integer, not {quoted(target)};"
            " write a plain number such as 80",
        )


def _keda(config: KedaConfig | None, notes: Mapping[str, str]) -> Iterator[Problem]:
    held = config or KedaConfig()
    for field, text in _given(
        "scalingOperator", held.scaling_operator, names.ANNOTATION_KEDA_OPERATOR, notes
    ):
        if text not in _OPERATORS:
            yield Problem(
                field,
                f"invalid KEDA scaling operator {quoted(text)}, must be one of:"
                f" {', '.join(_OPERATORS)}",
            )
    for field, text in _given(
        "scalingThreshold", held.scaling_threshold, names.ANNOTATION_KEDA_THRESHOLD, notes
    ):
        if not _NUMBER.fullmatch(text) or not math.isfinite(float(text)):
            yield Problem(
                field,
                f"invalid KEDA scaling threshold {quoted(text)}: must be a valid number; write one"
                " such as 10 or 0.5",
            )
    for field, text in _given(
        "promServerAddress",
        held.prom_server_address,
        names.ANNOTATION_KEDA_SERVER_ADDRESS,
        notes,
    ):
        if wrong := _address_fault(text):
            yield Problem(
                field,
                f"invalid KEDA Prometheus server address {quoted(text)}: {wrong}; write one such as"
                " http://prometheus.monitoring.svc:9090",
            )
    yield from _authentication(config)


def _given(
    name: str, value: str | None, annotation: str, notes: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """The field's value unless empty, then the annotation's if it is there."""
    if value:
        yield f"spec.kedaConfig.{name}", value
    if annotation in notes:
        yield annotation_field(annotation), notes[annotation]


def _address_fault(text: str) -> str:
    if re.search(r"[\x00-\x20\x7f]", text):
        return "a URL holds no blanks or control characters"
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError as error:
        return str(error)
    if url.scheme not in ("http", "https"):
        return "scheme must be http or https"
    return "" if url.hostname and port != 0 else "host is required"


def _authentication(config: KedaConfig | None) -> Iterator[Problem]:
    if config is None:
        return
    for mode in _modes(config):
        if mode not in _AUTH_MODES:
            yield Problem(
                "spec.kedaConfig.authModes",
                f"invalid KEDA auth mode {quoted(mode)}, must be one of: {', '.join(_AUTH_MODES)}",
            )
    if config.authentication_ref is not None and not config.authentication_ref.name:
        yield Problem(
            "spec.kedaConfig.authenticationRef.name",
            "KEDA authenticationRef.name is required; name a TriggerAuthentication of the namespace"
            " or remove authenticationRef",
        )


def _modes(config: KedaConfig) -> list[str]:
    return [mode.strip() for mode in (config.auth_modes or "").split(",") if mode.strip()]


def scaling_warnings(service: InferenceService) -> Iterator[str]:
    """What an autoscaler ignores or misreads."""
    notes, config = service.metadata.annotations, service.spec.keda_config
    if notes.get(names.ANNOTATION_AUTOSCALER_CLASS) == names.AUTOSCALER_KEDA and config is not None:
        if _modes(config) and config.authentication_ref is None:
            yield (
                "spec.kedaConfig.authModes: KEDA authModes is specified but authenticationRef is"
                " not set; authModes will be ignored by KEDA"
            )
    for name in names.COMPONENTS:
        component: ComponentExtensionSpec | None = getattr(service.spec, name)
        if component is not None:
            yield from replica_warnings(f"spec.{name}", component)
            yield from _metric_warning(service, name, component)


def replica_warnings(path: str, component: ComponentExtensionSpec) -> Iterator[str]:
    """Replica counts and a share of traffic that are taken but make no sense."""
    low, high = component.min_replicas, component.max_replicas
    for name, value in (("minReplicas", low), ("maxReplicas", high)):
        if value is not None and value < 0:
            yield f"{path}.{name}: {value} is below 0 and counts as 1; write 0 or more"
    if low is not None and high and 0 < high < low:
        yield (
            f"{path}.maxReplicas: {high} is below minReplicas {low}; {low} replicas run. Raise"
            " maxReplicas or lower minReplicas"
        )
    canary = component.canary_traffic_percent
    if canary is not None and not 0 <= canary <= 100:
        yield f"{path}.canaryTrafficPercent: {canary} is no percentage; write 0 to 100"


def _metric_warning(
    service: InferenceService, name: str, component: ComponentExtensionSpec
) -> Iterator[str]:
    if component.scale_metric not in ("concurrency", "rps"):
        return
    notes = {**service.metadata.annotations, **(component.annotations or {})}
    chosen = notes.get(names.ANNOTATION_AUTOSCALER_CLASS, names.AUTOSCALER_HPA)
    serverless = notes.get(names.ANNOTATION_DEPLOYMENT_MODE) == names.MODE_SERVERLESS
    scaled_to_zero = component.min_replicas == 0 and name != names.COMPONENT_DECODER
    if chosen == names.AUTOSCALER_HPA and not serverless and not scaled_to_zero:
        yield (
            f"spec.{name}.scaleMetric: {component.scale_metric} is known in Serverless mode only;"
            f" with autoscaler class hpa it is no resource metric. Use cpu or memory, or class keda"
            f" (annotation {names.ANNOTATION_AUTOSCALER_CLASS})"
        )
