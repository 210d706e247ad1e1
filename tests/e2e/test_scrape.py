"""Prometheus scrapes a running manager, and its rules can be computed from what is there."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
import yaml

from hack.control_plane import build
from tests.e2e.harness import ROOT, eventually, free_port, manager

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.cluster, pytest.mark.control_plane, pytest.mark.timeout(300)]

ALERTS = ROOT / "charts/ome-resources/files/alerts.yaml"


@pytest.fixture(scope="module")
def program() -> Path:
    """The Prometheus that is installed; else, the first time on a machine, it is built: minutes."""
    return build.ensure_prometheus("prometheus")


@dataclass
class Prometheus:
    """One that runs, by its HTTP API."""

    port: int

    def get(self, path: str, **query: str) -> dict[str, Any]:
        """The data of an answer; nothing while it does not answer."""
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urlencode(query)}"
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                found: dict[str, Any] = json.load(answer)["data"]
                return found
        except OSError:
            return {}

    def ask(self, expression: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get("query", query=expression).get("result", [])
        return found

    def rules(self) -> list[dict[str, Any]]:
        """All rules, once each was computed."""
        groups = self.get("rules").get("groups", [])
        found = [rule for group in groups for rule in group["rules"]]
        return found if all(rule["health"] != "unknown" for rule in found) else []


@contextmanager
def scraping(program: Path, folder: Path, target: int) -> Iterator[Prometheus]:
    config = folder / "prometheus.yaml"
    scrape = {
        "job_name": "ome-controller-manager-service",
        "static_configs": [{"targets": [f"127.0.0.1:{target}"]}],
    }
    often = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config.write_text(
        yaml.safe_dump({"global": often, "scrape_configs": [scrape], "rule_files": [str(ALERTS)]})
    )
    port = free_port()
    words = [
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen([program, *words], stdout=log, stderr=log)
    try:
        yield Prometheus(port)
    finally:
        process.terminate()
        process.wait(20)


def test_prometheus_scrapes_a_manager(program: Path, namespace: str, tmp_path: Path) -> None:
    target = free_port()
    with (
        scraping(program, tmp_path, target) as prometheus,
        manager(tmp_path / "manager.log", namespace, f"127.0.0.1:{target}"),
    ):
        for expression in ("ome_build_info", "ome_cache_objects"):
            eventually(lambda asked=expression: prometheus.ask(asked))  # type: ignore[misc]
        (up,) = prometheus.ask("up")
        assert up["value"][1] == "1"
        eventually(lambda: prometheus.ask("workqueue_depth{name='inferenceservice'}"))
        eventually(prometheus.rules)
        found = prometheus.rules()
    assert [(rule["name"], rule["lastError"]) for rule in found if rule["health"] != "ok"] == []
    groups = yaml.safe_load(ALERTS.read_text())["groups"]
    assert len(found) == sum(len(group["rules"]) for group in groups)
