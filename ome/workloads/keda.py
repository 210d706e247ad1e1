"""KEDA's ScaledObject of a raw component: replicas that follow a Prometheus query, also to zero.

KEDA knows no comparison operator, and its Prometheus scaler no metric name; both are sent all the
same, for those who read them. Credentials (TriggerAuthentication) are the user's objects: they are
named here and never made.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ome.api import names, to_json
from ome.workloads.contested import KEDA_API_VERSION, SCALED_OBJECT_KIND, scaled_object_name
from ome.workloads.errors import RenderError
from ome.workloads.keda_settings import settings_of

if TYPE_CHECKING:
    from ome.workloads.inputs import Component, PlanInputs
    from ome.workloads.keda_settings import KedaSettings
    from ome.workloads.metadata import ComponentMetadata

__all__ = ["KNOWN_METRICS", "scaled_object"]

_SERVER = "http://prometheus-operated.monitoring.svc.cluster.local:9090"
_THRESHOLD = "10"
_OPERATOR = "LessThanOrEqual"
_METRIC = "tps"
_WHOLE = re.compile(r"\d{1,9}")
_NEVER_LABEL = "k8slens-edit-resource-version"

KNOWN_METRICS = {
    "vllm:num_requests_waiting": "requests that wait",
    "vllm:num_requests_running": "requests that run",
    "vllm:kv_cache_usage_perc": "used share of the KV cache, 0 to 1",
    "vllm:gpu_cache_usage_perc": "the same, of older versions",
    "sglang:num_queue_reqs": "requests that wait",
    "sglang:num_running_reqs": "requests that run",
    "sglang:token_usage": "used share of the KV cache, 0 to 1",
    "sglang:gen_throughput": "generated tokens a second",
}
"""Gauges of the engines by name. The sum over the pods, which KEDA divides by their number."""


def scaled_object(
    inputs: PlanInputs,
    metadata: ComponentMetadata,
    component: Component,
    bounds: tuple[int, int],
) -> dict[str, Any]:
    """The ScaledObject of a component. Raises ``RenderError`` naming the annotation."""
    service, low = inputs.service, bounds[0]
    keda = service.spec.keda_config
    own = settings_of(component.merged.get("kedaConfig"))
    settings = own.over(settings_of(None if keda is None else to_json(keda)))
    settings = settings.over(inputs.config.keda)
    name = scaled_object_name(metadata.name)
    if (SCALED_OBJECT_KIND, name) in inputs.taken:
        name = scaled_object_name(metadata.name, taken=True)
    # Those of a Deployment that select its pods and that schedulers read are not on it.
    labels = {key: value for key, value in metadata.common.items() if key != _NEVER_LABEL}
    return {
        "apiVersion": KEDA_API_VERSION,
        "kind": SCALED_OBJECT_KIND,
        "metadata": metadata.object(name, labels=labels),
        "spec": {
            "scaleTargetRef": {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "name": metadata.name,
            },
            **_tuning(metadata, component, low, settings),
            "minReplicaCount": low,
            "maxReplicaCount": bounds[1],
            "triggers": [_trigger(metadata, component, service.metadata.name, settings)],
        },
    }


def _trigger(
    metadata: ComponentMetadata, component: Component, service: str, own: KedaSettings
) -> dict[str, Any]:
    notes = metadata.annotations
    query, metric = _query(metadata, component, service, own)
    told = {
        "serverAddress": notes.get(
            names.ANNOTATION_KEDA_SERVER_ADDRESS, own.prom_server_address or _SERVER
        ),
        "query": query,
        "threshold": notes.get(
            names.ANNOTATION_KEDA_THRESHOLD, own.scaling_threshold or _THRESHOLD
        ),
        "operator": notes.get(names.ANNOTATION_KEDA_OPERATOR, own.scaling_operator or _OPERATOR),
        "metricName": metric,
    }
    if names.ANNOTATION_KEDA_ACTIVATION in notes:
        told["activationThreshold"] = notes[names.ANNOTATION_KEDA_ACTIVATION]
    trigger: dict[str, Any] = {"type": "prometheus", "metadata": told}
    if own.authentication_name:
        trigger["authenticationRef"] = {
            "name": own.authentication_name,
            "kind": own.authentication_kind or "TriggerAuthentication",
        }
        if own.auth_modes:
            told["authModes"] = own.auth_modes
    return trigger


def _query(
    metadata: ComponentMetadata, component: Component, service: str, own: KedaSettings
) -> tuple[str, str]:
    """The query and the name of what it measures."""
    notes = metadata.annotations
    metric = str(component.merged.get("scaleMetric") or _METRIC)
    if names.ANNOTATION_KEDA_QUERY in notes:
        return notes[names.ANNOTATION_KEDA_QUERY], metric
    chosen = notes.get(names.ANNOTATION_KEDA_METRIC)
    if chosen is not None:
        if chosen not in KNOWN_METRICS:
            raise RenderError(
                component.name,
                f"annotation {names.ANNOTATION_KEDA_METRIC} is {chosen!r}; known are"
                f" {', '.join(KNOWN_METRICS)}. For others write a query in annotation"
                f" {names.ANNOTATION_KEDA_QUERY}",
            )
        return f'sum({chosen}{{ome_io_inferenceservice="{service}"}})', chosen
    if own.custom_prom_query:
        replaced = re.sub(
            "%[s%]", lambda found: service if found[0] == "%s" else "%", own.custom_prom_query
        )
        return replaced, metric
    selected = f'{{ome_io_inferenceservice="{service}"}}'
    return (
        f"sum(avg_over_time(vllm:avg_generation_throughput_toks_per_s{selected}[5m]) < bool 10)"
        f" * sum(rate(vllm:request_success_total{selected}[1m]) > bool 0.50)",
        metric,
    )


def _tuning(
    metadata: ComponentMetadata, component: Component, low: int, own: KedaSettings
) -> dict[str, Any]:
    """What annotations say of pace, idling and a blind scaler."""
    spec: dict[str, Any] = {}
    for annotation, name in (
        (names.ANNOTATION_KEDA_POLLING, "pollingInterval"),
        (names.ANNOTATION_KEDA_COOLDOWN, "cooldownPeriod"),
    ):
        value = _number(metadata, component, annotation)
        if value is not None:
            spec[name] = value
    idle = _number(metadata, component, names.ANNOTATION_KEDA_IDLE_REPLICAS)
    if idle is not None:
        _check_idle(metadata, component, low, own)
        spec["idleReplicaCount"] = idle
    replicas = _number(metadata, component, names.ANNOTATION_KEDA_FALLBACK_REPLICAS)
    failures = _number(metadata, component, names.ANNOTATION_KEDA_FALLBACK_FAILURES)
    if replicas is not None:
        spec["fallback"] = {"failureThreshold": failures or 3, "replicas": replicas}
    elif failures is not None:
        raise RenderError(
            component.name,
            f"annotation {names.ANNOTATION_KEDA_FALLBACK_FAILURES} does nothing alone; add"
            f" {names.ANNOTATION_KEDA_FALLBACK_REPLICAS} with the replicas to run meanwhile",
        )
    return spec


def _number(metadata: ComponentMetadata, component: Component, annotation: str) -> int | None:
    text = metadata.annotations.get(annotation)
    if text is None:
        return None
    if not _WHOLE.fullmatch(text):
        raise RenderError(
            component.name, f"annotation {annotation} is {text!r}; write a whole number"
        )
    return int(text)


def _check_idle(
    metadata: ComponentMetadata, component: Component, low: int, own: KedaSettings
) -> None:
    annotation, notes = names.ANNOTATION_KEDA_IDLE_REPLICAS, metadata.annotations
    if int(notes[annotation]) >= low:
        raise RenderError(
            component.name,
            f"annotation {annotation} is {notes[annotation]}; write 0: it must be below minReplicas"
            f" {low}, and the HPA that KEDA makes allows nothing else",
        )
    of_pods = names.ANNOTATION_KEDA_METRIC in notes or not own.custom_prom_query
    if names.ANNOTATION_KEDA_QUERY not in notes and of_pods:
        raise RenderError(
            component.name,
            f"annotation {annotation} needs a query that sees requests while no pod runs: the"
            " metrics of the pods are gone then, and the component would never come back. Write one"
            f" in annotation {names.ANNOTATION_KEDA_QUERY}",
        )
