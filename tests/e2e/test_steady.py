"""A steady cluster sees no write, a child edited by hand is mended at once."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from tests import cluster
from tests.e2e.harness import (
    SERVICE,
    agents,
    apply,
    apply_first,
    audit,
    condition,
    delete_first,
    eventually,
    get,
    manager,
    writes,
)

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(900)]

NIGHT = bool(os.environ.get("OME_NIGHTLY_TESTS"))
QUIET_SECONDS = int(
    os.environ.get("OME_QUIET_SECONDS") or (300 if NIGHT else 60 if cluster.is_real() else 10)
)
"""On the real server past the minute after which it sends bookmarks; at night five of them."""
MENDED_WITHIN = 20.0
"""Seconds: on a busy machine, and long before anything that is done from time to time."""


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
            apply_first()
            apply(manifests(namespace))
            eventually(lambda: condition("chat", "Ready", namespace).get("status") == "True")
            failed = eventually(lambda: condition("broken", "EngineReady", namespace))
            assert failed["reason"] == "ModelReconcileError"
            time.sleep(3)
            begin = time.time()
            apply_first()
            apply(manifests(namespace))
            time.sleep(2)
        with manager(log, namespace):
            time.sleep(QUIET_SECONDS)
            seen = audit(begin)
            assert seen, "the manager made no request at all"
            assert writes(seen) == []

            port = {"op": "replace", "path": "/spec/ports/0/port", "value": 9999}
            cluster.patch("services", "chat-engine", namespace, [port])
            eventually(lambda: _ports(namespace) == [8080], MENDED_WITHIN, every=0.05)
        cluster.delete_collection("inferenceservices", namespace, wait=0)
        with manager(log, namespace):
            delete_first()


def _ports(namespace: str) -> list[int]:
    service = get("services", "chat-engine", namespace)
    return [port["port"] for port in service["spec"]["ports"]] if service else []
