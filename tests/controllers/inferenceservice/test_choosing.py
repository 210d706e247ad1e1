"""The choice of runtime and class in a cluster: what is said, who waits, who is left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest

from ome.controllers.resources import (
    ACCELERATOR_CLASSES,
    CLUSTER_SERVING_RUNTIMES,
    INFERENCE_SERVICES,
)
from ome.kube.resource import ObjectKey
from ome.kube.resources import DEPLOYMENTS, EVENTS
from tests.controllers.inferenceservice.world import (
    ENGINE,
    FORMAT,
    SERVICE,
    available,
    condition,
    found,
    image,
    model,
    new_cluster,
    operator,
    runtime,
    service,
    status,
)
from tests.support.virtual_time import run_virtual

if TYPE_CHECKING:
    from tests.support.fake_cluster import FakeCluster


def accelerator(name: str, *, gpus: str = "1", **capabilities: Any) -> dict[str, Any]:
    return {
        "apiVersion": "ome.io/v1beta1",
        "kind": "AcceleratorClass",
        "metadata": {"name": name},
        "spec": {
            "discovery": {"nodeSelector": {"gpu": name}},
            "capabilities": capabilities,
            "resources": [{"name": "nvidia.com/gpu", "quantity": gpus}],
        },
    }


def listing(*classes: str, **spec: Any) -> dict[str, Any]:
    return runtime(acceleratorRequirements={"acceleratorClasses": list(classes)}, **spec)


def entry(**changes: Any) -> dict[str, Any]:
    return {**FORMAT, "autoSelect": True, **changes}


def events(cluster: FakeCluster) -> list[tuple[str, str]]:
    return [(document["reason"], document["note"]) for document in cluster.objects(EVENTS)]


def pod(cluster: FakeCluster) -> dict[str, Any]:
    spec: dict[str, Any] = found(cluster, DEPLOYMENTS, ENGINE)["spec"]["template"]["spec"]
    return spec


def test_the_named_class_reaches_the_pods_and_the_status() -> None:
    async def main() -> None:
        cluster = new_cluster()
        config = {"h100": {"environmentOverride": {"NCCL_DEBUG": "INFO"}}}
        held = listing("h100", supportedModelFormats=[entry(acceleratorConfig=config)])
        wanted = service(acceleratorSelector={"acceleratorClass": "h100"})
        for item in (model(), held, accelerator("h100", gpus="8"), wanted):
            cluster.put(item)
        async with operator(cluster):
            await anyio.sleep(1)
        assert pod(cluster)["nodeSelector"]["gpu"] == "h100"
        container = pod(cluster)["containers"][0]
        assert container["resources"]["limits"] == {"nvidia.com/gpu": "8"}
        assert {"name": "NCCL_DEBUG", "value": "INFO"} in container["env"]
        assert status(cluster)["components"]["engine"]["selectedAccelerator"] == {
            "acceleratorClass": "h100",
            "reason": "selected by name",
            "nodeSelector": {"gpu": "h100"},
            "resourceRequests": {"nvidia.com/gpu": "8"},
        }

    run_virtual(main)


def test_a_missing_class_is_said_and_its_appearance_noticed() -> None:
    async def main() -> None:
        cluster = new_cluster()
        wanted = service()
        wanted["metadata"]["annotations"] = {"ome.io/accelerator-class": "h100"}
        for item in (model(), listing("h100"), wanted):
            cluster.put(item)
        async with operator(cluster):
            await anyio.sleep(1)
            engine = condition(cluster, "EngineReady")
            assert engine["reason"] == "AcceleratorClassError"
            assert engine["message"].startswith(
                "Failed to get accelerator class for engine: accelerator class h100 not found"
            )
            assert cluster.objects(DEPLOYMENTS) == []
            cluster.put(accelerator("h100"))
            await anyio.sleep(1)
            assert pod(cluster)["nodeSelector"]["gpu"] == "h100"
        assert [reason for reason, _ in events(cluster)] == ["AcceleratorClassError"]

    run_virtual(main)


def test_a_policy_that_nothing_satisfies_is_told_once_and_mended_later() -> None:
    async def main() -> None:
        cluster = new_cluster()
        selector = {"policy": "BestFit", "constraints": {"minMemory": 80}}
        small = accelerator("small", memoryGB="40Gi")
        for item in (
            model(),
            listing("small", "big"),
            small,
            service(acceleratorSelector=selector),
        ):
            cluster.put(item)
        for seed in (1, 2):
            async with operator(cluster, seed):
                await anyio.sleep(300)
        text = (
            "No accelerator class satisfies policy BestFit for engine: small (memory 40GB <"
            " required 80GB); big (not found at cluster scope)"
        )
        assert events(cluster) == [("AcceleratorClassError", text)]
        assert condition(cluster, "AcceleratorSelected")["message"] == text
        assert "gpu" not in pod(cluster)["nodeSelector"]
        available(cluster)
        async with operator(cluster, 3):
            await anyio.sleep(1)
            assert condition(cluster, "Ready")["status"] == "True"
            cluster.put(accelerator("big", memoryGB="80Gi"))
            await anyio.sleep(1)
            assert pod(cluster)["nodeSelector"]["gpu"] == "big"
        assert condition(cluster, "AcceleratorSelected") == {}

    run_virtual(main)


def test_a_class_that_changes_rolls_its_users_and_its_status_does_not() -> None:
    async def main() -> None:
        cluster = new_cluster()
        held = accelerator("h100")
        for item in (
            model(),
            listing("h100", "other"),
            held,
            accelerator("other", memoryGB="1"),
            service(acceleratorSelector={"policy": "FirstAvailable"}),
        ):
            cluster.put(item)
        async with operator(cluster):
            await anyio.sleep(1)
            available(cluster)
            await anyio.sleep(1)
            before = len(cluster.writes)
            live = found(cluster, ACCELERATOR_CLASSES, ObjectKey("", "h100"))
            cluster.put({**live, "status": {"availableNodes": 3}})
            live = found(cluster, ACCELERATOR_CLASSES, ObjectKey("", "other"))
            cluster.put({**live, "spec": accelerator("other", memoryGB="2")["spec"]})
            await anyio.sleep(60)
            assert len(cluster.writes) == before
            live = found(cluster, ACCELERATOR_CLASSES, ObjectKey("", "h100"))
            spec = {**live["spec"], "discovery": {"nodeSelector": {"gpu": "h100-sxm"}}}
            cluster.put({**live, "spec": spec})
            await anyio.sleep(1)
            assert pod(cluster)["nodeSelector"]["gpu"] == "h100-sxm"
        assert "TemplateChanged" in [reason for reason, _ in events(cluster)]

    run_virtual(main)


def test_five_runtimes_are_named_and_the_event_fits() -> None:
    async def main() -> None:
        cluster = new_cluster()
        cluster.put(model(modelArchitecture="Llama"))
        for number in range(9):
            formats = [entry(modelArchitecture=f"Other{number}{part}" * 20) for part in "abc"]
            cluster.put(runtime(f"r{number}", supportedModelFormats=formats))
        cluster.put(runtime("near", supportedModelFormats=[entry(modelArchitecture="Llama")]))
        live = found(cluster, CLUSTER_SERVING_RUNTIMES, ObjectKey("", "near"))
        live["spec"]["modelSizeRange"] = {"min": "1B", "max": "2B"}
        cluster.put(live)
        cluster.put(model(modelArchitecture="Llama", modelParameterSize="8B"))
        cluster.put(service())
        async with operator(cluster):
            await anyio.sleep(2)
        message = condition(cluster, "EngineReady")["message"]
        assert "near (model size 8B is outside supported range [1B, 2B]); r0 (" in message
        assert "; and 2 farther formats)" in message
        assert message.endswith("; and 5 more")
        ((reason, note),) = events(cluster)
        assert reason == "RuntimeSelectionError"
        assert len(note.encode()) <= 1024
        assert note.endswith(" more")

    run_virtual(main)


@pytest.mark.parametrize("waiting", [True, False])
def test_a_runtime_that_concerns_nobody_moves_nobody(waiting: bool) -> None:
    async def main() -> None:
        cluster = new_cluster()
        cluster.put(model(modelArchitecture="Llama"))
        for number in range(6):
            formats = [entry(modelArchitecture="Other", priority=number + 1)]
            cluster.put(runtime(f"r{number}", supportedModelFormats=formats))
        if not waiting:
            llama = runtime("llama", supportedModelFormats=[entry(modelArchitecture="Llama")])
            cluster.put(llama)
        cluster.put(service())
        async with operator(cluster):
            await anyio.sleep(1)
            if not waiting:
                available(cluster)
            await anyio.sleep(1)
            before = len(cluster.writes)
            cluster.put(runtime("zz", supportedModelFormats=[entry(modelArchitecture="Another")]))
            live = found(cluster, CLUSTER_SERVING_RUNTIMES, ObjectKey("", "r5"))
            live["spec"]["supportedModelFormats"][0]["priority"] = 99
            cluster.put(live)
            await anyio.sleep(60)
            assert len(cluster.writes) == before
            formats = [entry(modelArchitecture="Llama", quantization="fp8")]
            cluster.put(runtime("fp8", supportedModelFormats=formats))
            await anyio.sleep(1)
            if waiting:
                # Written for this model, and one thing off: the user reads of it.
                message = condition(cluster, "EngineReady")["message"]
                assert "fp8 (" in message
                assert "model has no quantization but runtime requires fp8" in message
            else:
                assert len(cluster.writes) == before

    run_virtual(main)


def test_a_runtimes_new_rank_moves_none_of_its_users() -> None:
    async def main() -> None:
        cluster = new_cluster()
        formats = [entry(priority=5)]
        for item in (model(), runtime("high", supportedModelFormats=formats), service()):
            cluster.put(item)
        cluster.put(runtime("low", image="example.test/low:1"))
        async with operator(cluster):
            await anyio.sleep(1)
            available(cluster)
            await anyio.sleep(1)
            before = len(cluster.writes)
            live = found(cluster, CLUSTER_SERVING_RUNTIMES, ObjectKey("", "high"))
            live["spec"]["supportedModelFormats"][0]["priority"] = 1
            cluster.put(live)
            low = found(cluster, CLUSTER_SERVING_RUNTIMES, ObjectKey("", "low"))
            low["spec"]["supportedModelFormats"][0]["priority"] = 9
            cluster.put(low)
            await anyio.sleep(60)
            assert len(cluster.writes) == before
            assert image(cluster) == "example.test/serve:1"

    run_virtual(main)


@pytest.mark.parametrize("order", ["model", "runtime", "class"])
def test_a_service_is_begun_within_a_second_of_the_last_thing_it_needs(order: str) -> None:
    async def main() -> None:
        cluster = new_cluster()
        needs = {"model": model(), "runtime": listing("h100"), "class": accelerator("h100")}
        last = needs.pop(order)
        cluster.put(service(acceleratorSelector={"acceleratorClass": "h100"}))
        async with operator(cluster):
            await anyio.sleep(1)
            for item in needs.values():
                cluster.put(item)
                await anyio.sleep(100)
            assert cluster.object(DEPLOYMENTS, ENGINE) is None
            cluster.put(last)
            await anyio.sleep(0.2)
            available(cluster)
            await anyio.sleep(0.2)
            assert condition(cluster, "Ready")["status"] == "True"

    run_virtual(main)


def test_a_named_runtime_that_appears_later_is_noticed() -> None:
    async def main() -> None:
        cluster = new_cluster()
        for item in (model(), service(runtime={"name": "mine"})):
            cluster.put(item)
        async with operator(cluster):
            await anyio.sleep(1)
            engine = condition(cluster, "EngineReady")
            assert engine["reason"] == "RuntimeValidationError"
            assert "runtime mine not found in namespace demo" in engine["message"]
            cluster.put(runtime("mine", supportedModelFormats=[{**FORMAT, "autoSelect": False}]))
            await anyio.sleep(0.5)
            assert condition(cluster, "EngineReady")["reason"] == "Initializing"

    run_virtual(main)


@pytest.mark.parametrize(
    ("held", "described", "failure", "step"),
    [
        (None, True, "RuntimeNotRecognized", "; create it, correct the name, or remove spec.run"),
        ({"disabled": True}, True, "RuntimeDisabled", "; enable it, name another, or remove spec."),
        (
            {"supportedModelFormats": [{"name": "onnx"}]},
            True,
            "NoSupportingRuntime",
            "; name another, or remove spec.runtime to have one chosen",
        ),
        ({}, False, "NoSupportingRuntime", "set it, or wait for an agent to read it"),
    ],
)
def test_what_to_do_about_a_named_runtime_is_said(
    held: dict[str, Any] | None, described: bool, failure: str, step: str
) -> None:
    async def main() -> None:
        cluster = new_cluster()
        plain = model()
        if not described:
            del plain["spec"]["modelFormat"]
        if held is not None:
            cluster.put(runtime("mine", **held))
        for item in (plain, service(runtime={"name": "mine"})):
            cluster.put(item)
        async with operator(cluster):
            await anyio.sleep(1)
            message = condition(cluster, "EngineReady")["message"]
            assert step in message
            assert ("spec.runtime" in message) == described
            found_failure = status(cluster)["modelStatus"]["lastFailureInfo"]["reason"]
            assert found_failure == failure

    run_virtual(main)


@pytest.mark.parametrize("moment", [0.7, 1.2, 1.7, 2.2, 2.7, 3.2])
def test_an_edit_while_objects_are_written_is_not_missed(moment: float) -> None:
    async def main() -> None:
        cluster = new_cluster()
        cluster.delay = 0.5
        for item in (model(), runtime(), service()):
            cluster.put(item)
        async with operator(cluster):
            await anyio.sleep(moment)
            live = found(cluster, CLUSTER_SERVING_RUNTIMES, ObjectKey("", "r"))
            cluster.put({**live, "spec": runtime(image="example.test/serve:2")["spec"]})
            await anyio.sleep(60)
        assert image(cluster).endswith(":2")
        assert found(cluster, INFERENCE_SERVICES, SERVICE)["status"]["observedGeneration"] == 1

    run_virtual(main)
