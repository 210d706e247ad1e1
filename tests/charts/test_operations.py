"""Alerts, dashboard and their page agree with each other and with what is measured."""

from __future__ import annotations

import inspect
import json
import random
import re
from typing import TYPE_CHECKING, Any
from unittest.mock import MagicMock

import yaml

from hack.generated_charts.files import ROOT
from ome.agent.metrics import AgentMetrics
from ome.agent.retries import pause_after
from ome.controllers.basemodel.measures import ModelNodes
from ome.controllers.basemodel.reports import NodeReports
from ome.controllers.census import take_census
from ome.controllers.inferenceservice.measures import Measures
from ome.informers.metrics import PrometheusInformerMetrics
from ome.reconciler.controller import Controller
from ome.storage.errors import Gated
from ome.telemetry.metrics import Metrics
from ome.webhooks.metrics import WebhookMetrics

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

CHART = ROOT / "charts/ome-resources/files"
PAGE = (ROOT / "docs/operations.md").read_text()
ALERTS = [
    rule
    for group in yaml.safe_load((CHART / "alerts.yaml").read_text())["groups"]
    for rule in group["rules"]
]
DASHBOARDS = [
    json.loads((CHART / name).read_text()) for name in ("dashboard.json", "services-dashboard.json")
]
_NO_SERIES = re.compile(
    r'"[^"]*"'  # a label's value may look like a series
    r"|\{[^}]*\}|\[[^\]]*\]|\b(?:by|without|on|ignoring) *\([^)]*\)"
)
_WORDS = re.compile(r"[a-zA-Z_:][\w:]*(?! *\()\b")
_OPERATORS = {"and", "or", "unless", "by"}
_SCRAPED_EVERY = 30
"""Seconds, by the chart's values."""
_SCRAPED = {"up"}
"""What Prometheus itself says of each target."""


def measured_registry() -> CollectorRegistry:
    """Everything that a manager measures."""
    metrics = Metrics()
    WebhookMetrics(metrics.registry)
    PrometheusInformerMetrics(metrics.registry)
    take_census(MagicMock(), metrics.registry)
    Measures(metrics.registry)
    metrics.registry.register(ModelNodes(NodeReports()))
    return metrics.registry


def measured() -> set[str]:
    """The series of managers and agents."""
    found = set()
    registries = (measured_registry(), AgentMetrics().registry)
    for family in (family for registry in registries for family in registry.collect()):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        found.add(name)
        if family.type == "histogram":
            found |= {f"{name}_{end}" for end in ("bucket", "sum", "count")}
    return found


def series(expression: str) -> set[str]:
    """The series that an expression asks for."""
    bare = _NO_SERIES.sub("", _NO_SERIES.sub("", expression))
    return set(_WORDS.findall(bare)) - _OPERATORS


def test_series_are_found_in_an_expression() -> None:
    text = 'sum by (a, le) (rate(x_total{n="y_z"}[5m])) > 2 and on (b) c_d - time() < 7 * 24'
    assert series(text) == {"x_total", "c_d"}


def test_every_alert_has_its_page_in_order() -> None:
    headings = re.findall(r"^### (\w+)$", PAGE, re.MULTILINE)
    assert headings == [rule["alert"] for rule in ALERTS]


def test_alerts_say_what_and_how_bad() -> None:
    for rule in ALERTS:
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert {"summary", "description"} == rule["annotations"].keys()


def alert(name: str) -> Any:
    """One alert."""
    return next(rule for rule in ALERTS if rule["alert"] == name)


def test_a_pass_that_hangs_is_told_before_its_time_is_over() -> None:
    # Passes end after a time, so the series never says more than that.
    longest = inspect.signature(Controller.__init__).parameters["timeout"].default
    (threshold,) = re.findall(r"> (\d+)$", alert("OmeQueueStuck")["expr"])
    assert float(threshold) <= longest - _SCRAPED_EVERY


def test_a_model_that_fails_on_one_node_alone_is_told_of() -> None:
    rng = random.Random(1)
    slowest = max(pause_after(99, Gated("x"), rng) for _ in range(500)) / 60
    expression = alert("OmeDownloadsFail")["expr"]
    (window, least), (recent, none) = re.findall(r"\[(\d+)m\]\)\) > (\d+)", expression)
    assert int(window) > (int(least) + 1) * slowest
    assert (int(recent) > slowest, none) == (True, "0")


def test_a_service_that_never_gets_ready_is_told_of_whatever_its_condition_says() -> None:
    # Replicas each count all services; what one of them counts is added up.
    expression = alert("OmeServicesNotReady")["expr"]
    assert 'ome_inferenceservices{ready!="True"}' in expression
    assert "max by (namespace) (sum by (namespace, pod)" in expression


def test_a_request_that_is_forbidden_is_not_always_the_roles_fault() -> None:
    page = PAGE.split("### OmeApiRequestsForbidden")[1].split("###")[0]
    for text in (alert("OmeApiRequestsForbidden")["annotations"]["description"], page):
        assert "role" in text
        assert "quota" in text
        assert "policy" in text


def test_models_of_one_name_are_told_apart_by_their_namespace() -> None:
    # Prometheus keeps the label namespace for the target's own.
    rule = alert("OmeDownloadsFail")
    assert rule["expr"].count("exported_namespace") == rule["expr"].count("sum by")
    assert "exported_namespace" in rule["annotations"]["summary"]


def test_alerts_dashboard_and_page_speak_of_series_that_exist() -> None:
    panels = [panel for dashboard in DASHBOARDS for panel in dashboard["panels"]]
    asked = [rule["expr"] for rule in ALERTS]
    asked += [target["expr"] for panel in panels for target in panel["targets"]]
    asked += re.findall(r"`((?:ome|model_agent)_[a-z_0-9]+)`", PAGE)
    known = measured() | _SCRAPED
    for text in asked:
        assert series(text) <= known, text
        assert series(text), text


def test_every_series_of_ours_is_on_the_page() -> None:
    listed = set(re.findall(r"`((?:ome|model_agent)_[a-z_0-9]+)`", PAGE))
    ours = {name for name in measured() if name.startswith(("ome_", "model_agent_"))}
    assert {re.sub(r"_(bucket|sum|count)$", "", name) for name in ours} == listed
