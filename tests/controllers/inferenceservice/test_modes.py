"""Services in every mode: to Ready, from one mode to another, and without what a mode needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest

from ome.controllers.resources import (
    CLUSTER_SERVING_RUNTIMES,
    INFERENCE_SERVICES,
    KNATIVE_SERVICES,
    LEADER_WORKER_SETS,
    RAY_CLUSTERS,
)
from ome.errors import BadRequest
from ome.kube.resource import ObjectKey
from ome.kube.resources import (
    DEPLOYMENTS,
    EVENTS,
    HPAS,
    PDBS,
    ROLE_BINDINGS,
    ROLES,
    SERVICE_ACCOUNTS,
    SERVICES,
)
from tests.controllers.inferenceservice.world import (
    ENGINE,
    RUNNER,
    SERVICE,
    annotate,
    available,
    condition,
    edit,
    found,
    model,
    new_cluster,
    operator,
    runtime,
    says,
    service,
    status,
)
from tests.support.virtual_time import run_virtual

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ome.kube.resource import Resource
    from tests.support.fake_cluster import FakeCluster

GROUP = ObjectKey("demo", "lws-chat-engine")
ROUTER = ObjectKey("demo", "chat-router")
MULTI: dict[str, Any] = {
    "minReplicas": 2,
    "leader": {"runner": RUNNER},
    "worker": {"size": 1, "runner": RUNNER},
}
ALL = (LEADER_WORKER_SETS, KNATIVE_SERVICES, RAY_CLUSTERS)


def play(body: Callable[[FakeCluster], Awaitable[None]], *optional: Resource, **spec: Any) -> None:
    """Run a scenario with the operator at work and a service of this spec applied."""

    async def main() -> None:
        cluster = new_cluster(*optional)
        for item in (model(), runtime(), service(**spec)):
            cluster.put(item)
        async with operator(cluster):
            await anyio.sleep(1)
            await body(cluster)
            before = len(cluster.writes)
            await anyio.sleep(300)
            assert cluster.writes[before:] == [], "a steady service is not written"

    run_virtual(main)


def events(cluster: FakeCluster) -> list[str]:
    return [document["reason"] for document in cluster.objects(EVENTS)]


def names(cluster: FakeCluster, resource: Resource) -> list[str]:
    return [document["metadata"]["name"] for document in cluster.objects(resource, "demo")]


def test_many_nodes_to_ready() -> None:
    async def body(cluster: FakeCluster) -> None:
        assert names(cluster, DEPLOYMENTS) == []
        assert condition(cluster, "EngineReady")["reason"] == "Initializing"
        says(cluster, LEADER_WORKER_SETS, GROUP, "Available")
        await anyio.sleep(1)
        assert condition(cluster, "Ready")["status"] == "True"
        assert condition(cluster, "EngineReady")["reason"] == "Available"
        assert status(cluster)["url"] == "http://chat.demo.svc.cluster.local:8080"
        assert status(cluster)["components"]["engine"]["url"].startswith("http://chat-engine")

    play(body, LEADER_WORKER_SETS, engine=MULTI)


def test_the_number_of_groups_belongs_to_whoever_changes_it() -> None:
    async def body(cluster: FakeCluster) -> None:
        def replicas() -> int:
            return int(found(cluster, LEADER_WORKER_SETS, GROUP)["spec"]["replicas"])

        assert replicas() == 2
        held = found(cluster, LEADER_WORKER_SETS, GROUP)
        held["spec"]["replicas"] = 5
        cluster.put(held)
        await anyio.sleep(1)
        assert replicas() == 5
        more = {**MULTI, "worker": {"size": 3, "runner": RUNNER}}
        edit(cluster, engine=more)
        await anyio.sleep(1)
        group = found(cluster, LEADER_WORKER_SETS, GROUP)["spec"]
        assert (group["replicas"], group["leaderWorkerTemplate"]["size"]) == (5, 4)
        edit(cluster, engine={**more, "minReplicas": 3})
        await anyio.sleep(1)
        assert replicas() == 3

    play(body, LEADER_WORKER_SETS, engine=MULTI)


@pytest.mark.parametrize(
    ("engine", "annotation", "resource", "reason", "text"),
    [
        (MULTI, None, LEADER_WORKER_SETS, "DeploymentModeError", "install LeaderWorkerSet"),
        (
            {"minReplicas": 0},
            None,
            KNATIVE_SERVICES,
            "ServerlessModeRejected",
            "It is not possible to use Serverless deployment mode when Knative Services are not",
        ),
    ],
)
def test_what_a_mode_needs_is_said_and_noticed_when_it_is_installed(
    engine: dict[str, Any], annotation: str | None, resource: Resource, reason: str, text: str
) -> None:
    async def body(cluster: FakeCluster) -> None:
        engine_ready = condition(cluster, "EngineReady")
        assert (engine_ready["status"], engine_ready["reason"]) == ("False", reason)
        assert text in engine_ready["message"]
        assert f"{resource.group_resource} is not installed" in engine_ready["message"]
        before = len(cluster.writes)
        await anyio.sleep(300)
        assert len(cluster.writes) == before
        assert events(cluster).count(reason) == 1
        cluster.install(resource)
        await anyio.sleep(1)
        assert len(cluster.objects(resource, "demo")) == 1
        assert condition(cluster, "EngineReady")["reason"] == "Initializing"
        cluster.uninstall(resource)
        await anyio.sleep(1)
        assert condition(cluster, "EngineReady")["reason"] == reason

    play(body, engine=engine)


def knative_ready(cluster: FakeCluster) -> None:
    revision = "chat-engine-00001"
    says(
        cluster,
        KNATIVE_SERVICES,
        ENGINE,
        "Ready",
        "RoutesReady",
        "ConfigurationsReady",
        url="http://chat-engine.demo.example.com",
        address={"url": "http://chat-engine.demo.svc.cluster.local"},
        latestCreatedRevisionName=revision,
        latestReadyRevisionName=revision,
        traffic=[{"latestRevision": True, "percent": 100, "revisionName": revision}],
    )


def test_serverless_to_ready() -> None:
    async def body(cluster: FakeCluster) -> None:
        assert names(cluster, KNATIVE_SERVICES) == ["chat-engine"]
        assert names(cluster, HPAS) == []
        knative_ready(cluster)
        await anyio.sleep(1)
        for type_ in ("EngineReady", "EngineRouteReady", "RoutesReady", "LatestDeploymentReady"):
            assert condition(cluster, type_)["status"] == "True", type_
        engine = status(cluster)["components"]["engine"]
        assert engine["url"] == "http://chat-engine.demo.example.com"
        assert engine["latestRolledoutRevision"] == "chat-engine-00001"
        assert engine["traffic"][0]["percent"] == 100

    play(body, KNATIVE_SERVICES, engine={"minReplicas": 0})


def test_from_one_pod_to_many_nodes_and_back() -> None:
    async def body(cluster: FakeCluster) -> None:
        available(cluster)
        await anyio.sleep(1)
        edit(cluster, engine=MULTI)
        await anyio.sleep(1)
        assert names(cluster, LEADER_WORKER_SETS) == [GROUP.name]
        assert names(cluster, DEPLOYMENTS) == names(cluster, HPAS) == []
        made = [
            (write.verb, write.resource.kind)
            for write in cluster.writes
            if write.resource.kind in ("Deployment", "LeaderWorkerSet")
        ]
        assert made[-2:] == [("apply", "LeaderWorkerSet"), ("delete", "Deployment")]
        edit(cluster, engine={"minReplicas": 1})
        await anyio.sleep(1)
        assert names(cluster, LEADER_WORKER_SETS) == []
        assert names(cluster, DEPLOYMENTS) == ["chat-engine"]

    play(body, LEADER_WORKER_SETS)


def revisions(cluster: FakeCluster) -> dict[str, Any]:
    """What the status tells of the engine's revisions."""
    engine = status(cluster)["components"]["engine"]
    return {name: held for name, held in engine.items() if "Revision" in name or name == "traffic"}


