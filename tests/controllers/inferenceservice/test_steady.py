"""A service that is as it should be is not written: in no mode, whatever happens around it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest

from ome.controllers.inferenceservice import planning
from ome.controllers.inferenceservice.workload import WORKLOADS
from ome.controllers.resources import (
    CLUSTER_BASE_MODELS,
    CLUSTER_SERVING_RUNTIMES,
    INFERENCE_SERVICES,
)
from ome.kube.resources import EVENTS
from tests.controllers.inferenceservice.lives import LIVES, begun
from tests.controllers.inferenceservice.world import (
    SERVICE,
    annotate,
    found,
    operator,
)
from tests.support.virtual_time import run_virtual

if TYPE_CHECKING:
    from tests.support.fake_cluster import FakeCluster

STAY = [name for name in LIVES if name != "deleted"]


def workloads(cluster: FakeCluster) -> dict[str, tuple[str, int]]:
    """The uid and the generation of everything that runs pods, by kind and name."""
    return {
        f"{item['kind']} {item['metadata']['name']}": (
            item["metadata"]["uid"],
            item["metadata"]["generation"],
        )
        for resource in WORKLOADS
        for item in cluster.objects(resource, "demo")
    }


async def around(cluster: FakeCluster) -> None:
    """Everything is applied anew as it is, then all that was watched is listed anew."""
    for resource in (CLUSTER_BASE_MODELS, CLUSTER_SERVING_RUNTIMES):
        for item in cluster.objects(resource):
            cluster.put(item)
    held = found(cluster, INFERENCE_SERVICES, SERVICE)
    annotations = held["metadata"].get("annotations") or {}
    told = {"kubectl.kubernetes.io/last-applied-configuration": "{}"}
    held["metadata"]["annotations"] = {**annotations, **told}
    cluster.put(held)
    await anyio.sleep(60)
    cluster.compact()
    cluster.expire_watch()
    await anyio.sleep(60)


def writes(cluster: FakeCluster, since: int) -> list[Any]:
    return [write for write in cluster.writes[since:] if write.resource != EVENTS]


@pytest.mark.parametrize("name", STAY)
def test_applying_again_restarting_and_listing_anew_write_nothing(name: str) -> None:
    async def main() -> None:
        life = LIVES[name]
        cluster = begun(life)
        async with operator(cluster):
            await life.play(cluster)
            before, since = workloads(cluster), len(cluster.writes)
            assert before or name == "virtual"
            await around(cluster)
            assert writes(cluster, since) == []
        async with operator(cluster, 2):
            await anyio.sleep(300)
            await around(cluster)
        assert writes(cluster, since) == []
        assert workloads(cluster) == before

    run_virtual(main)


@pytest.mark.parametrize("name", STAY)
def test_a_version_with_a_newer_rendering_writes_nothing_until_it_is_asked_to(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        life = LIVES[name]
        cluster = begun(life)
        async with operator(cluster):
            await life.play(cluster)
        before, since = workloads(cluster), len(cluster.writes)
        monkeypatch.setattr(planning, "RENDERINGS", ("1", "2"))
        async with operator(cluster, 2):
            await around(cluster)
            assert writes(cluster, since) == []
            assert workloads(cluster) == before
            annotate(cluster, upgrade_template="true")
            await anyio.sleep(60)
            renderings = {
                item["metadata"]["annotations"]["ome.io/rendering"]
                for resource in WORKLOADS
                for item in cluster.objects(resource, "demo")
            }
            assert renderings == (set() if name == "virtual" else {"2"})

    run_virtual(main)
