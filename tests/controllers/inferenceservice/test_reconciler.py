"""A service from apply to Ready, and through everything that may go wrong on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

from ome.api import names
from ome.controllers.resources import CLUSTER_SERVING_RUNTIMES, INFERENCE_SERVICES
from ome.errors import Conflict, Forbidden, InternalError, TransportError
from ome.kube.resource import ObjectKey
from ome.kube.resources import CONFIGMAPS, DEPLOYMENTS, EVENTS, HPAS, PDBS, SERVICES
from tests.controllers.inferenceservice.world import (
    ENGINE,
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
    from collections.abc import Awaitable, Callable

    from tests.support.fake_cluster import FakeCluster

CHILDREN = (DEPLOYMENTS, SERVICES, HPAS, PDBS, CONFIGMAPS)


def play(body: Callable[[FakeCluster], Awaitable[None]], *, ready: bool = True) -> None:
    """Run a scenario on a cluster with a model, a runtime and perhaps a service that is Ready."""

    async def main() -> None:
        cluster = new_cluster()
        if ready:
            cluster.put(model())
            cluster.put(runtime())
            cluster.put(service())
            async with operator(cluster):
                await anyio.sleep(1)
                available(cluster)
                await anyio.sleep(1)
        await body(cluster)

    run_virtual(main)


def writes(cluster: FakeCluster) -> list[str]:
    return [
        f"{write.verb} {write.resource.kind} {write.key} {write.subresource}".strip()
        for write in cluster.writes
        if write.resource is not EVENTS
    ]


def events(cluster: FakeCluster) -> list[str]:
    return [document["reason"] for document in cluster.objects(EVENTS)]


def test_a_service_becomes_ready_with_its_objects_and_its_url() -> None:
    async def body(cluster: FakeCluster) -> None:
        assert status(cluster)["url"] == "http://chat.demo.svc.cluster.local:8080"
        assert condition(cluster, "Ready")["status"] == "True"
        assert status(cluster)["observedGeneration"] == 1
        assert [len(cluster.objects(resource, "demo")) for resource in CHILDREN] == [1, 2, 1, 1, 1]
        owner = found(cluster, INFERENCE_SERVICES, SERVICE)["metadata"]
        for resource in CHILDREN:
            for child in cluster.objects(resource, "demo"):
                assert child["metadata"]["ownerReferences"][0]["uid"] == owner["uid"]
        assert found(cluster, DEPLOYMENTS, ENGINE)["metadata"]["annotations"]["ome.io/rendering"]
        assert owner["finalizers"] == ["inferenceservice.finalizers"]
        assert "InferenceServiceReady" in events(cluster)

    play(body)


def test_a_steady_service_makes_no_write_also_after_a_restart() -> None:
    async def body(cluster: FakeCluster) -> None:
        before = len(cluster.writes)
        for seed in (2, 3):
            async with operator(cluster, seed):
                await anyio.sleep(600)
        assert cluster.writes[before:] == []

    play(body)


@pytest.mark.parametrize(
    ("objects", "reason", "text", "failure"),
    [
        ((), "ModelReconcileError", "No BaseModel or ClusterBaseModel", "BaseModelNotFound"),
        (
            (model(disabled=True),),
            "ModelReconcileError",
            "specified base model m is disabled",
            "BaseModelDisabled",
        ),
        ((model(),), "RuntimeSelectionError", "no runtime found", "NoSupportingRuntime"),
        (
            (model(), runtime(disabled=True)),
            "RuntimeSelectionError",
            "r (runtime is disabled)",
            "NoSupportingRuntime",
        ),
        (
            (model(), runtime(engineConfig=None)),
            "InternalError",
            "no containers found in pod spec and no runner spec",
            None,
        ),
    ],
)
def test_each_step_that_fails_is_a_condition(
    objects: tuple[dict[str, object], ...], reason: str, text: str, failure: str | None
) -> None:
    async def body(cluster: FakeCluster) -> None:
        for item in objects:
            cluster.put(item)
        cluster.put(service())
        async with operator(cluster):
            await anyio.sleep(5)
            engine = condition(cluster, "EngineReady")
            assert (engine["status"], engine["reason"]) == ("False", reason)
            assert text in engine["message"]
            assert condition(cluster, "Ready")["reason"] == reason
            info = status(cluster).get("modelStatus", {}).get("lastFailureInfo", {})
            assert info.get("reason") == failure
            assert events(cluster) == [reason]
            assert cluster.objects(DEPLOYMENTS) == []
            before = len(cluster.writes)
            await anyio.sleep(300)
            assert len(cluster.writes) == before

    play(body, ready=False)


def test_what_was_missing_is_noticed_when_it_appears() -> None:
    async def body(cluster: FakeCluster) -> None:
        cluster.put(service())
        async with operator(cluster):
            await anyio.sleep(60)
            cluster.put(model())
            await anyio.sleep(0.5)
            assert condition(cluster, "EngineReady")["reason"] == "RuntimeSelectionError"
            cluster.put(runtime())
            await anyio.sleep(0.5)
            assert condition(cluster, "EngineReady")["reason"] == "Initializing"
            assert image(cluster) == "example.test/serve:1"

    play(body, ready=False)


def test_a_strangers_service_is_left_alone() -> None:
    async def body(cluster: FakeCluster) -> None:
        stranger = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "chat", "namespace": "demo"},
            "spec": {"ports": [{"port": 80}]},
        }
        cluster.put(stranger)
        kept = found(cluster, SERVICES, SERVICE)
        for item in (model(), runtime(), service()):
            cluster.put(item)
        async with operator(cluster):
            await anyio.sleep(300)
            ingress = condition(cluster, "IngressReady")
            assert ingress["reason"] == "ServiceConflict"
            assert "Service chat exists and is not owned by" in ingress["message"]
            assert found(cluster, SERVICES, SERVICE) == kept
            assert not [
                line
                for line in writes(cluster)
                if "Service demo/chat " in f"{line} " and "InferenceService" not in line
            ]
            # Once the name is free the service recovers by itself.
            cluster.remove(SERVICES, SERVICE)
            await anyio.sleep(61)
            assert found(cluster, SERVICES, SERVICE)["spec"]["ports"][0]["port"] == 8080

    play(body, ready=False)


def test_deletion_only_releases_the_service() -> None:
    async def body(cluster: FakeCluster) -> None:
        before = len(writes(cluster))
        async with operator(cluster):
            cluster.remove(INFERENCE_SERVICES, SERVICE)
            await anyio.sleep(5)
        assert cluster.object(INFERENCE_SERVICES, SERVICE) is None
        assert writes(cluster)[before:] == ["patch InferenceService demo/chat"]
        cluster.collect_garbage()
        assert [cluster.objects(resource, "demo") for resource in CHILDREN] == [[]] * 5

    play(body)


@pytest.mark.parametrize(
    "error",
    [
        InternalError("etcd is away"),
        Conflict("changed"),
        TransportError("connection reset"),
    ],
)
@pytest.mark.parametrize("verb", ["apply", "patch", "get"])
@pytest.mark.parametrize("after", [False, True])
def test_failures_in_the_middle_end_in_the_same_world(
    error: Exception, verb: str, after: bool
) -> None:
    async def body(cluster: FakeCluster) -> None:
        for item in (model(), runtime(), service()):
            cluster.put(item)
        cluster.fail(verb, None, error, times=5, after=after)
        async with operator(cluster):
            await anyio.sleep(20)
            available(cluster)
            await anyio.sleep(20)
        assert condition(cluster, "Ready")["status"] == "True"
        assert [len(cluster.objects(resource, "demo")) for resource in CHILDREN] == [1, 2, 1, 1, 1]

    play(body, ready=False)


@pytest.mark.parametrize("moment", [0.0, 0.001, 0.01, 0.05, 0.1])
def test_a_restart_in_the_middle_ends_in_the_same_world(moment: float) -> None:
    async def body(cluster: FakeCluster) -> None:
        cluster.delay = 0.004
        for item in (model(), runtime(), service()):
            cluster.put(item)
        async with operator(cluster):
            await anyio.sleep(moment)
        async with operator(cluster, 2):
            await anyio.sleep(5)
            available(cluster)
            await anyio.sleep(5)
        assert condition(cluster, "Ready")["status"] == "True"
        assert [len(cluster.objects(resource, "demo")) for resource in CHILDREN] == [1, 2, 1, 1, 1]

    play(body, ready=False)


def test_what_is_forbidden_is_said_and_mended_when_it_is_allowed() -> None:
    async def body(cluster: FakeCluster) -> None:
        for item in (model(), runtime(), service()):
            cluster.put(item)
        refusal = Forbidden('User "ome" cannot patch resource "poddisruptionbudgets"')
        cluster.fail("apply", PDBS, refusal, times=12)
        async with operator(cluster):
            await anyio.sleep(1)
            engine = condition(cluster, "EngineReady")
            assert engine["reason"] == "InternalError"
            assert "PodDisruptionBudget chat-engine" in engine["message"]
            await anyio.sleep(60)
            assert len(cluster.objects(PDBS, "demo")) == 1
            assert condition(cluster, "EngineReady")["reason"] == "Initializing"

    play(body, ready=False)


def test_a_child_that_goes_or_is_changed_comes_back() -> None:
    async def body(cluster: FakeCluster) -> None:
        async with operator(cluster):
            await anyio.sleep(1)
            cluster.remove(PDBS, ENGINE)
            held = found(cluster, SERVICES, ENGINE)
            held["spec"]["selector"] = {"app": "other"}
            cluster.put(held)
            await anyio.sleep(1)
            assert found(cluster, PDBS, ENGINE)["spec"]["maxUnavailable"] == 1
            assert found(cluster, SERVICES, ENGINE)["spec"]["selector"] == {"app": "chat-engine"}

    play(body)


def test_a_cache_that_lags_makes_nothing_twice_and_takes_nothing_over() -> None:
    async def body(cluster: FakeCluster) -> None:
        async with operator(cluster):
            await anyio.sleep(1)
            before = len(writes(cluster))
            # The watch of Deployments is cut; what it would tell comes with the next list.
            cluster.drop_watch(DEPLOYMENTS)
            held = found(cluster, INFERENCE_SERVICES, SERVICE)
            held["metadata"]["annotations"] = {"team": "a"}
            cluster.put(held)
            await anyio.sleep(120)
            made = [line for line in writes(cluster)[before:] if "Deployment" in line]
            assert made == [f"apply Deployment {ENGINE}"]
            assert len(cluster.objects(DEPLOYMENTS, "demo")) == 1

    play(body)


def test_objects_that_are_not_wanted_any_more_go() -> None:
    async def body(cluster: FakeCluster) -> None:
        held = found(cluster, INFERENCE_SERVICES, SERVICE)
        held["metadata"]["labels"] = {"networking.ome.io/visibility": "cluster-local"}
        held["metadata"]["annotations"] = {"ome.io/autoscalerClass": "external"}
        cluster.put(held)
        async with operator(cluster):
            await anyio.sleep(2)
        assert cluster.object(SERVICES, SERVICE) is None
        assert cluster.object(HPAS, ENGINE) is None
        assert status(cluster)["url"] == "http://chat-engine.demo.svc.cluster.local:8080"
        assert condition(cluster, "IngressReady")["reason"] == "ClusterLocal"

    play(body)


def test_an_edited_runtime_rolls_its_services_one_after_the_other() -> None:
    async def body(cluster: FakeCluster) -> None:
        names = ["a", "b", "c"]
        keys = [ObjectKey("demo", f"{name}-engine") for name in names]
        for item in (model(), runtime(), *(service(name) for name in names)):
            cluster.put(item)
        async with operator(cluster):
            await anyio.sleep(2)
            for key in keys:
                available(cluster, key)
            await anyio.sleep(2)
            edited = runtime(image="example.test/serve:2")
            held = found(cluster, CLUSTER_SERVING_RUNTIMES, ObjectKey("", "r"))
            cluster.put({**held, "spec": edited["spec"]})
            done: list[ObjectKey] = []
            for expected in (1, 2, 3):
                await anyio.sleep(1)
                changed = [key for key in keys if image(cluster, key).endswith(":2")]
                assert len(changed) == expected
                # It rolls for a while; nobody else begins.
                (rolling,) = set(changed) - set(done)
                available(cluster, rolling, rolling=True)
                await anyio.sleep(60)
                assert len([key for key in keys if image(cluster, key).endswith(":2")]) == expected
                available(cluster, rolling)
                done.append(rolling)
                await anyio.sleep(20)
            assert events(cluster).count("TemplateChanged") == 3

    play(body, ready=False)


def test_pods_get_an_annotation_of_their_model_that_is_edited_alone() -> None:
    async def body(cluster: FakeCluster) -> None:
        async with operator(cluster):
            await anyio.sleep(1)
            edited = model()
            edited["metadata"]["annotations"] = {names.ANNOTATION_DECRYPTION_KEY: "k-2"}
            cluster.put(edited)
            await anyio.sleep(5)
        template = found(cluster, DEPLOYMENTS, ENGINE)["spec"]["template"]
        assert template["metadata"]["annotations"][names.ANNOTATION_DECRYPTION_KEY] == "k-2"

    play(body)


def test_a_new_runtime_moves_no_healthy_service() -> None:
    async def body(cluster: FakeCluster) -> None:
        async with operator(cluster):
            await anyio.sleep(1)
            before = len(cluster.writes)
            cluster.put(runtime("a-better-one", image="example.test/better:1"))
            await anyio.sleep(60)
            assert len(cluster.writes) == before
            assert image(cluster) == "example.test/serve:1"

    play(body)


def test_services_with_equal_tails_have_a_model_config_each() -> None:
    async def body(cluster: FakeCluster) -> None:
        for item in (
            model(),
            runtime(),
            service("customer-a-llama-3-70b-instruct"),
            service("customer-b-llama-3-70b-instruct"),
        ):
            cluster.put(item)
        async with operator(cluster):
            await anyio.sleep(30)
        owners = {
            document["metadata"]["name"]: document["metadata"]["ownerReferences"][0]["name"]
            for document in cluster.objects(CONFIGMAPS, "demo")
        }
        assert sorted(owners.values()) == [
            "customer-a-llama-3-70b-instruct",
            "customer-b-llama-3-70b-instruct",
        ]
        assert len(cluster.objects(DEPLOYMENTS, "demo")) == 2

    play(body, ready=False)