def test_to_serverless_and_back_the_name_is_free_for_whoever_needs_it() -> None:
    async def body(cluster: FakeCluster) -> None:
        available(cluster)
        await anyio.sleep(1)
        assert revisions(cluster) == {"latestCreatedRevision": "1"}
        edit(cluster, engine={"minReplicas": 0})
        await anyio.sleep(1)
        assert names(cluster, KNATIVE_SERVICES) == ["chat-engine"]
        assert names(cluster, DEPLOYMENTS) == []
        assert revisions(cluster) == {}
        knative_ready(cluster)
        await anyio.sleep(1)
        assert revisions(cluster)["latestReadyRevision"] == "chat-engine-00001"
        order = [
            write.verb
            for write in cluster.writes
            if write.key == ENGINE and write.resource in (SERVICES, KNATIVE_SERVICES)
        ]
        assert order == ["apply", "delete", "apply"]
        labels = found(cluster, KNATIVE_SERVICES, ENGINE)["metadata"]["labels"]
        route = {"apiVersion": "serving.knative.dev/v1", "kind": "Route", "name": "chat-engine"}
        cluster.put(
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {
                    "name": "chat-engine",
                    "namespace": "demo",
                    "labels": labels,
                    "ownerReferences": [{**route, "uid": "route-1", "controller": True}],
                },
                "spec": {"type": "ExternalName"},
            }
        )
        edit(cluster, engine={"minReplicas": 1})
        await anyio.sleep(10)
        assert names(cluster, KNATIVE_SERVICES) == []
        assert names(cluster, DEPLOYMENTS) == ["chat-engine"]
        assert condition(cluster, "EngineReady")["reason"] == "Initializing"
        cluster.remove(SERVICES, ENGINE)  # as garbage collection does
        await anyio.sleep(5)
        owner = found(cluster, SERVICES, ENGINE)["metadata"]["ownerReferences"][0]
        assert owner["kind"] == "InferenceService"
        assert revisions(cluster) == {}

    play(body, KNATIVE_SERVICES)


