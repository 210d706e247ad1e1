"""What the manager waits for, it says."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import yaml

from tests.e2e.harness import Process, eventually

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]


def test_credentials_that_are_not_accepted_are_named(tmp_path: Path) -> None:
    config = yaml.safe_load(Path(os.environ["KUBECONFIG"]).read_text())
    config["users"] = [{**config["users"][0], "user": {"token": "long-expired"}}]
    path, log = tmp_path / "config", tmp_path / "log"
    path.write_text(yaml.safe_dump(config))
    words = ["--health-probe-addr=0", "--metrics-bind-address=0"]
    process = Process(log, "manager", f"--kubeconfig={path}", *words)
    try:
        line = json.loads(
            eventually(
                lambda: next((x for x in log.read_text().splitlines() if "waiting" in x), None)
            )
        )
        assert "does not accept the credentials" in line["problem"]
        assert "renew the token" in line["problem"]
        assert process.running
    finally:
        assert process.stop() == 0
    assert "long-expired" not in log.read_text()
