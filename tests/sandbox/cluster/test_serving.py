"""The stand-ins for Knative Serving and KubeRay: pods, and a status that says when they run."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from tests.sandbox.cluster.test_leaderworkersets import CRD
from tests.sandbox.cluster.world import play

if TYPE_CHECKING:
    from tests.sandbox.cluster.world import World

POD = {"containers": [{"name": "main", "image": "one"}]}


def crd(group: str, kind: str, plural: str) -> dict[str, Any]:
    made: dict[str, Any] = copy.deepcopy(CRD)
    made["metadata"] = {"name": f"{plural}.{group}"}
    named = {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"}
    made["spec"] = {**made["spec"], "group": group, "names": named}
    return made


def says(document: dict[str, Any], type_: str) -> str:
    conditions = (document.get("status") or {}).get("conditions") or ()
    return next((item["status"] for item in conditions if item["type"] == type_), "")


def test_a_knative_service_runs_its_newest_revision() -> None:
    document = {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": "work"},
        "spec": {"template": {"spec": {**POD, "containerConcurrency": 1}}},
    }

    async def body(world: World) -> None:
        await world.create(crd("serving.knative.dev", "Service", "services"))
        await world.settle(1)
        resource = next(
            found.resource
            for found in world.server.kinds
            if found.resource.group == "serving.knative.dev"
        )
        await world.local.create(resource, document, user="a-user")

        def held() -> dict[str, Any]:
            stored = world.local.get(resource, resource_key)
            assert stored is not None
            return stored.load()

        resource_key = world.local.list(resource).__iter__().__next__().key
        await world.until(lambda: says(held(), "Ready") == "True")
        status = held()["status"]
        assert status["latestReadyRevisionName"] == "web-00001"
        assert status["traffic"][0]["percent"] == 100
        assert status["url"] == "http://web.work.example.com"
        hidden = {"metadata": {"labels": {"networking.knative.dev/visibility": "cluster-local"}}}
        await world.local.patch(resource, resource_key, hidden, user="a-user", strategic=False)
        inside = "http://web.work.svc.cluster.local"
        await world.until(lambda: held()["status"]["url"] == inside)
        (pod,) = world.all("Pod")
        assert pod["metadata"]["labels"]["serving.knative.dev/revision"] == "web-00001"
        changed = {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "b"}]}}}}
        await world.local.patch(resource, resource_key, changed, user="a-user", strategic=False)
        await world.until(lambda: held()["status"]["latestReadyRevisionName"] == "web-00002")
        await world.local.delete(resource, resource_key, user="a-user")
        await world.until(lambda: not world.all("Pod"), 90)

    play(body)


def test_a_ray_cluster_runs_a_head_and_workers() -> None:
    document = {
        "apiVersion": "ray.io/v1",
        "kind": "RayCluster",
        "metadata": {"name": "ray"},
        "spec": {
            "headGroupSpec": {
                "headService": {"metadata": {"name": "ray-0"}},
                "template": {"spec": POD},
            },
            "workerGroupSpecs": [{"groupName": "wg", "replicas": 2, "template": {"spec": POD}}],
        },
    }

    async def body(world: World) -> None:
        await world.create(crd("ray.io", "RayCluster", "rayclusters"))
        await world.settle(1)
        await world.create(document)
        await world.until(lambda: world.there("RayCluster", "ray").get("status", {}).get("state"))
        assert says(world.there("RayCluster", "ray"), "HeadPodReady") == "True"
        assert world.there("RayCluster", "ray")["status"]["availableWorkerReplicas"] == 2
        assert len(world.all("Pod")) == 3
        selector = world.there("Service", "ray-0")["spec"]["selector"]
        assert selector["ray.io/node-type"] == "head"

    play(body)