@pytest.mark.parametrize("taken", [False, True], ids=["refused", "taken"])
def test_what_serves_stays_where_knative_cannot_take_its_place(taken: bool) -> None:
    async def body(cluster: FakeCluster) -> None:
        available(cluster)
        await anyio.sleep(1)
        foreign = {
            "apiVersion": "serving.knative.dev/v1",
            "kind": "Service",
            "metadata": {"name": "chat-engine", "namespace": "demo"},
            "spec": {},
        }
        denied = BadRequest(
            'admission webhook "validation.webhook.serving.knative.dev" denied the request: must'
            " not set the field(s): spec.template.spec.volumes[0].hostPath"
        )
        if taken:
            cluster.put(foreign)
        else:
            cluster.fail("apply", KNATIVE_SERVICES, denied, times=100)
        edit(cluster, engine={"minReplicas": 0})
        await anyio.sleep(20)
        assert names(cluster, SERVICES) == ["chat", "chat-engine"], "it serves on"
        assert names(cluster, DEPLOYMENTS) == ["chat-engine"]
        told = condition(cluster, "EngineReady")
        assert told["reason"] == ("ServiceConflict" if taken else "InternalError")
        assert taken or "must not set the field(s)" in told["message"]
        edit(cluster, engine={"minReplicas": 1})
        await anyio.sleep(60)
        assert condition(cluster, "Ready")["status"] == "True"

    play(body, KNATIVE_SERVICES)


