"""Alerts, dashboard and their page agree with each other and with what is measured."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from unittest.mock import MagicMock

import yaml

from hack.generated_charts.files import ROOT
from ome.agent.metrics import AgentMetrics
from ome.controllers.basemodel.measures import ModelNodes
from ome.controllers.basemodel.reports import NodeReports
from ome.controllers.census import take_census
from ome.controllers.inferenceservice.measures import Measures
from ome.informers.metrics import PrometheusInformerMetrics
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
