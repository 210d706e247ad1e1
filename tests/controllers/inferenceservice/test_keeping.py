"""A model that is described better does not take the runtime away from what runs with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest

from ome.agent.protocol import Config, Entry
from ome.controllers.basemodel.backfill import backfill
from ome.controllers.resources import CLUSTER_BASE_MODELS, CLUSTER_SERVING_RUNTIMES
from ome.kube.resource import ObjectKey
from ome.kube.resources import DEPLOYMENTS, EVENTS
from tests.controllers.inferenceservice.world import (
    ENGINE,
    available,
    condition,
    found,
    image,
    model,
    new_cluster,
    operator,
    runtime,
    service,
)
from tests.support.virtual_time import run_virtual

if TYPE_CHECKING:
    from tests.support.fake_cluster import FakeCluster

MODEL = ObjectKey("", "m")
DESCRIBED = Config(
    model_architecture="LlamaForCausalLM",
    model_format={"name": "safetensors", "version": "1.0.0"},
    model_framework={"name": "transformers", "version": "4.43.1"},
)


def describe(cluster: FakeCluster, config: Config = DESCRIBED) -> None:
    """What the model controller writes once a node has read the model's files."""
    held = found(cluster, CLUSTER_BASE_MODELS, MODEL)
    annotations = held["metadata"].setdefault("annotations", {})
    filled = backfill(held["spec"], annotations, [Entry(config=config)])
    assert filled is not None
    held["spec"] |= filled.spec(held["spec"])
    annotations["ome.io/auto-filled-fields"] = filled.annotation
    cluster.put(held)


@pytest.mark.parametrize("wish", [{}, {"runtime": {"name": "r"}}])
def test_a_service_that_runs_keeps_its_runtime(wish: dict[str, Any]) -> None:
    async def main() -> None:
        cluster = new_cluster()
        for item in (model(), runtime(), service(**wish)):
            cluster.put(item)
        async with operator(cluster):
            await anyio.sleep(1)
            available(cluster)
            await anyio.sleep(1)
            assert condition(cluster, "Ready")["status"] == "True"
            pods = found(cluster, DEPLOYMENTS, ENGINE)["spec"]["template"]
            describe(cluster)
            await anyio.sleep(60)
        async with operator(cluster, 2):
            await anyio.sleep(60)
            assert condition(cluster, "Ready")["status"] == "True"
            assert found(cluster, DEPLOYMENTS, ENGINE)["spec"]["template"] == pods
            assert "Warning" not in {event["type"] for event in cluster.objects(EVENTS)}
            # It still follows what its users change.
            changed = runtime(image="example.test/serve:2")
            cluster.put(changed)
            await anyio.sleep(1)
            assert image(cluster) == "example.test/serve:2"

    run_virtual(main)


def test_a_service_that_has_no_pods_yet_is_told_what_to_do() -> None:
    async def main() -> None:
        cluster = new_cluster()
        cluster.put(model())
        describe(cluster, Config(model_format={"name": "safetensors", "version": "1.0.0"}))
        for item in (runtime(), service()):
            cluster.put(item)
        async with operator(cluster):
            await anyio.sleep(1)
            message = condition(cluster, "EngineReady")["message"]
            assert (
                "r (model format 'mt:safetensors:1.0.0:transformers' not in supported formats:"
                " model has format version but runtime has no version requirement (give its entry"
                " of supportedModelFormats modelFormat.version 1.0.0))"
            ) in message
            assert cluster.objects(DEPLOYMENTS) == []
            mended = runtime()
            mended["spec"]["supportedModelFormats"][0]["modelFormat"] = {
                "name": "safetensors",
                "version": "1.0.0",
            }
            cluster.put(mended)
            await anyio.sleep(1)
            assert cluster.objects(DEPLOYMENTS) != []

    run_virtual(main)


@pytest.mark.parametrize("who", ["model", "runtime", "both"])
def test_what_users_change_still_counts(who: str) -> None:
    async def main() -> None:
        cluster = new_cluster()
        for item in (model(), runtime(), service()):
            cluster.put(item)
        async with operator(cluster):
            await anyio.sleep(1)
            available(cluster)
            if who in ("model", "both"):
                held = found(cluster, CLUSTER_BASE_MODELS, MODEL)
                held["spec"]["quantization"] = "fp8"
                cluster.put(held)
            if who in ("runtime", "both"):
                held = found(cluster, CLUSTER_SERVING_RUNTIMES, ObjectKey("", "r"))
                held["spec"]["supportedModelFormats"][0]["modelArchitecture"] = "Other"
                cluster.put(held)
            if who == "both":
                describe(cluster)
            await anyio.sleep(1)
            assert condition(cluster, "EngineReady")["reason"] == "RuntimeSelectionError"
            assert image(cluster) == "example.test/serve:1"  # what runs stays

    run_virtual(main)
