"""Prometheus' own tool accepts our metrics and rules."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from prometheus_client import generate_latest

from hack.control_plane import build
from ome.agent.metrics import AgentMetrics
from tests.charts.test_operations import CHART, measured_registry

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.control_plane


@pytest.fixture(scope="module")
def promtool() -> Path:
    """The one that is installed; else, the first time on a machine, it is built: minutes."""
    return build.ensure_prometheus("promtool")


def accepted(promtool: Path, *words: str, given: bytes = b"") -> str:
    """What it says; it must not complain."""
    done = subprocess.run([promtool, *words], input=given, capture_output=True, timeout=30)
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 0, said
    return said


def test_promtool_accepts_the_rules(promtool: Path, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text((CHART / "alerts.yaml").read_text())
    assert "SUCCESS" in accepted(promtool, "check", "rules", "--lint-fatal", str(rules))


def test_promtool_accepts_the_metrics(promtool: Path) -> None:
    for registry in (measured_registry(), AgentMetrics().registry):
        accepted(promtool, "check", "metrics", given=generate_latest(registry))
