"""From a cluster and from files the account is the same."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ome.cli.explain.account import explain, find_target
from ome.cli.explain.objects import read_cluster, read_files, stores
from ome.controllers.decode import KindDecoder
from ome.controllers.inferenceservice.world import World
from ome.controllers.resources import (
    ACCELERATOR_CLASSES,
    BASE_MODELS,
    CLUSTER_BASE_MODELS,
    CLUSTER_SERVING_RUNTIMES,
    INFERENCE_SERVICES,
    SERVING_RUNTIMES,
)
from ome.kube import Client
from tests.support.fake_cluster import FakeCluster
from tests.support.virtual_time import VirtualClock, run_virtual

if TYPE_CHECKING:
    from ome.kube.resource import Resource

FLEET = str(Path(__file__).parent / "fleet.yaml")
ALL = (
    INFERENCE_SERVICES,
    BASE_MODELS,
    CLUSTER_BASE_MODELS,
    SERVING_RUNTIMES,
    CLUSTER_SERVING_RUNTIMES,
    ACCELERATOR_CLASSES,
)


def account(documents: list[dict[str, Any]], name: str) -> dict[str, Any]:
    decode = KindDecoder()
    sources = stores(documents, VirtualClock())
    subject, service = find_target(sources, decode, name, "demo")
    return explain(World(sources, decode), subject, service).document()


def played(*resources: Resource) -> FakeCluster:
    cluster = FakeCluster(*resources, clock=VirtualClock())
    served = {resource.kind for resource in resources}
    for document in read_files([FLEET], "demo"):
        if document["kind"] in served:
            cluster.put(document)
    return cluster


def test_a_cluster_and_its_files_give_one_account() -> None:
    async def main() -> None:
        client = Client(played(*ALL), clock=VirtualClock(), rng=random.Random(1))
        files = read_files([FLEET], "demo")
        for name in ("chat", "named", "lost", "own", "wants-gone", "llama", "strange"):
            live = await read_cluster(client, "demo", name)
            assert account(live, name) == account(files, name)

    run_virtual(main)


def test_a_cluster_without_classes_is_explained_too() -> None:
    async def main() -> None:
        cluster = played(*(resource for resource in ALL if resource is not ACCELERATOR_CLASSES))
        client = Client(cluster, clock=VirtualClock(), rng=random.Random(1))
        said = account(await read_cluster(client, "demo", "chat"), "chat")
        assert said["runtime"]["name"] == "narrow"
        assert "not found at cluster scope" in said["accelerators"]["engine"]["warning"]

    run_virtual(main)
