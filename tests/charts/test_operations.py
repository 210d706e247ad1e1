"""Alerts, dashboard and their page agree with each other and with what is measured."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from unittest.mock import MagicMock

import yaml

from hack.generated_charts.files import ROOT
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
PREFIXES = (
    "certwatcher|controller_runtime|leader_election|ome|process|rest_client|workqueue"  # ours
)
SERIES = re.compile(rf"\b(?:{PREFIXES})_[a-z_]+\b")


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
    found = set()
    for family in measured_registry().collect():
        name = f"{family.name}_total" if family.type == "counter" else family.name
        found.add(name)
        if family.type == "histogram":
            found |= {f"{name}_{end}" for end in ("bucket", "sum", "count")}
    return found


def test_every_alert_has_its_page_in_order() -> None:
    headings = re.findall(r"^### (\w+)$", PAGE, re.MULTILINE)
    assert headings == [rule["alert"] for rule in ALERTS]


def test_alerts_say_what_and_how_bad() -> None:
    for rule in ALERTS:
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert {"summary", "description"} == rule["annotations"].keys()


def test_alerts_dashboard_and_page_speak_of_series_that_exist() -> None:
    dashboard = json.loads((CHART / "dashboard.json").read_text())
    asked = [rule["expr"] for rule in ALERTS]
    asked += [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    asked += re.findall(r"`(ome_[a-z_]+)`", PAGE)
    for text in asked:
        # A label's value may look like a series.
        for name in SERIES.findall(re.sub(r'"[^"]*"', "", text)):
            assert name in measured(), text


def test_every_series_of_ours_is_on_the_page() -> None:
    listed = set(re.findall(r"`(ome_[a-z_]+)`", PAGE))
    ours = {name for name in measured() if name.startswith("ome_")}
    assert {re.sub(r"_(bucket|sum|count)$", "", name) for name in ours} == listed
