"""Fine-tuned weights of a service: beside its model, and in the place of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest

from ome.controllers.resources import FINE_TUNED_WEIGHTS
from ome.kube.resource import ObjectKey
from ome.kube.resources import DEPLOYMENTS
from tests.controllers.inferenceservice.world import (
    ENGINE,
    available,
    condition,
    edit,
    found,
    local,
    model,
    play,
    runtime,
    service,
    status,
    weight,
)

if TYPE_CHECKING:
    from tests.support.fake_cluster import FakeCluster

OF_WEIGHT = {"name": "w", "kind": "FineTunedWeight"}


@pytest.mark.parametrize(
    "named", [{"name": "m", "fineTunedWeights": ["w"]}, {"name": "w", "kind": "FineTunedWeight"}]
)
def test_a_service_waits_for_its_weight_and_follows_it(named: dict[str, Any]) -> None:
    async def body(cluster: FakeCluster) -> None:
        def failure() -> str:
            return str(status(cluster)["modelStatus"]["lastFailureInfo"]["reason"])

        assert "No FineTunedWeight with the name: w" in condition(cluster, "EngineReady")["message"]
        assert failure() == "FineTunedWeightsNotFound"
        cluster.put(weight(disabled=True))
        await anyio.sleep(1)
        assert failure() == "FineTunedWeightsDisabled"
        cluster.put(weight())
        await anyio.sleep(1)
        template = found(cluster, DEPLOYMENTS, ENGINE)["spec"]["template"]["metadata"]
        assert template["annotations"]["ome.io/inject-fine-tuned-adapter"] == "w"
        assert template["labels"]["base-model-name"] == "m"

    play(body, service(model=named))


def test_several_adapters_come_and_go() -> None:
    def engine(cluster: FakeCluster) -> tuple[str, list[str]]:
        template = found(cluster, DEPLOYMENTS, ENGINE)["spec"]["template"]
        named = template["metadata"]["annotations"].get("ome.io/inject-fine-tuned-adapter", "")
        return named, template["spec"]["containers"][0].get("args") or []

    async def body(cluster: FakeCluster) -> None:
        two = {"name": "m", "fineTunedWeights": ["w", "x"]}
        edit(cluster, model=two)
        await anyio.sleep(1)
        assert "No FineTunedWeight with the name: x" in condition(cluster, "EngineReady")["message"]
        assert engine(cluster) == ("", [])  # what serves goes on
        cluster.put(weight("x"))
        await anyio.sleep(1)
        pairs = ["w=/opt/ml/adapters/w", "x=/opt/ml/adapters/x"]
        assert engine(cluster) == ("w,x", ["--lora-modules", *pairs, "--enable-lora"])
        available(cluster)
        await anyio.sleep(1)
        cluster.remove(FINE_TUNED_WEIGHTS, ObjectKey("", "x"))
        await anyio.sleep(1)
        assert "No FineTunedWeight with the name: x" in condition(cluster, "EngineReady")["message"]
        assert engine(cluster)[0] == "w,x"
        edit(cluster, model={"name": "m", "fineTunedWeights": ["w"]})
        await anyio.sleep(1)
        assert engine(cluster) == ("w", [])
        cluster.put(weight("x", configuration={"merged_weights": True}))
        edit(cluster, model=two)
        await anyio.sleep(1)
        told = condition(cluster, "EngineReady")["message"]
        assert "FineTunedWeight x holds merged weights" in told
        assert engine(cluster) == ("w", [])
        edit(cluster, model={"name": "m"})
        await anyio.sleep(1)
        assert engine(cluster) == ("", [])
        assert condition(cluster, "EngineReady")["reason"] != "ModelReconcileError"

    vllm = runtime(image="vllm/vllm-openai:v0.11.0")
    play(body, vllm, service(), weight())


def nodes(cluster: FakeCluster) -> dict[str, str]:
    template = found(cluster, DEPLOYMENTS, ENGINE)["spec"]["template"]
    wanted: dict[str, str] = template["spec"]["nodeSelector"]
    return wanted


def test_the_base_model_of_a_weight_is_the_same_in_every_namespace() -> None:
    shared = {"models.ome.io/clusterbasemodel.m": "Ready"}
    elsewhere = {"models.ome.io/models.basemodel.m": "Ready"}

    async def body(cluster: FakeCluster) -> None:
        assert nodes(cluster) == shared
        cluster.put(weight(baseModelRef={"name": "m", "namespace": "models"}))
        available(cluster)
        await anyio.sleep(60)
        assert nodes(cluster) == elsewhere

    lures = [local(namespace) for namespace in ("demo", "models")]
    play(body, *lures, weight(), service(model=OF_WEIGHT))


@pytest.mark.parametrize(
    ("reference", "sought", "lure", "wanted"),
    [
        ({"name": "n"}, "ClusterBaseModel with the name: n, of", local("demo", "n"), model("n")),
        (
            {"name": "n", "namespace": "models"},
            "BaseModel with the name: n in namespace models, of",
            model("n"),
            local("models", "n"),
        ),
    ],
)
def test_a_service_waits_for_the_base_model_of_its_weight(
    reference: dict[str, str], sought: str, lure: dict[str, Any], wanted: dict[str, Any]
) -> None:
    async def body(cluster: FakeCluster) -> None:
        for item in (None, lure):
            if item is not None:
                cluster.put(item)
                await anyio.sleep(1)
            told = condition(cluster, "EngineReady")["message"]
            assert f"No {sought} which FineTunedWeight w was made" in told
        cluster.put(wanted)
        await anyio.sleep(1)
        assert nodes(cluster)

    play(body, weight(baseModelRef=reference), service(model=OF_WEIGHT))
