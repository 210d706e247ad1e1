"""A fine-tuned weight with a path, from apply to the nodes that have it to its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread
import pytest

from ome.sandbox.hub import Repository, running_hub
from ome.sandbox.safetensors_files import llama_repository
from tests import cluster
from tests.e2e.harness import free_port, manager
from tests.e2e.test_agent import an_agent, model, node  # noqa: F401  # a fixture
from tests.storage.support import on_disk

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(600)]

FILES = llama_repository(1)


def weight(name: str, base: str, node: str, place: Path) -> dict[str, Any]:  # noqa: F811
    storage = model(name, node, place)["spec"]["storage"]
    spec = {
        "baseModelRef": {"name": base},
        "modelType": "LoRA",
        "hyperParameters": {"strategy": "lora"},
        "storage": {**storage, "storageUri": "hf://org/adapter"},
    }
    return {
        "apiVersion": "ome.io/v1beta1",
        "kind": "FineTunedWeight",
        "metadata": {"name": name},
        "spec": spec,
    }


async def until(holds: Callable[[], object]) -> None:
    await anyio.to_thread.run_sync(cluster.eventually, holds, 200.0, 0.5)


async def test_from_apply_to_its_node_to_its_end(
    tmp_path: Path,
    namespace: str,
    node: str,  # noqa: F811
) -> None:
    root, name, base = tmp_path / "models", f"w-{node}", f"b-{node}"
    root.mkdir()

    def found() -> dict[str, Any]:
        return cluster.get("finetunedweights", name) or {}

    def is_ready() -> bool:
        status = found().get("status") or {}
        return (status.get("state"), status.get("nodesReady")) == ("Ready", [node])

    def label() -> str | None:
        held = (cluster.get("nodes", node) or {"metadata": {}})["metadata"].get("labels") or {}
        value: str | None = held.get(f"models.ome.io/finetunedweight.{name}")
        return value

    async with running_hub(
        {"org/tiny": Repository(FILES), "org/adapter": Repository(FILES)}
    ) as hub:
        with (
            manager(tmp_path / "manager.log", namespace),
            an_agent(node, namespace, root, hub, tmp_path / "log", free_port()),
        ):
            cluster.apply(model(base, node, root / "base"))
            cluster.apply(weight(name, base, node, root / "w"))
            await until(is_ready)
            await until(lambda: label() == "Ready")
            assert on_disk(root / "w") == FILES
            spec = found()["spec"]
            assert spec == weight(name, base, node, root / "w")["spec"]  # nothing is filled in
            assert found()["status"]["nodesReadyCount"] == 1
            assert found()["metadata"]["finalizers"] == ["finetunedweights.ome.io/finalizer"]
            cluster.delete("finetunedweights", name, wait=0)
            await until(lambda: not found())
            assert not (root / "w").exists()
            await until(lambda: label() is None)
            held = cluster.get("configmaps", node, namespace) or {}
            assert list(held["data"]) == [f"clusterbasemodel.{base}"]
            cluster.delete("clusterbasemodels", base, wait=0)
            await until(lambda: not cluster.get("clusterbasemodels", base))
    assert "reconcile.panic" not in (tmp_path / "manager.log").read_text()
