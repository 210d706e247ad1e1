"""What a user may ask beyond the spec: to pause, to pin a runtime; old predictors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest

from ome.controllers.resources import (
    CLUSTER_BASE_MODELS,
    CLUSTER_SERVING_RUNTIMES,
    INFERENCE_SERVICES,
)
from ome.kube.resource import ObjectKey
from ome.kube.resources import CONFIGMAPS, DEPLOYMENTS, EVENTS
from tests.controllers.inferenceservice.world import (
    ENGINE,
    SERVICE,
    annotate,
    available,
    condition,
    edit,
    found,
    image,
    model,
    new_cluster,
    new_image,
    operator,
    play,
    runtime,
    service,
    status,
    weight,
)
from tests.support.virtual_time import run_virtual

if TYPE_CHECKING:
    from tests.support.fake_cluster import FakeCluster

PIN = ObjectKey("demo", "pinned-runtime-chat")


def test_a_paused_service_is_left_alone_and_says_so() -> None:
    async def body(cluster: FakeCluster) -> None:
        available(cluster)
        await anyio.sleep(1)
        annotate(cluster, paused="true")
        await anyio.sleep(1)
        assert condition(cluster, "Paused")["status"] == "True"
        assert condition(cluster, "Ready")["status"] == "True"
        edit(cluster, engine={"minReplicas": 1, "runner": {"name": "x", "image": "other:1"}})
        cluster.remove(DEPLOYMENTS, ENGINE)
        await anyio.sleep(60)
        assert cluster.object(DEPLOYMENTS, ENGINE) is None
        assert condition(cluster, "EngineReady")["status"] == "False"
        assert status(cluster)["observedGeneration"] == 1
        annotate(cluster, paused=None)
        await anyio.sleep(1)
        assert cluster.object(DEPLOYMENTS, ENGINE) is not None
        assert condition(cluster, "Paused") == {}
        assert status(cluster)["observedGeneration"] == 2

    play(body, service())


def test_a_pinned_service_keeps_its_runtime_and_takes_its_turn_when_it_is_freed() -> None:
    async def body(cluster: FakeCluster) -> None:
        available(cluster)
        annotate(cluster, pin_runtime="true")
        await anyio.sleep(1)
        assert cluster.object(CONFIGMAPS, PIN) is not None
        new_image(cluster, "example.test/serve:2")
        edit(cluster, engine={"minReplicas": 1, "maxReplicas": 4})
        await anyio.sleep(60)
        assert image(cluster) == "example.test/serve:1"
        cluster.remove(CLUSTER_SERVING_RUNTIMES, ObjectKey("", "r"))
        await anyio.sleep(60)
        assert condition(cluster, "Ready")["status"] == "True"
        cluster.put(runtime(image="example.test/serve:3"))
        annotate(cluster, pin_runtime=None)
        await anyio.sleep(1)
        assert image(cluster) == "example.test/serve:3"
        assert cluster.object(CONFIGMAPS, PIN) is None

    play(body, service())


@pytest.mark.parametrize(
    "record",
    ["[" * 5000, "7", '{"name": 7, "namespace": [], "model": "m", "spec": {}}', '{"name": "r"}'],
)
def test_a_record_that_somebody_spoiled_is_written_anew(record: str) -> None:
    async def body(cluster: FakeCluster) -> None:
        available(cluster)
        annotate(cluster, pin_runtime="true")
        await anyio.sleep(1)
        held = found(cluster, CONFIGMAPS, PIN)
        cluster.put({**held, "data": dict.fromkeys(held["data"], record)})
        edit(cluster, engine={"minReplicas": 1, "maxReplicas": 4})
        await anyio.sleep(60)
        assert found(cluster, CONFIGMAPS, PIN)["data"] == held["data"]
        assert status(cluster)["observedGeneration"] == 2

    play(body, service())


def test_what_agents_find_out_about_a_model_replaces_no_pods() -> None:
    async def body(cluster: FakeCluster) -> None:
        available(cluster)
        await anyio.sleep(1)
        before = found(cluster, DEPLOYMENTS, ENGINE)
        held = found(cluster, CLUSTER_BASE_MODELS, ObjectKey("", "m"))
        cluster.put({**held, "spec": {**held["spec"], "vendor": "qwen"}})
        await anyio.sleep(60)
        now = found(cluster, DEPLOYMENTS, ENGINE)
        assert now["spec"]["template"] == before["spec"]["template"]
        new_image(cluster, "example.test/serve:2")
        await anyio.sleep(60)
        metadata = found(cluster, DEPLOYMENTS, ENGINE)["spec"]["template"]["metadata"]
        assert metadata["labels"]["base-model-vendor"] == "qwen"

    play(body, service())


@pytest.mark.parametrize("weights", [[], ["w"]], ids=["the model", "an adapter over it"])
def test_no_pod_is_made_before_it_is_known_where_its_model_will_be(weights: list[str]) -> None:
    async def body(cluster: FakeCluster) -> None:
        assert cluster.object(DEPLOYMENTS, ENGINE) is None
        waits = condition(cluster, "EngineReady")
        assert (waits["status"], waits["reason"]) == ("False", "WaitingForModel")
        assert cluster.objects(EVENTS) == []
        held = found(cluster, CLUSTER_BASE_MODELS, ObjectKey("", "m"))
        held["spec"]["storage"]["path"] = "/raid/m"
        cluster.put(held)
        await anyio.sleep(1)
        assert cluster.object(DEPLOYMENTS, ENGINE) is not None
        assert condition(cluster, "EngineReady")["reason"] == "Initializing"

    play(
        body,
        model(storage={"storageUri": "hf://example/m"}),
        weight(),
        service(model={"name": "m", "fineTunedWeights": weights}),
    )


def test_pods_of_merged_weights_wait_for_no_model() -> None:
    async def body(cluster: FakeCluster) -> None:
        assert cluster.object(DEPLOYMENTS, ENGINE) is not None

    play(
        body,
        model(storage={"storageUri": "hf://example/m"}),
        weight(configuration={"merged_weights": True}),
        service(model={"name": "m", "fineTunedWeights": ["w"]}),
    )


def test_what_a_shared_runtime_no_longer_has_waits_for_its_turn_too() -> None:
    async def body(cluster: FakeCluster) -> None:
        other = ObjectKey("demo", "other-engine")
        for key in (ENGINE, other):
            available(cluster, key)
        await anyio.sleep(1)
        held = found(cluster, CLUSTER_SERVING_RUNTIMES, ObjectKey("", "r"))
        cluster.put({**held, "spec": runtime()["spec"]})
        await anyio.sleep(1)
        rolled = [key for key in (ENGINE, other) if not _shares_processes(cluster, key)]
        assert len(rolled) == 1, "one service at a time"
        for _ in range(2):
            for key in (ENGINE, other):
                available(cluster, key)
            await anyio.sleep(60)
        assert not _shares_processes(cluster, ENGINE)
        assert not _shares_processes(cluster, other)

    shares = runtime()
    shares["spec"]["engineConfig"]["shareProcessNamespace"] = True
    play(body, shares, service(), service("other"))


def _shares_processes(cluster: FakeCluster, key: ObjectKey) -> bool:
    return "shareProcessNamespace" in found(cluster, DEPLOYMENTS, key)["spec"]["template"]["spec"]


def test_a_roll_out_is_not_ready_until_the_newest_revision_serves() -> None:
    async def body(cluster: FakeCluster) -> None:
        available(cluster)
        await anyio.sleep(1)
        assert condition(cluster, "Ready")["status"] == "True"
        new_image(cluster, "example.test/serve:2")
        await anyio.sleep(1)
        ready = condition(cluster, "Ready")
        assert (ready["status"], ready["reason"]) == ("Unknown", "RolloutInProgress")
        available(cluster, rolling=True)
        await anyio.sleep(1)
        assert condition(cluster, "Ready")["status"] == "Unknown"
        available(cluster)
        await anyio.sleep(1)
        assert condition(cluster, "Ready")["status"] == "True"
        said = [document["reason"] for document in cluster.objects(EVENTS)]
        assert "InferenceServiceNotReady" not in said

    play(body, service())


def test_an_autoscaler_at_work_is_no_roll_out() -> None:
    async def body(cluster: FakeCluster) -> None:
        available(cluster)
        await anyio.sleep(1)
        before = len(cluster.writes)
        held = found(cluster, DEPLOYMENTS, ENGINE)
        held["spec"]["replicas"] = 3
        cluster.put(held)  # the Deployment's controller has not looked yet
        await anyio.sleep(1)
        assert cluster.writes[before:] == []
        assert condition(cluster, "Ready")["status"] == "True"

    play(body, service())


def predictor(name: str = "m") -> dict[str, Any]:
    held = service()
    runner = {"name": "ome-container", "image": "example.test/old:1"}
    spec = {"predictor": {"model": {"baseModel": name, "runtime": "r"}, "containers": [runner]}}
    return {**held, "spec": spec}


def test_a_predictor_that_admission_never_saw_is_migrated() -> None:
    async def body(cluster: FakeCluster) -> None:
        held = found(cluster, INFERENCE_SERVICES, SERVICE)
        assert held["spec"]["model"]["name"] == "m"
        assert held["spec"]["runtime"]["name"] == "r"
        assert held["spec"]["engine"]["runner"]["image"] == "example.test/old:1"
        assert "ome.io/deprecation-warning" in held["metadata"]["annotations"]
        assert image(cluster) == "example.test/old:1"

    play(body, predictor())


def test_a_predictor_without_its_model_waits_for_it() -> None:
    async def body(cluster: FakeCluster) -> None:
        assert condition(cluster, "EngineReady")["reason"] == "PredictorMigrationError"
        assert "name other" in condition(cluster, "EngineReady")["message"]
        cluster.put(model("other"))
        await anyio.sleep(1)
        assert found(cluster, INFERENCE_SERVICES, SERVICE)["spec"]["model"]["name"] == "other"

    play(body, predictor("other"))


def old_predictor(uid: str) -> dict[str, Any]:
    owner = {"apiVersion": "ome.io/v1beta1", "kind": "InferenceService", "name": "chat"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": f"predictor-{uid}",
            "namespace": "demo",
            "labels": {"component": "predictor", "ome.io/inferenceservice": "chat"},
            "ownerReferences": [{**owner, "uid": uid, "controller": True}],
        },
        "spec": {"template": {}},
    }


def test_the_old_predictor_serves_until_the_components_do() -> None:
    async def body(cluster: FakeCluster) -> None:
        uid = found(cluster, INFERENCE_SERVICES, SERVICE)["metadata"]["uid"]
        mine, other = (ObjectKey("demo", f"predictor-{owner}") for owner in (uid, "someone"))
        cluster.put(old_predictor(uid))
        cluster.put(old_predictor("someone"))
        await anyio.sleep(5)
        assert cluster.object(DEPLOYMENTS, mine) is not None
        available(cluster)
        await anyio.sleep(1)
        assert cluster.object(DEPLOYMENTS, mine) is None
        assert cluster.object(DEPLOYMENTS, other) is not None

    play(body, service())


def left_by_another(cluster: FakeCluster) -> None:
    """Make the Deployment look as an operator before us would have left it."""
    held = found(cluster, DEPLOYMENTS, ENGINE)
    ours = [name for name in held["metadata"]["annotations"] if name.startswith("ome.io/")]
    for name in ours:
        del held["metadata"]["annotations"][name]
    held["spec"]["template"]["spec"]["containers"][0]["image"] = "example.test/go:1"
    held["metadata"]["managedFields"] = []
    cluster.put(held)


@pytest.mark.parametrize("change", ["own", "shared", "asked"])
def test_pods_that_another_operator_made_stay_until_something_changes(change: str) -> None:
    async def main() -> None:
        cluster = new_cluster()
        for item in (model(), runtime(), service()):
            cluster.put(item)
        async with operator(cluster):
            await anyio.sleep(1)
        left_by_another(cluster)
        available(cluster)
        async with operator(cluster, 2):
            await anyio.sleep(60)
            held = found(cluster, DEPLOYMENTS, ENGINE)["metadata"]["annotations"]
            assert held["ome.io/rendering"] == "adopted-1"
            assert image(cluster) == "example.test/go:1"
            before = len(cluster.writes)
            await anyio.sleep(60)
            assert cluster.writes[before:] == []
        async with operator(cluster, 3):
            await anyio.sleep(60)
            assert cluster.writes[before:] == []
            if change == "own":
                edit(cluster, engine={"minReplicas": 1, "maxReplicas": 3})
            elif change == "shared":
                new_image(cluster, "example.test/serve:1b")
            else:
                annotate(cluster, upgrade_template="true")
            await anyio.sleep(60)
            assert image(cluster).startswith("example.test/serve:1")
            held = found(cluster, DEPLOYMENTS, ENGINE)["metadata"]["annotations"]
            assert held["ome.io/rendering"] == "1"

    run_virtual(main)
