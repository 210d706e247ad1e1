"""Reading caches, and asking the server only for what they lack."""

from __future__ import annotations

import random
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from ome.cli.webhooks import declare_caches
from ome.controllers import resources as kinds
from ome.errors import TransportError
from ome.informers.registry import Informers
from ome.kube import Client
from ome.kube.resource import ObjectKey, Resource
from ome.kube.resources import CONFIGMAPS, PODS
from ome.webhooks.lookup import Lookups
from ome.webhooks.registry import BadSetting
from tests.support.fake_cluster import FakeCluster
from tests.support.virtual_time import VirtualClock, run_virtual

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

KINDS = [value for value in vars(kinds).values() if isinstance(value, Resource)]


def obj(resource: Resource, name: str, namespace: str = "", **fields: Any) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name, **fields.pop("metadata", {})}
    if namespace:
        metadata["namespace"] = namespace
    return {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": metadata,
        **fields,
    }


def running(runtime: str, namespace: str, service: str, name: str) -> dict[str, Any]:
    metadata = {
        "labels": {"ome.io/inferenceservice": service},
        "annotations": {"ome.io/serving-runtime": runtime},
    }
    return obj(PODS, name, namespace, metadata=metadata)


@asynccontextmanager
async def caches(cluster: FakeCluster) -> AsyncIterator[Lookups]:
    clock, rng = VirtualClock(), random.Random(1)
    client = Client(cluster, clock=clock, rng=rng)
    informers = Informers(client, clock, rng)
    lookups = Lookups(declare_caches(informers, "ome"), client, "ome")
    async with anyio.create_task_group() as group:
        await group.start(informers.run)
        await informers.wait_synced()
        yield lookups
        group.cancel_scope.cancel()


def with_objects(
    *objects: dict[str, Any],
) -> Callable[[Callable[[FakeCluster, Lookups], Awaitable[None]]], None]:
    def run(scenario: Callable[[FakeCluster, Lookups], Awaitable[None]]) -> None:
        async def main() -> None:
            cluster = FakeCluster(*KINDS, clock=VirtualClock())
            for item in objects:
                cluster.put(item)
            async with caches(cluster) as lookups:
                await scenario(cluster, lookups)

        run_virtual(main)

    return run


def asked_for(name: str, cluster: FakeCluster) -> list[str]:
    """The paths of the reads of an object."""
    return [item.path for item in cluster.requests if item.path.endswith(f"/{name}")]


def test_names_resolve_in_the_namespace_first_and_at_cluster_scope() -> None:
    async def scenario(cluster: FakeCluster, lookups: Lookups) -> None:
        reading = lookups.reading()
        for namespace, name, kind in (
            ("team", "both", "BaseModel"),
            ("other", "both", "ClusterBaseModel"),
            ("", "both", "ClusterBaseModel"),
            ("team", "none", None),
        ):
            found = reading.base_model(namespace, name)
            assert (found and found["kind"]) == kind
        runtime = reading.runtime("team", "sglang")
        assert runtime is not None
        assert runtime["kind"] == "ClusterServingRuntime"
        assert [item["metadata"]["name"] for item in reading.runtimes("team")] == ["own", "sglang"]
        assert [item["metadata"]["name"] for item in reading.cluster_runtimes()] == ["sglang"]
        assert reading.accelerator("h100") is not None
        assert len(reading.accelerators()) == 1
        assert reading.fine_tuned_weight("tuned") is not None
        assert reading.inference_service("team", "chat") is not None
        assert reading.migrates_predictors()
        assert reading.base_model("team", "") is None

    with_objects(
        obj(kinds.BASE_MODELS, "both", "team"),
        obj(kinds.CLUSTER_BASE_MODELS, "both"),
        obj(kinds.SERVING_RUNTIMES, "own", "team"),
        obj(kinds.SERVING_RUNTIMES, "theirs", "other"),
        obj(kinds.CLUSTER_SERVING_RUNTIMES, "sglang"),
        obj(kinds.ACCELERATOR_CLASSES, "h100"),
        obj(kinds.FINE_TUNED_WEIGHTS, "tuned"),
        obj(kinds.INFERENCE_SERVICES, "chat", "team"),
    )(scenario)


def test_what_the_cache_lacks_is_fetched_once_and_only_when_asked() -> None:
    async def scenario(cluster: FakeCluster, lookups: Lookups) -> None:
        cluster.put(obj(kinds.CLUSTER_BASE_MODELS, "new"))  # the watch has not told of it yet
        reading = lookups.reading()
        assert reading.base_model("team", "new") is None
        assert asked_for("new", cluster) == []
        assert await reading.fetch()
        asked = [
            "/apis/ome.io/v1beta1/namespaces/team/basemodels/new",
            "/apis/ome.io/v1beta1/clusterbasemodels/new",
        ]
        assert asked_for("new", cluster) == asked
        found = reading.base_model("team", "new")
        assert found is not None
        assert found["kind"] == "ClusterBaseModel"
        assert asked_for("new", cluster) == asked

    with_objects()(scenario)


