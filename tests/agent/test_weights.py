"""Fine-tuned weights that lie on nodes: kept, reported and removed as models are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ome.agent.protocol import FAILED, READY, Entry, decode_entry
from ome.controllers.resources import CLUSTER_BASE_MODELS, FINE_TUNED_WEIGHTS
from ome.kube.resource import ObjectKey
from ome.kube.resources import CONFIGMAPS, NODES
from ome.sandbox.hub import Repository, Trouble, running_hub
from ome.sandbox.safetensors_files import llama_repository
from tests.agent.support import World, agents, model, new_cluster, said, until
from tests.storage.support import on_disk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = pytest.mark.timeout(180)

KEY = ObjectKey("", "m")
FILES = llama_repository(1)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with running_hub({"org/tiny": Repository(FILES)}) as hub:
        yield World(new_cluster("n1"), hub, tmp_path)


def weight(path: str | None = "/models/w", name: str = "m") -> dict[str, Any]:
    made = model(name, path=path)
    metadata = {"name": name, "finalizers": ["finetunedweights.ome.io/finalizer"]}
    return {**made, "kind": "FineTunedWeight", "metadata": metadata}


def told(world: World, name: str = "m") -> Entry | None:
    held = world.cluster.object(CONFIGMAPS, ObjectKey("ome", "n1")) or {}
    text = (held.get("data") or {}).get(f"finetunedweight.{name}")
    return None if text is None else decode_entry(text)


def labels(world: World) -> dict[str, str]:
    node = world.cluster.object(NODES, ObjectKey("", "n1")) or {"metadata": {}}
    return dict(node["metadata"].get("labels") or {})


def is_told(world: World, status: str) -> bool:
    """In the entry and in the label."""
    entry = told(world)
    label = labels(world).get("models.ome.io/finetunedweight.m")
    return entry is not None and entry.status == label == status


async def test_a_weight_comes_and_goes_and_nothing_of_its_configuration_is_said(
    world: World,
) -> None:
    place = world.disk_of("n1") / "w"
    async with agents(world):
        world.cluster.put(weight())
        await until(lambda: is_told(world, READY))
        entry = told(world)
        assert entry is not None
        assert entry.config is not None
        assert (entry.name, entry.path, entry.error) == ("m", "", None)
        assert (entry.config.model_type, entry.config.model_format) == ("", {})
        assert on_disk(place) == FILES
    writes = len(world.cluster.writes)
    async with agents(world):
        world.cluster.remove(FINE_TUNED_WEIGHTS, KEY)
        await until(lambda: told(world) is None and not labels(world))
        assert not place.exists()
    assert len(world.cluster.writes) > writes


async def test_without_a_path_it_is_the_pods_affair_and_again_when_the_path_goes(
    world: World,
) -> None:
    place = world.disk_of("n1") / "w"
    async with agents(world):
        world.cluster.put(weight(None, "bare"))
        world.cluster.put(weight())
        await until(lambda: is_told(world, READY))
        assert told(world, "bare") is None
        world.cluster.put(weight(None))
        await until(lambda: told(world) is None and not labels(world))
        assert not place.exists()


async def test_a_path_that_goes_amid_the_download_leaves_nothing_half(world: World) -> None:
    assert world.hub is not None
    world.hub.troubles.append(Trouble("model-00001", 99, chunk_seconds=0.05))
    root = world.disk_of("n1")
    async with agents(world):
        world.cluster.put(weight())
        await until((root / ".w.fetching").exists)
        world.cluster.put(weight(None))
        await until(lambda: told(world) is None and not labels(world))
        await until(lambda: not (root / ".w.fetching").exists())
        assert not (root / "w").exists()


async def test_a_model_of_its_name_is_another_object(world: World) -> None:
    root = world.disk_of("n1")
    async with agents(world):
        world.cluster.put(weight())
        world.cluster.put(model())
        await until(lambda: is_told(world, READY))
        await until(lambda: (entry := said(world.cluster)) and entry.status == READY)
        found = world.cluster.object(FINE_TUNED_WEIGHTS, KEY)
        assert found is not None
        found["metadata"]["finalizers"] = []  # gone before the agent sees that it goes
        world.cluster.put(found)
        world.cluster.remove(FINE_TUNED_WEIGHTS, KEY)
        await until(lambda: told(world) is None and not (root / "w").exists())
        assert on_disk(root / "m") == FILES
        world.cluster.put(weight())
        await until(lambda: is_told(world, READY))
        world.cluster.remove(CLUSTER_BASE_MODELS, KEY)
        await until(lambda: said(world.cluster) is None)
        assert on_disk(root / "w") == FILES


async def test_a_directory_of_other_content_is_not_its_own(world: World) -> None:
    root = world.disk_of("n1")
    async with agents(world):
        world.cluster.put(model())
        await until(lambda: (entry := said(world.cluster)) and entry.status == READY)
        taken = weight("/models/m")
        taken["spec"]["storage"]["storageUri"] = "hf://org/other"
        world.cluster.put(taken)
        await until(lambda: is_told(world, FAILED))
        entry = told(world)
        assert entry is not None
        assert entry.error is not None
        assert "is that of ClusterBaseModel m" in entry.error.message
        world.cluster.remove(FINE_TUNED_WEIGHTS, KEY)
        await until(lambda: told(world) is None)
        assert on_disk(root / "m") == FILES


async def test_a_weight_may_be_a_link_to_a_model_of_its_content_and_outlives_it(
    world: World,
) -> None:
    root = world.disk_of("n1")
    linked = weight()
    linked["spec"]["storage"]["downloadPolicy"] = "ReuseIfExists"
    async with agents(world):
        world.cluster.put(model())
        await until(lambda: (entry := said(world.cluster)) and entry.status == READY)
        world.cluster.put(linked)
        await until(lambda: is_told(world, READY))
        assert (root / "w").is_symlink()
        world.cluster.remove(CLUSTER_BASE_MODELS, KEY)
        await until(lambda: said(world.cluster) is None)
        assert on_disk(root / "w") == FILES
        world.cluster.remove(FINE_TUNED_WEIGHTS, KEY)
        await until(lambda: told(world) is None)
        await until(lambda: not (root / "m").exists() and not (root / "w").is_symlink())
