"""What merely describes a service replaces no pods; what shapes pods does, and brings it along."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from ome.controllers.inferenceservice.settled import essence_hash
from ome.controllers.inferenceservice.workload import pod_metadata, pods_of
from ome.controllers.resources import (
    CLUSTER_SERVING_RUNTIMES,
    INFERENCE_SERVICES,
    KNATIVE_SERVICES,
    LEADER_WORKER_SETS,
    RAY_CLUSTERS,
)
from ome.kube.resource import ObjectKey
from ome.kube.resources import DEPLOYMENTS, EVENTS
from tests.controllers.inferenceservice.world import (
    ENGINE,
    RUNNER,
    SERVICE,
    available,
    condition,
    edit,
    found,
    model,
    new_cluster,
    operator,
    runtime,
    service,
)
from tests.support.virtual_time import run_virtual

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ome.kube.resource import Resource
    from tests.support.fake_cluster import FakeCluster


@dataclass(frozen=True)
class Shape:
    """A way to run the engine; ``key`` is that of its first workload."""

    resource: Resource
    key: ObjectKey
    engine: dict[str, Any] = field(default_factory=dict)


SHAPES = {
    "raw": Shape(DEPLOYMENTS, ENGINE, {"minReplicas": 1}),
    "nodes": Shape(
        LEADER_WORKER_SETS,
        ObjectKey("demo", "lws-chat-engine"),
        {"leader": {"runner": RUNNER}, "worker": {"size": 1, "runner": RUNNER}},
    ),
    "ray": Shape(
        RAY_CLUSTERS,
        ObjectKey("demo", "chat-engine-0"),
        {"annotations": {"ome.io/deploymentMode": "MultiNodeRayVLLM"}},
    ),
    "serverless": Shape(KNATIVE_SERVICES, ENGINE, {"minReplicas": 0}),
}
BY_OTHERS = {
    "argocd.argoproj.io/tracking-id": "apps:ome.io/InferenceService:demo/chat",
    "argocd.argoproj.io/sync-options": "Prune=false",
    "kubectl.kubernetes.io/last-applied-configuration": '{"kind":"InferenceService"}',
    "kubernetes.io/change-cause": "a ticket",
    "kustomize.toolkit.fluxcd.io/reconcile": "disabled",
    "meta.helm.sh/release-name": "chat",
    "policies.example.test/checked": "yes",
}
"""Annotations that tools put on a service."""
OURS = {
    "ome.io/autoscalerClass": "hpa",
    "ome.io/deploymentMode": "RawDeployment",
    "ome.io/ingress-domain": "example.test",
    "ome.io/paused": "false",
    "ome.io/pin-runtime": "false",
    "ome.io/service-type": "ClusterIP",
    "ome.io/targetUtilizationPercentage": "70",
    "ome.io/traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "ome.io/upgrade-template": "true",
}


def play(
    body: Callable[[FakeCluster], Awaitable[None]],
    shape: Shape = SHAPES["raw"],
    *objects: dict[str, Any],
    labels: dict[str, str] | None = None,
) -> None:
    async def main() -> None:
        cluster = new_cluster(LEADER_WORKER_SETS, RAY_CLUSTERS, KNATIVE_SERVICES)
        described = service(labels=labels, engine=shape.engine)
        for item in (model(), runtime(), *objects, described):
            cluster.put(item)
        async with operator(cluster):
            await anyio.sleep(1)
            if shape.resource is DEPLOYMENTS:
                available(cluster)
            await anyio.sleep(1)
            await body(cluster)
            before = len(cluster.writes)
            await anyio.sleep(60)
        async with operator(cluster, 2):
            await anyio.sleep(300)
            late = [item for item in cluster.writes[before:] if item.resource is not EVENTS]
            assert late == [], "a steady service is not written"

    run_virtual(main)


async def describe(cluster: FakeCluster, part: str, **words: str | None) -> None:
    """``kubectl label`` or ``kubectl annotate``; dashes are underscores, None takes one away."""
    held = found(cluster, INFERENCE_SERVICES, SERVICE)
    merged = {**(held["metadata"].get(part) or {}), **words}
    held["metadata"][part] = {key: text for key, text in merged.items() if text is not None}
    cluster.put(held)
    await anyio.sleep(30)


def pods(cluster: FakeCluster, shape: Shape = SHAPES["raw"]) -> dict[str, Any]:
    return copy.deepcopy(pods_of(found(cluster, shape.resource, shape.key)))


def words(cluster: FakeCluster, part: str, shape: Shape = SHAPES["raw"]) -> list[dict[str, str]]:
    """The labels or annotations of each pod template."""
    document = copy.deepcopy(found(cluster, shape.resource, shape.key))
    return [item.get(part) or {} for item in pod_metadata(document)]


async def new_image(cluster: FakeCluster, text: str) -> None:
    held = found(cluster, CLUSTER_SERVING_RUNTIMES, ObjectKey("", "r"))
    cluster.put({**held, "spec": runtime(image=text)["spec"]})
    await anyio.sleep(30)


@pytest.mark.parametrize("name", SHAPES)
def test_a_label_that_comes_changes_and_goes_replaces_no_pods(name: str) -> None:
    shape = SHAPES[name]

    async def body(cluster: FakeCluster) -> None:
        before = pods(cluster, shape)
        assert all(item["of-old"] == "1" for item in words(cluster, "labels", shape))
        for team in ("red", "blue", None):
            await describe(cluster, "labels", team=team)
            assert pods(cluster, shape) == before
            own = found(cluster, shape.resource, shape.key)["metadata"]["labels"]
            assert own.get("team") == team, "the workload itself has it at once"
        await describe(cluster, "labels", **{"of-old": None})
        assert pods(cluster, shape) == before
        await describe(cluster, "labels", **{"of-old": "2"})
        assert pods(cluster, shape) == before

    play(body, shape, labels={"of-old": "1"})


@pytest.mark.parametrize("name", SHAPES)
def test_what_tools_and_users_note_on_a_service_replaces_no_pods(name: str) -> None:
    shape = SHAPES[name]

    async def body(cluster: FakeCluster) -> None:
        before = pods(cluster, shape)
        for key, text in {**BY_OTHERS, **OURS}.items():
            await describe(cluster, "annotations", **{key: text})
            assert pods(cluster, shape) == before, key
        for key in (*BY_OTHERS, *OURS):
            await describe(cluster, "annotations", **{key: None})
            assert pods(cluster, shape) == before, key

    play(body, shape)


def test_words_come_along_when_something_that_matters_replaces_the_pods() -> None:
    async def body(cluster: FakeCluster) -> None:
        await describe(cluster, "labels", team="red", **{"of-old": None})
        await describe(cluster, "annotations", note="here")
        edit(cluster, engine={"minReplicas": 1, "maxReplicas": 3})  # only the autoscaler's
        await anyio.sleep(30)
        assert words(cluster, "labels")[0].get("team") is None
        await new_image(cluster, "example.test/serve:2")
        (labels,), (annotations,) = words(cluster, "labels"), words(cluster, "annotations")
        assert (labels["team"], labels.get("of-old"), annotations["note"]) == ("red", None, "here")
        available(cluster)
        await anyio.sleep(1)
        before = pods(cluster)
        await describe(cluster, "labels", team="blue")
        assert pods(cluster) == before

    play(body, labels={"of-old": "1"})


@pytest.mark.parametrize(
    ("part", "key"),
    [
        ("annotations", "rdma.ome.io/auto-inject"),
        ("annotations", "ome.io/inject-serving-sidecar"),
        ("annotations", "ome.io/volcano-queue"),
        ("annotations", "prometheus.io/scrape"),
        ("annotations", "k8s.v1.cni.cncf.io/networks"),
        ("labels", "sidecar.istio.io/inject"),
        ("labels", "kueue.x-k8s.io/queue-name"),
    ],
)
def test_what_shapes_pods_reaches_them_at_once(part: str, key: str) -> None:
    async def body(cluster: FakeCluster) -> None:
        await describe(cluster, "labels", team="red")
        for text in ("true", "false", None):
            await describe(cluster, part, **{key: text})
            assert words(cluster, part)[0].get(key) == text
            assert words(cluster, "labels")[0]["team"] == "red"
            available(cluster)
            await anyio.sleep(1)

    play(body)


@pytest.mark.parametrize("part", ["labels", "annotations"])
def test_what_a_component_asks_for_reaches_its_pods_at_once(part: str) -> None:
    async def body(cluster: FakeCluster) -> None:
        async def asks(**asked: str) -> None:
            edit(cluster, engine={"minReplicas": 1, part: asked} if asked else {"minReplicas": 1})
            await anyio.sleep(30)
            available(cluster)
            await anyio.sleep(1)

        for asked in ({"team": "a"}, {"team": "b"}, {"team": "b", "more": "c"}, {"team": "b"}, {}):
            await asks(**asked)
            now = words(cluster, part)[0]
            assert {key: now[key] for key in ("team", "more") if key in now} == asked
        # The service's own word under the component's shows again when the component's goes.
        await asks(team="a")
        await describe(cluster, part, team="own")
        assert words(cluster, part)[0]["team"] == "a"
        await asks()
        assert words(cluster, part)[0]["team"] == "own"

    play(body, labels={"of-old": "1"})


BESIDE = {
    "ome.io/autoscalerClass": "external",
    "ome.io/targetUtilizationPercentage": "70",
    "ome.io/metrics": "memory",
    "autoscaling.keda.sh/threshold": "5",
    "ome.io/service-type": "NodePort",
    "ome.io/ingress-domain": "example.test",
    "service.beta.kubernetes.io/aws-load-balancer-type": "nlb",
}
"""What a component asks of its autoscaler and its Service."""


@pytest.mark.parametrize("name", SHAPES)
def test_what_a_component_asks_of_something_beside_its_pods_replaces_none(name: str) -> None:
    shape = SHAPES[name]

    async def body(cluster: FakeCluster) -> None:
        async def asks(**asked: str) -> None:
            held = shape.engine.get("annotations") or {}
            edit(cluster, engine={**shape.engine, "annotations": {**held, "team": "a", **asked}})
            await anyio.sleep(30)

        await asks(**{"ome.io/service-type": "ClusterIP"})
        if shape.resource is DEPLOYMENTS:
            available(cluster)
        await describe(cluster, "labels", team="red")
        before = pods(cluster, shape)
        for key, text in BESIDE.items():
            await asks(**{key: text})
            assert pods(cluster, shape) == before, key
            own = found(cluster, shape.resource, shape.key)["metadata"]["annotations"]
            assert own.get(key) == (text if shape.resource is not KNATIVE_SERVICES else None)
        await asks()
        assert pods(cluster, shape) == before
        await asks(more="b")
        assert pods(cluster, shape) != before
        assert words(cluster, "annotations", shape)[0].get("ome.io/service-type") is None

    play(body, shape)


@pytest.mark.parametrize(
    "odd", ["[" * 5000, "7", '{"labels": 7, "annotations": {"a": 1}, "beside": true}']
)
def test_a_record_that_somebody_else_wrote_says_nothing(odd: str) -> None:
    async def main() -> None:
        cluster = new_cluster()
        for item in (model(), runtime(), service(labels={"team": "a"})):
            cluster.put(item)
        async with operator(cluster):
            await anyio.sleep(1)
            held = found(cluster, DEPLOYMENTS, ENGINE)
            said = held["metadata"]["annotations"]["ome.io/passed-on"]
            held["metadata"]["annotations"]["ome.io/passed-on"] = odd
            cluster.put(held)
            edit(cluster, engine={"minReplicas": 2})
            await anyio.sleep(60)
            made = found(cluster, DEPLOYMENTS, ENGINE)
            assert made["metadata"]["annotations"]["ome.io/passed-on"] == said

    run_virtual(main)


def test_a_former_version_did_not_tell_them_apart() -> None:
    """Its record and its hashes are understood: taking over from it replaces no pods."""
    asked = {"ome.io/service-type": "ClusterIP"}

    async def main() -> None:
        cluster = new_cluster()
        described = service(labels={"team": "a"}, engine={"minReplicas": 1, "annotations": asked})
        for item in (model(), runtime(), described):
            cluster.put(item)
        async with operator(cluster):
            await anyio.sleep(1)
        held = found(cluster, DEPLOYMENTS, ENGINE)
        record = json.loads(held["metadata"]["annotations"]["ome.io/passed-on"])
        assert record.pop("beside") == ["ome.io/service-type"]
        held["metadata"]["annotations"]["ome.io/passed-on"] = json.dumps(record)
        # Its pods are another operator's, kept with a hash of what was planned instead.
        held["metadata"]["annotations"] |= {
            "ome.io/rendering": "adopted-1",
            "ome.io/planned-hash": essence_hash(held),
        }
        held["spec"]["template"]["spec"]["containers"][0]["image"] = "example.test/go:1"
        cluster.put(held)
        available(cluster)
        before = pods(cluster)
        async with operator(cluster, 2):
            await anyio.sleep(30)
            assert pods(cluster) == before
            await describe(cluster, "labels", team="b")
            assert pods(cluster) == before

    run_virtual(main)


def test_what_others_put_into_a_template_stays_theirs() -> None:
    async def body(cluster: FakeCluster) -> None:
        held = found(cluster, DEPLOYMENTS, ENGINE)
        restarted = {"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"}
        held["spec"]["template"]["metadata"]["annotations"] |= restarted
        cluster.put(held)
        available(cluster)
        await anyio.sleep(1)
        before = pods(cluster)
        await describe(cluster, "labels", team="red", **{"of-old": None})
        await describe(cluster, "annotations", note="here")
        assert pods(cluster) == before
        assert words(cluster, "annotations")[0].items() >= restarted.items()
        assert condition(cluster, "Ready")["status"] == "True"

    play(body, labels={"of-old": "1"})


def test_words_replace_no_pods_that_another_operator_made() -> None:
    async def main() -> None:
        cluster = new_cluster()
        for item in (model(), runtime(), service()):
            cluster.put(item)
        async with operator(cluster):
            await anyio.sleep(1)
        held = found(cluster, DEPLOYMENTS, ENGINE)
        annotations = held["metadata"]["annotations"]
        for key in [key for key in annotations if key.startswith("ome.io/")]:
            del annotations[key]
        held["spec"]["template"]["spec"]["containers"][0]["image"] = "example.test/go:1"
        held["metadata"]["managedFields"] = []
        cluster.put(held)
        available(cluster)
        async with operator(cluster, 2):
            await anyio.sleep(30)
            before = pods(cluster)
            for team in ("red", "blue", None):
                await describe(cluster, "labels", team=team)
                assert pods(cluster) == before
            known = model(vendor="qwen")
            known["metadata"]["annotations"] = {"models.ome.io/category": "LARGE"}
            cluster.put(known)
            await anyio.sleep(30)
            assert pods(cluster) == before
            await new_image(cluster, "example.test/serve:2")
            assert pods(cluster) != before

    run_virtual(main)
