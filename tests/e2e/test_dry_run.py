"""A manager with --dry-run beside nobody, and beside one at work: it says, and changes nothing."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from tests import cluster
from tests.e2e.harness import (
    HERE,
    SERVICE,
    Process,
    agents,
    apply,
    apply_first,
    audit,
    delete_first,
    eventually,
    get,
    items,
    manager,
    writes,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def first(namespace: str) -> Iterator[str]:
    apply((HERE / "rbac.yaml").read_text())
    apply_first()
    apply(SERVICE.replace("namespace: demo", f"namespace: {namespace}"))
    yield namespace
    cluster.delete("inferenceservices", "chat", namespace, wait=0)
    delete_first()


def rehearsed(log: Path, namespace: str) -> list[str]:
    """What a dry run says; it must end by itself."""
    words = (f"--kubeconfig={cluster.user_kubeconfig()}", f"--namespace={namespace}")
    process = Process(log, "manager", *words, "--dry-run", "--leader-elect", "--webhook")
    eventually(lambda: not process.running, 150)
    assert process.stop() == 0, process.tail()
    return [line for line in log.read_text().splitlines() if not line.startswith("{")]


def stored(namespace: str) -> list[Any]:
    """Objects with their versions."""
    found: list[Any] = [
        get("clusterbasemodels", "llama-3-8b"),
        get("inferenceservices", "chat", namespace),
    ]
    found += [items(plural, namespace) for plural in ("deployments", "services", "leases")]
    return found


def test_it_says_each_write_once_and_makes_none(tmp_path: Path, first: str) -> None:
    before, began = stored(first), time.time()
    said = rehearsed(tmp_path / "dry.log", first)
    assert stored(first) == before
    assert writes(audit(began)) == []
    assert len(set(said)) == len(said)
    assert f"would patch inferenceservices {first}/chat" in said
    assert "would patch clusterbasemodels llama-3-8b" in said
    assert said[-1].endswith(" writes, 0 refused; nothing was changed")


def test_beside_a_manager_whose_work_is_done_there_is_nothing_to_say(
    tmp_path: Path, first: str
) -> None:
    with manager(tmp_path / "manager.log", first), agents(tmp_path / "agents.log", first):
        cluster.wait_ready("inferenceservices", "chat", first, seconds=90)
        cluster.eventually(lambda: _steady(first))
        said = rehearsed(tmp_path / "dry.log", first)
        # Their finalizers are removed by the manager.
        cluster.delete("inferenceservices", "chat", first)
        delete_first()
    mine = [line for line in said if first in line or "llama-3-8b" in line]
    assert mine == []


def _steady(namespace: str) -> bool:
    before = stored(namespace)
    time.sleep(2)
    return stored(namespace) == before
