"""Where a pod's metrics are: annotations for scrapers, aggregation in a Knative queue proxy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.api import names
from ome.webhooks.pod.edit import add_env, annotations_of
from ome.webhooks.registry import BadSetting

if TYPE_CHECKING:
    from ome.webhooks.registry import Lookup

__all__ = ["annotate_metrics"]

_KEY = "metricsAggregator"


def annotate_metrics(pod: dict[str, Any], lookup: Lookup) -> None:
    """Write the two metric annotations where they are missing, and what follows from them.

    A pod without a ``queue-proxy`` container is scraped at its own port: 9088 and 9091 are served
    by that proxy alone.
    """
    annotations = annotations_of(pod)
    _default(annotations, lookup, names.ANNOTATION_METRIC_AGGREGATION, "enableMetricAggregation")
    proxies = [
        item
        for item in pod["spec"].get("containers") or ()
        if item.get("name") == names.CONTAINER_QUEUE_PROXY
    ]
    port = annotations.get(names.ANNOTATION_METRICS_PORT, names.DEFAULT_METRICS_PORT)
    path = annotations.get(names.ANNOTATION_METRICS_PATH, names.DEFAULT_METRICS_PATH)
    aggregated = annotations[names.ANNOTATION_METRIC_AGGREGATION] == "true"
    if aggregated:
        for proxy in proxies:
            _aggregate(proxy, port, path)
    _default(annotations, lookup, names.ANNOTATION_PROMETHEUS_SCRAPING, "enablePrometheusScraping")
    if annotations[names.ANNOTATION_PROMETHEUS_SCRAPING] != "true":
        return
    if proxies:
        served = names.PORT_METRICS_AGGREGATE if aggregated else names.PORT_METRICS_QUEUE_PROXY
        annotations[names.ANNOTATION_PROMETHEUS_PORT] = str(served)
        annotations[names.ANNOTATION_PROMETHEUS_PATH] = names.DEFAULT_METRICS_PATH
    else:
        annotations.setdefault(names.ANNOTATION_PROMETHEUS_PORT, port)
        annotations.setdefault(names.ANNOTATION_PROMETHEUS_PATH, path)


def _default(annotations: dict[str, str], lookup: Lookup, annotation: str, member: str) -> None:
    if annotation in annotations:
        return
    value = (lookup.config(_KEY) or {}).get(member)
    if isinstance(value, bool):
        value = "true" if value else "false"
    if value is not None and not isinstance(value, str):
        raise BadSetting(_KEY, f'{member} must be "true" or "false", not {value!r}')
    annotations[annotation] = value or ""


def _aggregate(proxy: dict[str, Any], port: str, path: str) -> None:
    add_env(
        proxy,
        (
            (names.ENV_CONTAINER_METRICS_PORT, port),
            (names.ENV_CONTAINER_METRICS_PATH, path),
            (names.ENV_AGGREGATE_METRICS_PORT, str(names.PORT_METRICS_AGGREGATE)),
        ),
    )
    ports = proxy.get("ports") or []
    if all(item.get("name") != names.PORT_NAME_METRICS_AGGREGATE for item in ports):
        added = {
            "name": names.PORT_NAME_METRICS_AGGREGATE,
            "containerPort": names.PORT_METRICS_AGGREGATE,
            "protocol": "TCP",
        }
        proxy["ports"] = [*ports, added]
