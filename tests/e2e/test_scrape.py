"""Debian's Prometheus scrapes a running manager."""

from __future__ import annotations

import json
import shutil
import subprocess
import urllib.request
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
import yaml

from tests.e2e.harness import eventually, free_port, manager

if TYPE_CHECKING:
    from pathlib import Path

needs_prometheus = pytest.mark.skipif(
    not shutil.which("prometheus"), reason="no prometheus: it is in Debian's package prometheus"
)


@needs_prometheus
@pytest.mark.cluster
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_prometheus_scrapes_a_manager(namespace: str, tmp_path: Path) -> None:
    port, own = free_port(), free_port()
    config = tmp_path / "prometheus.yaml"
    scrape = {
        "job_name": "ome",
        "scrape_interval": "1s",
        "static_configs": [{"targets": [f"127.0.0.1:{port}"]}],
    }
    config.write_text(yaml.safe_dump({"scrape_configs": [scrape], "rule_files": []}))
    words = [
        "prometheus",
        f"--config.file={config}",
        f"--storage.tsdb.path={tmp_path / 'data'}",
        f"--web.listen-address=127.0.0.1:{own}",
    ]

    def ask(expression: str) -> list[dict[str, Any]]:
        query = urlencode({"query": expression})
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{own}/api/v1/query?{query}") as answer:
                found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
                return found
        except OSError:
            return []

    with (tmp_path / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(words, stdout=log, stderr=log)
        try:
            with manager(tmp_path / "manager.log", namespace, f"127.0.0.1:{port}"):
                eventually(lambda: ask("ome_build_info"))
                eventually(lambda: ask("ome_cache_objects"))
                (up,) = ask("up")
                assert up["value"][1] == "1"
                eventually(lambda: ask("workqueue_depth{name='inferenceservice'}"))
        finally:
            process.terminate()
            process.wait(20)