def test_what_serves_stays_while_a_former_knative_service_is_still_going() -> None:
    async def body(cluster: FakeCluster) -> None:
        edit(cluster, engine={"minReplicas": 0})
        await anyio.sleep(1)
        held = found(cluster, KNATIVE_SERVICES, ENGINE)
        held["metadata"]["finalizers"] = ["example.test/slow"]
        cluster.put(held)
        edit(cluster, engine={"minReplicas": 1})
        await anyio.sleep(5)
        available(cluster)
        await anyio.sleep(1)
        assert found(cluster, KNATIVE_SERVICES, ENGINE)["metadata"]["deletionTimestamp"]
        edit(cluster, engine={"minReplicas": 0})
        await anyio.sleep(20)
        assert names(cluster, SERVICES) == ["chat", "chat-engine"], "it serves on"
        assert names(cluster, DEPLOYMENTS) == ["chat-engine"]
        held = found(cluster, KNATIVE_SERVICES, ENGINE)
        held["metadata"]["finalizers"] = []
        cluster.put(held)
        await anyio.sleep(20)
        assert names(cluster, SERVICES) == ["chat"]
        assert names(cluster, DEPLOYMENTS) == []

    play(body, KNATIVE_SERVICES)


def test_a_router_comes_and_goes_with_all_that_is_its() -> None:
    async def body(cluster: FakeCluster) -> None:
        for resource in (SERVICE_ACCOUNTS, ROLES, ROLE_BINDINGS):
            assert names(cluster, resource) == ["chat-router"]
        available(cluster)
        await anyio.sleep(1)
        assert condition(cluster, "Ready")["reason"] == "Initializing"
        available(cluster, ROUTER)
        await anyio.sleep(1)
        assert condition(cluster, "Ready")["status"] == "True"
        assert set(status(cluster)["components"]) == {"engine", "router"}
        edit(cluster, router=None)
        await anyio.sleep(1)
        for resource in (SERVICE_ACCOUNTS, ROLES, ROLE_BINDINGS):
            assert names(cluster, resource) == []
        for resource in (DEPLOYMENTS, PDBS, HPAS):
            assert names(cluster, resource) == ["chat-engine"]
        assert condition(cluster, "RouterReady") == {}
        assert condition(cluster, "Ready")["status"] == "True"
        assert set(status(cluster)["components"]) == {"engine"}

    play(body, router={"runner": {"name": "router", "image": "example.test/router:1"}})


def test_a_component_that_cannot_be_made_leaves_those_before_it() -> None:
    async def body(cluster: FakeCluster) -> None:
        assert names(cluster, DEPLOYMENTS) == ["chat-engine"]
        router = condition(cluster, "RouterReady")
        assert router["status"] == "False"
        assert "no containers found in pod spec" in router["message"]
        # Its rights are there, as other programs expect them, and go with it.
        for resource in (SERVICE_ACCOUNTS, ROLES, ROLE_BINDINGS):
            assert names(cluster, resource) == ["chat-router"]
        edit(cluster, router=None)
        await anyio.sleep(1)
        for resource in (SERVICE_ACCOUNTS, ROLES, ROLE_BINDINGS):
            assert names(cluster, resource) == []

    play(body, router={})


def test_a_virtual_service_has_an_address_and_nothing_else() -> None:
    async def body(cluster: FakeCluster) -> None:
        available(cluster)
        await anyio.sleep(1)
        annotate(cluster, deploymentMode="VirtualDeployment")
        await anyio.sleep(1)
        for resource in (DEPLOYMENTS, SERVICES, HPAS, PDBS):
            assert names(cluster, resource) == []
        held = status(cluster)
        assert [(item["type"], item["reason"]) for item in held["conditions"]] == [
            ("Ready", "VirtualDeployment")
        ]
        assert held["url"] == held["address"]["url"] == "http://chat.demo.svc.cluster.local"
        assert held["components"] == {"predictor": {"url": held["url"]}}
        annotate(cluster, deploymentMode=None)
        await anyio.sleep(1)
        assert condition(cluster, "EngineReady")["reason"] == "Initializing"
        assert set(status(cluster)["components"]) == {"engine"}

    play(body)


