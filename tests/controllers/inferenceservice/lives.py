"""Lives of services, from nothing to Ready and through a change: one for each way to serve."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import anyio

from ome.controllers.inferenceservice.needs import CHILD_KINDS, NEEDS
from ome.controllers.resources import (
    CLUSTER_SERVING_RUNTIMES,
    HTTP_ROUTES,
    INFERENCE_SERVICES,
    KNATIVE_SERVICES,
    LEADER_WORKER_SETS,
    RAY_CLUSTERS,
)
from ome.kube.resource import ObjectKey
from ome.kube.resources import DEPLOYMENTS
from tests.controllers.inferenceservice.exposed import (
    ACCEPTED,
    GATEWAY,
    ISTIO,
    PLAIN,
    answer,
    names,
    settle,
)
from tests.controllers.inferenceservice.flaky import Fault, Flaky, plain
from tests.controllers.inferenceservice.world import (
    ENGINE,
    RUNNER,
    SERVICE,
    annotate,
    available,
    edit,
    found,
    model,
    new_cluster,
    operator,
    runtime,
    says,
    service,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

GROUPS = {"leader": {"runner": RUNNER}, "worker": {"size": 1, "runner": RUNNER}}
RAY = {"annotations": {"ome.io/deploymentMode": "MultiNodeRayVLLM"}}
PAUSE = 120
"""Seconds, enough for a request that gets no answer and for what comes after it."""
KNATIVE = "http://chat-engine.demo.example.com"


@dataclass(frozen=True)
class Life:
    """A service, what its world does, and the kinds that must be there, or gone, at the end."""

    world: Callable[[Flaky], Awaitable[None]]
    spec: dict[str, Any] = field(default_factory=dict)
    left: frozenset[str] = frozenset()
    gone: frozenset[str] = frozenset()
    ingress: dict[str, Any] | None = None
    more: tuple[dict[str, Any], ...] = ()

    async def play(self, cluster: Flaky) -> None:
        """What happens around an operator that is at work."""
        await anyio.sleep(PAUSE)
        await self.world(cluster)
        await anyio.sleep(200)


def component(name: str) -> ObjectKey:
    return ObjectKey("demo", f"chat-{name}")


def groups_serve(cluster: Flaky) -> None:
    says(cluster, LEADER_WORKER_SETS, ObjectKey("demo", "lws-chat-engine"), "Available")


def knative_serves(cluster: Flaky) -> None:
    revision = "chat-engine-00001"
    said = ("Ready", "RoutesReady", "ConfigurationsReady")
    traffic = [{"latestRevision": True, "percent": 100, "revisionName": revision}]
    more = {"latestCreatedRevisionName": revision, "latestReadyRevisionName": revision}
    says(cluster, KNATIVE_SERVICES, ENGINE, *said, url=KNATIVE, traffic=traffic, **more)


async def _raw(cluster: Flaky) -> None:
    """A roll-out that the runtime asks for, a label, an autoscaler's bounds."""
    available(cluster)
    await anyio.sleep(PAUSE)
    held = found(cluster, CLUSTER_SERVING_RUNTIMES, ObjectKey("", "r"))
    cluster.put({**held, "spec": runtime(image="example.test/serve:2")["spec"]})
    await anyio.sleep(PAUSE)
    available(cluster)
    await anyio.sleep(PAUSE)
    service = found(cluster, INFERENCE_SERVICES, SERVICE)
    service["metadata"]["labels"] = {"team": "red"}
    cluster.put(service)
    await anyio.sleep(PAUSE)
    edit(cluster, engine={"minReplicas": 2, "maxReplicas": 4})
    await anyio.sleep(PAUSE)
    available(cluster)


async def _apart(cluster: Flaky) -> None:
    groups_serve(cluster)
    for name in ("decoder", "router"):
        available(cluster, component(name))
    await anyio.sleep(PAUSE)
    edit(cluster, router=None)


async def _to_groups(cluster: Flaky) -> None:
    available(cluster)
    await anyio.sleep(PAUSE)
    edit(cluster, engine=GROUPS)
    await anyio.sleep(PAUSE)
    groups_serve(cluster)


async def _scaled_groups(cluster: Flaky) -> None:
    groups_serve(cluster)
    await anyio.sleep(PAUSE)
    annotate(cluster, autoscalerClass="hpa")
    await anyio.sleep(PAUSE)
    annotate(cluster, autoscalerClass="keda")


async def _serverless(cluster: Flaky) -> None:
    """To zero and back: the name of the Service belongs to one of the two."""
    knative_serves(cluster)
    await anyio.sleep(PAUSE)
    edit(cluster, engine={"minReplicas": 1})
    await anyio.sleep(PAUSE)
    available(cluster)


async def _to_zero(cluster: Flaky) -> None:
    available(cluster)
    await anyio.sleep(PAUSE)
    edit(cluster, engine={"minReplicas": 0})
    await anyio.sleep(PAUSE)
    knative_serves(cluster)


async def _ray(cluster: Flaky) -> None:
    for index in range(2):
        says(cluster, RAY_CLUSTERS, component(f"engine-{index}"), "Ready", state="ready")
        says(cluster, DEPLOYMENTS, component(f"engine-{index}-mnp"), "Available")
    await anyio.sleep(PAUSE)
    edit(cluster, engine={**RAY, "minReplicas": 1})


async def _virtual(cluster: Flaky) -> None:
    available(cluster)
    await anyio.sleep(PAUSE)
    annotate(cluster, deploymentMode="VirtualDeployment")


