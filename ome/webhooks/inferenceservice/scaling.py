"""How a service wants to be scaled: autoscaler class, utilisation, KEDA; as a whole, by component.

What a component says of itself is judged as what the service says. What only its runtime may
complete is left to rendering.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ome.api import KedaConfig, names
from ome.webhooks.inferenceservice.places import places, quoted
from ome.webhooks.registry import Problem
from ome.workloads.keda_annotations import READERS, is_number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ome.api import InferenceService
    from ome.api.services import ComponentExtensionSpec
    from ome.webhooks.inferenceservice.places import Place

__all__ = ["SCALING_ANNOTATIONS", "replica_warnings", "scaling_problems", "scaling_warnings"]

_CLASSES = (names.AUTOSCALER_HPA, names.AUTOSCALER_KEDA, names.AUTOSCALER_EXTERNAL)
_METRICS = ("cpu", "memory")
_OPERATORS = ("GreaterThan", "GreaterThanOrEqual", "LessThan", "LessThanOrEqual")
_AUTH_MODES = ("basic", "tls", "bearer", "custom")
_CLASS = names.ANNOTATION_AUTOSCALER_CLASS
_TARGET = names.ANNOTATION_TARGET_UTILIZATION
_SHOWN = 80
"""Characters of a value that a message repeats."""

SCALING_ANNOTATIONS = (
    _CLASS,
    _TARGET,
    names.ANNOTATION_METRICS,
    names.ANNOTATION_KEDA_OPERATOR,
    names.ANNOTATION_KEDA_THRESHOLD,
    names.ANNOTATION_KEDA_SERVER_ADDRESS,
    *READERS,
)
"""What is looked at here."""


def scaling_problems(service: InferenceService) -> Iterator[Problem]:
    """What no autoscaler could be made from."""
    found = places(service)
    classes = {place.autoscaler_class for place in found}
    for place in found:
        # What the service says is read by each component, whatever class that has.
        held = {place.autoscaler_class} if place.component else classes
        chosen = place.notes.get(_CLASS)
        if chosen is not None and chosen not in _CLASSES:
            yield Problem(
                place.field(_CLASS),
                f"[{chosen}] is not a supported autoscaler class type; use hpa, keda or external,"
                " or remove the annotation for hpa",
            )
        if names.AUTOSCALER_HPA in held:
            yield from _metric(place)
        if names.AUTOSCALER_KEDA in held:
            yield from _keda(place)
        yield from _utilization(place)


def _metric(place: Place) -> Iterator[Problem]:
    metric = place.notes.get(names.ANNOTATION_METRICS)
    if metric is not None and metric not in _METRICS:
        yield Problem(
            place.field(names.ANNOTATION_METRICS),
            f"[{metric}] is not a supported metric of autoscaler class hpa; use cpu or memory",
        )


def _utilization(place: Place) -> Iterator[Problem]:
    target = place.notes.get(_TARGET)
    if target is None:
        return
    number = int(target) if re.fullmatch(r"[+-]?0*[0-9]{1,9}", target) else 0
    # More than all of what was requested makes sense, and components could always say so.
    if number < 1 or (number > 100 and not place.component):
        yield Problem(
            place.field(_TARGET),
            f"the target utilization percentage should be a [1-100] integer, not {quoted(target)};"
            " write a plain number such as 80",
        )


def _keda(place: Place) -> Iterator[Problem]:
    held = place.keda or KedaConfig()
    for member, value, annotation, wrong in (
        (
            "scalingOperator",
            held.scaling_operator,
            names.ANNOTATION_KEDA_OPERATOR,
            _operator_fault,
        ),
        (
            "scalingThreshold",
            held.scaling_threshold,
            names.ANNOTATION_KEDA_THRESHOLD,
            _threshold_fault,
        ),
        (
            "promServerAddress",
            held.prom_server_address,
            names.ANNOTATION_KEDA_SERVER_ADDRESS,
            _server_fault,
        ),
    ):
        yield from _given(place, member, value, annotation, wrong)
    for annotation, read in READERS.items():
        if annotation in place.notes:
            try:
                read(place.notes[annotation])
            except ValueError as error:
                yield Problem(
                    place.field(annotation),
                    f"{quoted(place.notes[annotation][:_SHOWN])} cannot be used; {error}",
                )
    yield from _authentication(place)


def _given(
    place: Place, member: str, value: str | None, annotation: str, wrong: Callable[[str], str]
) -> Iterator[Problem]:
    """What is wrong with a field unless it is empty, and with its annotation if it is there."""
    given = [(f"{place.keda_path}.{member}", value)] if value else []
    if annotation in place.notes:
        given.append((place.field(annotation), place.notes[annotation]))
    for field, text in given:
        if message := wrong(text):
            yield Problem(field, message)


def _operator_fault(text: str) -> str:
    if text in _OPERATORS:
        return ""
    return f"invalid KEDA scaling operator {quoted(text)}, must be one of: {', '.join(_OPERATORS)}"


def _threshold_fault(text: str) -> str:
    if is_number(text):
        return ""
    return (
        f"invalid KEDA scaling threshold {quoted(text)}: must be a valid number; write one such as"
        " 10 or 0.5"
    )


def _server_fault(text: str) -> str:
    wrong = _address_fault(text)
    return (
        f"invalid KEDA Prometheus server address {quoted(text)}: {wrong}; write one such as"
        " http://prometheus.monitoring.svc:9090"
        if wrong
        else ""
    )


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


def _authentication(place: Place) -> Iterator[Problem]:
    config = place.keda
    if config is None:
        return
    for mode in _modes(config):
        if mode not in _AUTH_MODES:
            yield Problem(
                f"{place.keda_path}.authModes",
                f"invalid KEDA auth mode {quoted(mode)}, must be one of: {', '.join(_AUTH_MODES)}",
            )
    if config.authentication_ref is not None and not config.authentication_ref.name:
        yield Problem(
            f"{place.keda_path}.authenticationRef.name",
            "KEDA authenticationRef.name is required; name a TriggerAuthentication of the namespace"
            " or remove authenticationRef",
        )


def _modes(config: KedaConfig) -> list[str]:
    return [mode.strip() for mode in (config.auth_modes or "").split(",") if mode.strip()]


def scaling_warnings(service: InferenceService) -> Iterator[str]:
    """What an autoscaler ignores or misreads."""
    found = places(service)
    named = any(place.keda is not None and place.keda.authentication_ref for place in found)
    for place in found:
        config = place.keda
        if place.autoscaler_class == names.AUTOSCALER_KEDA and config is not None and not named:
            if _modes(config):
                yield (
                    f"{place.keda_path}.authModes: KEDA authModes is specified but"
                    " authenticationRef is not set; authModes will be ignored by KEDA"
                )
        component: ComponentExtensionSpec | None = getattr(service.spec, place.component, None)
        if component is not None:
            yield from replica_warnings(place.path, component)
            yield from _metric_warning(place, component)
            yield from _ray_warning(place)


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
    if component.min_available is not None and component.max_unavailable is not None:
        yield (
            f"{path}.maxUnavailable: a PodDisruptionBudget takes it or minAvailable, not both;"
            " remove one of them"
        )
    canary = component.canary_traffic_percent
    if canary is not None and not 0 <= canary <= 100:
        yield f"{path}.canaryTrafficPercent: {canary} is no percentage; write 0 to 100"


def _metric_warning(place: Place, component: ComponentExtensionSpec) -> Iterator[str]:
    if component.scale_metric not in ("concurrency", "rps"):
        return
    chosen = place.autoscaler_class or names.AUTOSCALER_HPA
    serverless = place.effective.get(names.ANNOTATION_DEPLOYMENT_MODE) == names.MODE_SERVERLESS
    scaled_to_zero = component.min_replicas == 0 and place.component != names.COMPONENT_DECODER
    if chosen == names.AUTOSCALER_HPA and not serverless and not scaled_to_zero:
        yield (
            f"{place.path}.scaleMetric: {component.scale_metric} is known in Serverless mode only;"
            f" with autoscaler class hpa it is no resource metric. Use cpu or memory, or class keda"
            f" (annotation {_CLASS})"
        )


def _ray_warning(place: Place) -> Iterator[str]:
    ray = place.effective.get(names.ANNOTATION_DEPLOYMENT_MODE) == names.MODE_RAY
    if not ray or place.component != names.COMPONENT_ENGINE:
        return
    if place.autoscaler_class in (names.AUTOSCALER_HPA, names.AUTOSCALER_KEDA):
        yield (
            f"{place.path}: autoscaler class {place.autoscaler_class} has no effect in mode"
            f" {names.MODE_RAY}; {place.path}.minReplicas says how many Ray clusters there are"
        )