def test_a_paused_service_is_not_called_virtual_while_its_pods_run() -> None:
    async def body(cluster: FakeCluster) -> None:
        available(cluster)
        await anyio.sleep(1)
        annotate(cluster, paused="true", deploymentMode="VirtualDeployment")
        await anyio.sleep(1)
        assert names(cluster, DEPLOYMENTS) == ["chat-engine"]
        assert condition(cluster, "Paused")["status"] == "True"
        assert condition(cluster, "Ready")["status"] == "True"
        assert set(status(cluster)["components"]) == {"engine"}
        annotate(cluster, paused=None)
        await anyio.sleep(1)
        assert names(cluster, DEPLOYMENTS) == []
        assert condition(cluster, "Ready")["reason"] == "VirtualDeployment"
        annotate(cluster, paused="true")
        await anyio.sleep(1)
        assert condition(cluster, "Ready")["reason"] == "VirtualDeployment"
        assert condition(cluster, "Paused")["status"] == "True"

    play(body)


def test_a_runtime_may_say_that_nothing_is_deployed() -> None:
    async def body(cluster: FakeCluster) -> None:
        available(cluster)
        await anyio.sleep(1)
        held = found(cluster, CLUSTER_SERVING_RUNTIMES, ObjectKey("", "r"))
        virtual = {"ome.io/deploymentMode": "VirtualDeployment"}
        held["spec"]["engineConfig"]["annotations"] = virtual
        cluster.put(held)
        await anyio.sleep(1)
        for resource in (DEPLOYMENTS, SERVICES, HPAS, PDBS):
            assert names(cluster, resource) == []
        assert condition(cluster, "Ready")["reason"] == "VirtualDeployment"
        assert status(cluster)["url"] == "http://chat.demo.svc.cluster.local"

    play(body)


def test_deleting_a_service_that_waits_for_a_kind_only_releases_it() -> None:
    async def body(cluster: FakeCluster) -> None:
        cluster.remove(INFERENCE_SERVICES, SERVICE)
        await anyio.sleep(1)
        assert cluster.object(INFERENCE_SERVICES, SERVICE) is None
        cluster.install(LEADER_WORKER_SETS)
        await anyio.sleep(1)
        assert names(cluster, LEADER_WORKER_SETS) == []

    play(body, engine=MULTI)


def test_a_ray_cluster_that_stopped_serving_is_made_anew() -> None:
    ray, prober = ObjectKey("demo", "chat-engine-0"), ObjectKey("demo", "chat-engine-0-mnp")

    def serves(cluster: FakeCluster, unavailable: int) -> None:
        says(cluster, RAY_CLUSTERS, ray, "Ready", state="ready", availableWorkerReplicas=1)
        held = found(cluster, DEPLOYMENTS, prober)
        available = "True" if not unavailable else "False"
        held["status"] = {
            "unavailableReplicas": unavailable,
            "conditions": [{"type": "Available", "status": available, "reason": "Probed"}],
        }
        cluster.put(held)

    async def body(cluster: FakeCluster) -> None:
        assert condition(cluster, "EngineReady")["reason"] == "Initializing"
        serves(cluster, 0)
        await anyio.sleep(1)
        assert condition(cluster, "Ready")["status"] == "True"
        first = found(cluster, RAY_CLUSTERS, ray)["metadata"]["uid"]
        assert "TemplateChanged" not in events(cluster), "what is new replaces nothing"
        serves(cluster, 1)
        await anyio.sleep(1)
        assert condition(cluster, "EngineReady")["status"] == "False"
        since = "raycluster/unavailable-since"
        assert since in found(cluster, RAY_CLUSTERS, ray)["metadata"]["annotations"]
        await anyio.sleep(500)
        assert found(cluster, RAY_CLUSTERS, ray)["metadata"]["uid"] == first
        serves(cluster, 0)
        await anyio.sleep(1)
        assert since not in found(cluster, RAY_CLUSTERS, ray)["metadata"]["annotations"]
        serves(cluster, 1)
        await anyio.sleep(610)
        renewed = found(cluster, RAY_CLUSTERS, ray)["metadata"]
        assert renewed["uid"] != first
        assert since not in renewed["annotations"]

    play(body, RAY_CLUSTERS, engine=RAY)


