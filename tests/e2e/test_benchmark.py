"""Benchmarks, weights and models on claims with the manager's own rights."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests import cluster
from tests.controllers.benchmarkjob.world import SETTINGS
from tests.e2e.harness import apply, eventually, get, manager

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]

API = {"apiVersion": "ome.io/v1beta1"}


def state(kind: str, name: str, namespace: str = "") -> Any:
    return ((get(kind, name, namespace) or {}).get("status") or {}).get("state")


@pytest.mark.slow
def test_each_kind_has_a_status(tmp_path: Path, namespace: str) -> None:
    config = {"apiVersion": "v1", "kind": "ConfigMap"}
    for name, key, value in (
        ("benchmarkjob-config", "benchmarkjob", SETTINGS),
        ("inferenceservice-config", "modelInit", {"image": "agent:1"}),
    ):
        held = {"name": name, "namespace": namespace}
        cluster.create({**config, "metadata": held, "data": {key: json.dumps(value)}}, namespace)
    with manager(tmp_path / "manager.log", namespace):
        benchmark = {
            **API,
            "kind": "BenchmarkJob",
            "metadata": {"name": "bench", "namespace": namespace},
            "spec": {
                "endpoint": {"endpoint": {"url": "http://host", "apiFormat": "openai"}},
                "task": "text-to-text",
                "maxTimePerIteration": 1,
                "maxRequestsPerIteration": 1,
                "outputLocation": {"storageUri": "s3://bucket"},
            },
        }
        model = {
            **API,
            "kind": "BaseModel",
            "metadata": {"name": "on-claim", "namespace": namespace},
            "spec": {"storage": {"storageUri": "pvc://nowhere/a"}},
        }
        weight = {
            **API,
            "kind": "FineTunedWeight",
            "metadata": {"name": namespace},
            "spec": {
                "baseModelRef": {"name": "on-claim", "namespace": namespace},
                "modelType": "LoRA",
                "hyperParameters": {},
                "storage": {"storageUri": "oci://n/a/b/c/o/d"},
            },
        }
        for document in (benchmark, model, weight):
            apply(document)
        try:
            eventually(lambda: state("benchmarkjobs", "bench", namespace) == "Completed")
            eventually(lambda: state("basemodels", "on-claim", namespace) == "Failed")
            eventually(lambda: state("finetunedweights", namespace) == "Ready")
        finally:
            cluster.delete("finetunedweights", namespace)
            cluster.delete("benchmarkjobs", "bench", namespace)
            cluster.delete("basemodels", "on-claim", namespace)
        eventually(lambda: get("jobs", "bench", namespace) is None)
    log = (tmp_path / "manager.log").read_text()
    assert "reconcile.panic" not in log
    assert "forbidden" not in log.lower()
