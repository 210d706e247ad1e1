"""A steady cluster sees no write, a child edited by hand is mended at once."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from tests.e2e.harness import (
    HERE,
    agents,
    audit,
    condition,
    eventually,
    get,
    kubectl,
    manager,
    writes,
)

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.control_plane, pytest.mark.timeout(400)]

SERVICE = (HERE / "service.yaml").read_text()
QUIET_SECONDS = int(os.environ.get("OME_QUIET_SECONDS", "90"))


def manifests(namespace: str) -> str:
    good = SERVICE.replace("namespace: demo", f"namespace: {namespace}")
    bad = good.replace("name: chat", "name: broken").replace("llama-3-8b", "no-such-model")
    return f"{good}---\n{bad}"


def test_no_write_in_a_steady_cluster_and_a_hand_edit_is_mended(
    tmp_path: Path, namespace: str
) -> None:
    log = tmp_path / "manager.log"
    with agents(tmp_path / "agents.log", namespace, "--download-seconds=0.5"):
        with manager(log, namespace):
            kubectl("apply", "-f", str(HERE / "first.yaml"))
            kubectl("apply", "-f", "-", stdin=manifests(namespace))
            eventually(lambda: condition("chat", "Ready", namespace).get("status") == "True", 60)
            failed = eventually(lambda: condition("broken", "EngineReady", namespace))
            assert failed["reason"] == "ModelReconcileError"
            time.sleep(3)
            begin = time.time()
            kubectl("apply", "-f", str(HERE / "first.yaml"))
            kubectl("apply", "-f", "-", stdin=manifests(namespace))
            time.sleep(2)
        with manager(log, namespace):
            time.sleep(QUIET_SECONDS)
            seen = audit(begin)
            assert seen, "the manager made no request at all"
            assert writes(seen) == []

            kubectl(
                "patch", "service", "chat-engine", "-n", namespace, "--type=json",
                '--patch=[{"op":"replace","path":"/spec/ports/0/port","value":9999}]',
            )  # fmt: skip
            started = time.monotonic()
            eventually(lambda: _ports(namespace) == [8080], 5, every=0.05)
            assert time.monotonic() - started < 2
        kubectl("delete", "inferenceservice", "--all", "-n", namespace, "--wait=false")
        with manager(log, namespace):
            kubectl("delete", "-f", str(HERE / "first.yaml"), "--timeout=60s")


def _ports(namespace: str) -> list[int]:
    service = get("service", "chat-engine", namespace)
    return [port["port"] for port in service["spec"]["ports"]] if service else []
