"""The tool of Debian's Prometheus accepts our metrics and rules."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from prometheus_client import generate_latest

from tests.charts.test_operations import CHART, measured_registry

if TYPE_CHECKING:
    from pathlib import Path

needs_promtool = pytest.mark.skipif(
    not shutil.which("promtool"), reason="no promtool: it is in Debian's package prometheus"
)


def promtool(*words: str, given: bytes = b"") -> str:
    done = subprocess.run(["promtool", *words], input=given, capture_output=True, timeout=30)
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 0, said
    return said


@needs_promtool
def test_promtool_accepts_the_rules(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text((CHART / "alerts.yaml").read_text())
    assert "SUCCESS" in promtool("check", "rules", "--lint-fatal", str(rules))


@needs_promtool
def test_promtool_accepts_the_metrics() -> None:
    promtool("check", "metrics", given=generate_latest(measured_registry()))
