"""A runtime that is edited replaces pods of one service after the other; a new one none at all."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests import cluster
from tests.e2e.harness import agents, apply, audit, eventually, items, manager, writes
from tests.e2e.test_selection import FORMAT, document, model

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(300)]

NAMES = ("one", "three", "two")
QUIET = 17.0
"""Seconds; an autoscaler's controller looks every 15."""
OLD, NEW = "example.test/serve:1", "example.test/serve:2"


def runtime(namespace: str, name: str, image: str, priority: int = 5) -> str:
    runner = {"name": "ome-container", "image": image, "ports": [{"containerPort": 8080}]}
    return document(
        "ServingRuntime",
        name,
        namespace,
        supportedModelFormats=[{**FORMAT, "autoSelect": True, "priority": priority}],
        protocolVersions=["openAI"],
        engineConfig={"runner": runner},
    )


@contextmanager
def services(folder: Path, namespace: str) -> Iterator[None]:
    """Three services of one runtime, Ready."""
    with (
        manager(folder / "manager.log", namespace),
        agents(folder / "agents.log", namespace, "--download-seconds=0.2"),
    ):
        apply(model(namespace))
        apply(runtime(namespace, "shared", OLD))
        for name in NAMES:
            spec: dict[str, Any] = {"model": {"name": "late"}, "engine": {"minReplicas": 2}}
            apply(document("InferenceService", name, namespace, **spec))
        for name in NAMES:
            cluster.wait_ready("inferenceservices", name, namespace)
        try:
            yield
        finally:
            for name in NAMES:
                cluster.delete("inferenceservices", name, namespace)
            cluster.delete("basemodels", "late", namespace)


def changed(namespace: str) -> dict[str, bool]:
    """The Deployments that have the new image, at one moment, and whether all their pods do."""
    found = {}
    for item in items("deployments", namespace):
        spec, status = item["spec"], item.get("status") or {}
        if spec["template"]["spec"]["containers"][0]["image"] == NEW:
            counts = {status.get(f"{what}eplicas") for what in ("r", "updatedR", "availableR")}
            seen = status.get("observedGeneration") == item["metadata"]["generation"]
            found[item["metadata"]["name"]] = seen and counts == {spec["replicas"]}
    return found


def written(since: float, namespace: str) -> list[str]:
    """What the operator wrote there, but for what it says of runtimes."""
    place = f"/namespaces/{namespace}/"
    found = [line for line in writes(audit(since)) if place in line]
    return [line for line in found if "/servingruntimes/" not in line]


def told(namespace: str) -> list[str]:
    """The services that an event tells of."""
    return sorted(
        event["involvedObject"]["name"]
        for event in items("events", namespace)
        if event["reason"] == "TemplateChanged"
    )


def test_one_service_after_the_other_and_a_new_runtime_none(tmp_path: Path, namespace: str) -> None:
    with services(tmp_path, namespace):
        # Whatever makes a service look again has it choose again, so all must be quiet.
        eventually(lambda: not written(time.time() - QUIET, namespace), every=1)
        since = time.time()
        apply(runtime(namespace, "better", NEW, priority=9))
        apply(runtime(namespace, "shared", OLD, priority=1))
        time.sleep(5)
        assert written(since, namespace) == []
        cluster.delete("servingruntimes", "better", namespace)
        apply(runtime(namespace, "shared", NEW))
        seen: list[dict[str, bool]] = []

        def everybody() -> bool:
            seen.append(changed(namespace))
            return len(seen[-1]) == len(NAMES) and all(seen[-1].values())

        eventually(everybody, every=0.02)
        assert max(list(moment.values()).count(False) for moment in seen) == 1
        eventually(lambda: told(namespace) == list(NAMES))
