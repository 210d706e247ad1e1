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
    FINE_TUNED_WEIGHTS,
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
    FINE_TUNED_WEIGHTS,
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


def test_what_a_service_means_by_another_name_is_read_too() -> None:
    async def main() -> None:
        cluster = played(*ALL)
        base = {"name": "own", "namespace": "models"}
        weight = {"baseModelRef": base, "modelType": "LoRA", "hyperParameters": {}, **_STORED}
        cluster.put({**_ome("FineTunedWeight"), "metadata": {"name": "w"}, "spec": weight})
        cluster.put({**_ome("BaseModel"), "metadata": base, "spec": _LLAMA})
        for name, spec in (
            ("of-weight", {"model": {"name": "w", "kind": "FineTunedWeight"}, "engine": {}}),
            ("old", {"predictor": {"model": {"baseModel": "llama"}, "minReplicas": 1}}),
        ):
            metadata = {"name": name, "namespace": "demo"}
            cluster.put({**_ome("InferenceService"), "metadata": metadata, "spec": spec})
        client = Client(cluster, clock=VirtualClock(), rng=random.Random(1))
        for name, model in (("of-weight", ("own", "models")), ("old", ("llama", ""))):
            said = account(await read_cluster(client, "demo", name), name)
            assert (said["model"]["name"], said["model"]["namespace"]) == model
            assert said["runtime"]["name"] == "narrow"

    run_virtual(main)


_STORED = {"storage": {"storageUri": "hf://example/w"}}
_LLAMA = {
    **_STORED,
    "modelFormat": {"name": "safetensors"},
    "modelFramework": {"name": "transformers"},
    "modelArchitecture": "LlamaForCausalLM",
    "modelParameterSize": "70.6B",
}


def _ome(kind: str) -> dict[str, Any]:
    return {"apiVersion": "ome.io/v1beta1", "kind": kind}