def test_runtimes_that_came_or_changed_just_now_are_fetched_before_a_refusal() -> None:
    async def scenario(cluster: FakeCluster, lookups: Lookups) -> None:
        def runtimes() -> list[tuple[str, bool]]:
            return sorted(
                (item["metadata"]["name"], bool((item.get("spec") or {}).get("disabled")))
                for item in reading.runtimes("team")
            )

        reading = lookups.reading()
        assert runtimes() == [("old", True)]
        # The watch has told of none of these yet.
        cluster.put(obj(kinds.SERVING_RUNTIMES, "own", "team"))
        cluster.put(obj(kinds.SERVING_RUNTIMES, "theirs", "other"))
        cluster.put(obj(kinds.CLUSTER_SERVING_RUNTIMES, "new"))
        cluster.put(obj(kinds.CLUSTER_SERVING_RUNTIMES, "old", spec={"disabled": False}))
        assert runtimes() == [("old", True)]
        assert await reading.fetch()
        assert runtimes() == [("new", False), ("old", False), ("own", False)]
        before = len(cluster.requests)
        other = lookups.reading()
        other.base_model("team", "none")
        assert not await other.fetch()
        assert len(cluster.requests) == before + 2, "nobody looked through runtimes"

    with_objects(obj(kinds.CLUSTER_SERVING_RUNTIMES, "old", spec={"disabled": True}))(scenario)


def test_many_new_runtimes_are_known_after_a_fetch_or_two() -> None:
    """Whether they were fetched or the watch caught up while the server was asked."""

    async def scenario(cluster: FakeCluster, lookups: Lookups) -> None:
        reading = lookups.reading()
        assert reading.runtimes("team") == []
        written = [f"r{number:02}" for number in (3, 9, 1, 7, 0, 5, 8, 2, 6, 4)]
        for name in written:  # all in one second, and the watch has told of none
            cluster.put(obj(kinds.CLUSTER_SERVING_RUNTIMES, name))

        def known() -> set[str]:
            return {item["metadata"]["name"] for item in reading.runtimes("team")}

        assert await reading.fetch()
        assert set(written[-2:]) <= known()
        while await reading.fetch():
            pass
        assert known() == set(written)

    with_objects()(scenario)


def test_a_cluster_without_runtimes_has_none_to_fetch() -> None:
    async def scenario(cluster: FakeCluster, lookups: Lookups) -> None:
        reading = lookups.reading()
        assert reading.runtimes("team") == []
        assert not await reading.fetch()

    with_objects()(scenario)


def test_what_is_nowhere_is_asked_for_once_and_a_silent_server_is_an_error() -> None:
    async def scenario(cluster: FakeCluster, lookups: Lookups) -> None:
        reading = lookups.reading()
        assert reading.fine_tuned_weight("gone") is None
        assert not await reading.fetch()
        assert reading.fine_tuned_weight("gone") is None
        assert not await reading.fetch()
        assert len(asked_for("gone", cluster)) == 1
        other = lookups.reading()
        other.accelerator("a")
        cluster.fail("get", kinds.ACCELERATOR_CLASSES, TransportError("away"), times=100)
        with pytest.raises(TransportError):
            await other.fetch()

    with_objects()(scenario)


def test_users_of_a_runtime_are_counted_by_what_its_name_means_to_them() -> None:
    async def scenario(cluster: FakeCluster, lookups: Lookups) -> None:
        reading = lookups.reading()
        assert reading.services_using("ClusterServingRuntime", "", "sglang") == (2, 3)
        assert reading.services_using("ServingRuntime", "own", "sglang") == (1, 1)
        assert reading.services_using("ClusterServingRuntime", "", "unused") == (0, 0)

    with_objects(
        obj(kinds.CLUSTER_SERVING_RUNTIMES, "sglang"),
        obj(kinds.SERVING_RUNTIMES, "sglang", "own"),
        running("sglang", "a", "chat", "p1"),
        running("sglang", "a", "chat", "p2"),
        running("sglang", "b", "chat", "p3"),
        running("sglang", "own", "chat", "p4"),
        running("vllm", "a", "other", "p5"),
    )(scenario)


CONFIG = ObjectKey("ome", "inferenceservice-config")


def config(**data: str) -> dict[str, Any]:
    return obj(CONFIGMAPS, CONFIG.name, CONFIG.namespace, data=data)


def test_settings_follow_the_configmap_key_by_key() -> None:
    async def scenario(cluster: FakeCluster, lookups: Lookups) -> None:
        reading = lookups.reading()
        assert reading.config("deploy") is None
        cluster.put(config(deploy='{"a": 1}', broken="{", text='"x"'))
        await anyio.sleep(5)
        assert reading.config("deploy") == {"a": 1}
        assert reading.config("absent") is None
        for key in ("broken", "text"):
            for _ in range(2):
                with pytest.raises(BadSetting, match=f"unable to unmarshal {key} json string: "):
                    reading.config(key)
        cluster.put(config(deploy='{"a": 2}', broken="{}"))
        await anyio.sleep(5)
        assert reading.config("deploy") == {"a": 2}
        assert reading.config("broken") == {}

    with_objects()(scenario)
