"""Together with the real client, over the fake cluster's transport."""

from __future__ import annotations

import random
from typing import Any

import anyio
from structlog.testing import capture_logs

from ome.informers import Informers, PartialMetadata, WholeObject
from ome.kube.client import Client
from ome.kube.resource import ObjectKey
from ome.kube.resources import CONFIGMAPS
from tests.support.fake_cluster import FakeCluster
from tests.support.virtual_time import VirtualClock, run_virtual


def config_map(name: str, value: str, **labels: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "ome", "labels": labels},
        "data": {"key": value},
    }


def test_a_write_is_seen_at_once_and_a_lost_watch_is_made_good() -> None:
    async def main() -> None:
        clock = VirtualClock()
        cluster = FakeCluster(clock=clock)
        client = Client(cluster, clock=clock, rng=random.Random(1))
        for number in range(3):
            cluster.put(config_map(f"cm-{number}", "old", app="ome"))
        cluster.put(config_map("foreign", "old"))
        informers = Informers(client, clock, random.Random(1))
        ours = informers.informer(CONFIGMAPS, WholeObject, label_selector="app=ome")
        meta = informers.informer(CONFIGMAPS, PartialMetadata, metadata_only=True)
        key = ObjectKey("ome", "cm-0")

        def value() -> str:
            obj = ours.store.get(key)
            assert obj is not None
            return str(obj.document()["data"]["key"])

        async with anyio.create_task_group() as tasks:
            await tasks.start(informers.run)
            await informers.wait_synced(5)
            assert (len(ours.store), len(meta.store)) == (3, 4)
            ops = [{"op": "replace", "path": "/data/key", "value": "new"}]
            response = await client.json_patch(CONFIGMAPS, key, ops)
            ours.observed(response)
            assert value() == "new"
            await anyio.sleep(1)
            assert value() == "new"
            cluster.drop_watch(CONFIGMAPS, broken=True)
            cluster.put(config_map("cm-0", "newer", app="ome"))
            cluster.remove(CONFIGMAPS, ObjectKey("ome", "cm-1"))
            await anyio.sleep(5)
            assert value() == "newer"
            cluster.expire_watch(CONFIGMAPS)
            await anyio.sleep(5)
            assert {obj.metadata.name for obj in ours.store.values()} == {"cm-0", "cm-2"}
            assert {obj.metadata.name for obj in meta.store.values()} == {
                "cm-0",
                "cm-2",
                "foreign",
            }
            tasks.cancel_scope.cancel()

    with capture_logs():
        run_virtual(main)