async def _exposed(cluster: Flaky) -> None:
    """An Ingress and an HPA, then routes and KEDA."""
    available(cluster)
    await anyio.sleep(PAUSE)
    settle(cluster, **GATEWAY)
    annotate(cluster, autoscalerClass="keda")
    await anyio.sleep(PAUSE)
    available(cluster)
    await anyio.sleep(PAUSE)
    for name in names(cluster, HTTP_ROUTES):
        answer(cluster, name, ACCEPTED)


async def _istio(cluster: Flaky) -> None:
    knative_serves(cluster)
    await anyio.sleep(PAUSE)
    annotate(cluster, ingress_disable_istio_virtualhost="true")


async def _pinned(cluster: Flaky) -> None:
    available(cluster)
    annotate(cluster, pin_runtime="true")
    await anyio.sleep(PAUSE)
    held = found(cluster, CLUSTER_SERVING_RUNTIMES, ObjectKey("", "r"))
    cluster.put({**held, "spec": runtime(image="example.test/serve:2")["spec"]})
    await anyio.sleep(PAUSE)
    edit(cluster, model={"name": "m", "fineTunedWeights": ["w"]})
    await anyio.sleep(PAUSE)
    available(cluster)
    annotate(cluster, pin_runtime=None)
    await anyio.sleep(PAUSE)
    available(cluster)


async def _deleted(cluster: Flaky) -> None:
    available(cluster)
    await anyio.sleep(PAUSE)
    edit(cluster, engine={"runner": {**RUNNER, "image": "example.test/other:1"}})
    await anyio.sleep(PAUSE)
    cluster.remove(INFERENCE_SERVICES, SERVICE)
    await anyio.sleep(70)
    cluster.collect_garbage()


WEIGHT = {
    "apiVersion": "ome.io/v1beta1",
    "kind": "FineTunedWeight",
    "metadata": {"name": "w"},
    "spec": {
        "baseModelRef": {"name": "m"},
        "modelType": "lora",
        "hyperParameters": {"strategy": "lora"},
        "storage": {"storageUri": "hf://example/w"},
    },
}
ROUTED = {"router": {"runner": {**RUNNER, "name": "router"}, "config": {"policy": "random"}}}
PREDICTOR = {"predictor": {"model": {"baseModel": "m", "runtime": "r"}, "minReplicas": 1}}
DEPLOYED = frozenset({"Deployment", "HorizontalPodAutoscaler", "PodDisruptionBudget", "Service"})
LIVES: Mapping[str, Life] = {
    "raw": Life(_raw, left=DEPLOYED),
    "apart": Life(
        _apart,
        {"engine": GROUPS, "decoder": {"runner": RUNNER}, **ROUTED},
        left=DEPLOYED | {"LeaderWorkerSet"},
        gone=frozenset({"Role", "RoleBinding", "ServiceAccount"}),
    ),
    "to groups": Life(
        _to_groups, left=frozenset({"LeaderWorkerSet"}), gone=frozenset({"Deployment"})
    ),
    "scaled groups": Life(
        _scaled_groups,
        {"engine": GROUPS},
        left=frozenset({"LeaderWorkerSet", "ScaledObject"}),
        gone=frozenset({"HorizontalPodAutoscaler"}),
    ),
    "from zero": Life(_serverless, {"engine": {"minReplicas": 0}}, left=DEPLOYED),
    "to zero": Life(_to_zero, gone=frozenset({"Deployment", "HorizontalPodAutoscaler"})),
    "ray": Life(_ray, {"engine": {**RAY, "minReplicas": 2}}, left=frozenset({"RayCluster"})),
    "virtual": Life(_virtual, ROUTED, gone=DEPLOYED | {"Role", "ServiceAccount"}),
    "exposed": Life(
        _exposed,
        left=frozenset({"HTTPRoute", "ScaledObject"}),
        gone=frozenset({"Ingress", "HorizontalPodAutoscaler"}),
        ingress=PLAIN,
    ),
    "istio": Life(
        _istio,
        {"engine": {"minReplicas": 0}},
        gone=frozenset({"VirtualService"}),
        ingress=ISTIO,
    ),
    "pinned": Life(_pinned, left=DEPLOYED, more=(WEIGHT,)),
    "predictor": Life(_raw, {"model": None, "engine": None, **PREDICTOR}, left=DEPLOYED),
    "deleted": Life(_deleted, gone=DEPLOYED | {"ConfigMap", "InferenceService"}),
}


def begun(life: Life) -> Flaky:
    """A cluster with the service of a life, before any operator looked at it."""
    cluster = new_cluster(*NEEDS, kind=Flaky)
    assert isinstance(cluster, Flaky)
    wanted = service(**life.spec)
    wanted["spec"] = {name: value for name, value in wanted["spec"].items() if value is not None}
    for item in (model(), runtime(), *life.more, wanted):
        cluster.put(item)
    if life.ingress is not None:
        settle(cluster, **life.ingress)
    return cluster


async def live(
    life: Life, number: int = -1, fault: Fault | None = None
) -> tuple[list[dict[str, Any]], int]:
    """Play a life in which the call of a number fails; the objects at the end, and the calls."""
    cluster = begun(life)
    cluster.number, cluster.fault = number, fault or Fault()
    async with operator(cluster):
        await life.play(cluster)
    kinds = (INFERENCE_SERVICES, *CHILD_KINDS)
    left = [plain(item) for resource in kinds for item in cluster.objects(resource, "demo")]
    return left, cluster.calls