RAY: dict[str, Any] = {"annotations": {"ome.io/deploymentMode": "MultiNodeRayVLLM"}}


def ray_pod(
    cluster: FakeCluster, name: str, born: str, more: dict[str, str], *states: dict[str, Any]
) -> None:
    labels = {"ome.io/inferenceservice": "chat", "component": "engine", **more}
    metadata = {"name": name, "namespace": "demo", "labels": labels, "creationTimestamp": born}
    held = {"containerStatuses": list(states)}
    cluster.put({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "status": held})


def test_a_prober_says_nothing_of_the_model_that_it_asks_for() -> None:
    async def body(cluster: FakeCluster) -> None:
        ended = {"terminated": {"exitCode": 1, "reason": "Error", "message": "no such file"}}
        failed = {"name": "ome-container", "state": ended}
        prober = {"name": "multinode-prober", "ready": True, "state": {"running": {}}}
        ray_pod(cluster, "head", "2026-01-01T00:00:00Z", {"ray.io/node-type": "head"}, failed)
        index = {"ome.io/ray-cluster-index": "0"}
        ray_pod(cluster, "mnp", "2026-01-01T00:00:01Z", index, prober)
        await anyio.sleep(1)
        said = status(cluster)["modelStatus"]
        assert said["transitionStatus"] == "BlockedByFailedLoad"
        assert said["lastFailureInfo"]["location"] == "head"
        says(cluster, DEPLOYMENTS, ObjectKey("demo", "chat-engine-0-mnp"), "Available")
        await anyio.sleep(1)
        assert status(cluster)["modelStatus"]["modelCopies"]["totalCopies"] == 1

    play(body, RAY_CLUSTERS, engine=RAY)


def test_a_ray_cluster_whose_pods_are_refused_says_why() -> None:
    quota = "exceeded quota: gpus, requested: nvidia.com/gpu=8, used: nvidia.com/gpu=8, limited: 8"

    async def body(cluster: FakeCluster) -> None:
        writes = 0
        for pod in ("chat-engine-0-head-x2x9p", "chat-engine-0-head-7kq4m"):
            ray = found(cluster, RAY_CLUSTERS, ObjectKey("demo", "chat-engine-0"))
            failure = {
                "type": "ReplicaFailure",
                "status": "True",
                "reason": "FailedCreateHeadPod",
                "message": f'failed to create head pod\npods "{pod}" is forbidden: {quota}',
            }
            cluster.put({**ray, "status": {"conditions": [failure]}})
            await anyio.sleep(1)
            assert condition(cluster, "EngineReady")["message"] == (
                "engine component initializing; pods cannot be made: failed to create head pod:"
                f" pods are forbidden: {quota}"
            )
            assert writes in (0, len(cluster.writes)), "it is tried again, and told once"
            writes = len(cluster.writes)

    play(body, RAY_CLUSTERS, engine=RAY)


def test_groups_that_have_not_noticed_a_new_template_are_not_ready() -> None:
    async def body(cluster: FakeCluster) -> None:
        def said(*types: str) -> None:
            says(cluster, LEADER_WORKER_SETS, GROUP, *types)
            held = found(cluster, LEADER_WORKER_SETS, GROUP)
            del held["status"]["observedGeneration"]  # as the real one does not tell
            cluster.put(held)

        said("Available")
        await anyio.sleep(1)
        assert condition(cluster, "Ready")["status"] == "True"
        edit(cluster, engine={**MULTI, "worker": {"size": 2, "runner": RUNNER}})
        await anyio.sleep(1)
        annotate(cluster, something="else")
        await anyio.sleep(1)
        assert condition(cluster, "Ready")["reason"] == "RolloutInProgress"
        said("UpdateInProgress")
        await anyio.sleep(1)
        said("Available")
        await anyio.sleep(1)
        assert condition(cluster, "Ready")["status"] == "True"

    play(body, LEADER_WORKER_SETS, engine=MULTI)
