"""Models that come, change, move and go in any order, and an agent that is restarted meanwhile."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, NamedTuple

import anyio
import pytest

from ome.agent.protocol import FAILED, READY
from ome.controllers.resources import CLUSTER_BASE_MODELS
from ome.kube.resource import ObjectKey
from ome.sandbox.hub import Repository, running_hub
from ome.sandbox.safetensors_files import llama_repository
from tests.agent.support import World, agents, model, new_cluster, said, until
from tests.storage.support import on_disk
from tests.support.tiers import SLOW

if TYPE_CHECKING:
    from pathlib import Path

    from ome.agent.protocol import Entry

pytestmark = pytest.mark.timeout(300)

ONE_FILE = {"config.json": b"{}", "model.safetensors": b"x" * 50}
REPOSITORIES = {
    "org/r0": Repository(ONE_FILE, commit="0" * 40),
    "org/r1": Repository(llama_repository(2, seed=1), commit="1" * 40),
    "org/r2": Repository(llama_repository(3, seed=2), commit="2" * 40),
}
PATHS = ("/models/a", "/models/b/", "/models/sub/c", "/models/link/c", None)


class Wish(NamedTuple):
    """What the spec of a model says."""

    repository: str
    path: str | None
    reuse: bool

    @classmethod
    def drawn(cls, rng: random.Random) -> Wish:
        return cls(rng.choice([*REPOSITORIES]), rng.choice(PATHS), rng.random() < 0.4)


class Life:
    """A node and the models that its users want."""

    def __init__(self, world: World, rng: random.Random) -> None:
        self.world = world
        self.rng = rng
        self.wishes: dict[str, Wish] = {}

    def entry(self, name: str) -> Entry | None:
        return said(self.world.cluster, name=name)

    async def act(self) -> None:
        name = self.rng.choice("wxyz")
        if name in self.wishes and self.rng.random() < 0.25:
            del self.wishes[name]
            await self.delete(name)
            return
        wish, before = Wish.drawn(self.rng), self.wishes.get(name)
        if before is not None and self.rng.random() < 0.5:
            same_path = self.rng.random() < 0.5
            wish = wish._replace(path=before.path) if same_path else before._replace(path=wish.path)
        self.wishes[name] = wish
        policy = "ReuseIfExists" if wish.reuse else "AlwaysDownload"
        document = model(name, f"hf://{wish.repository}", path=wish.path, downloadPolicy=policy)
        self.world.cluster.put(document)

    async def delete(self, name: str) -> None:
        cluster, key = self.world.cluster, ObjectKey("", name)
        cluster.remove(CLUSTER_BASE_MODELS, key)
        await until(lambda: self.entry(name) is None)
        left = cluster.object(CLUSTER_BASE_MODELS, key)
        if left is not None:
            cluster.put({**left, "metadata": {**left["metadata"], "finalizers": []}})

    def is_quiet(self) -> bool:
        entries = map(self.entry, self.wishes)
        return all(entry is not None and entry.status in (READY, FAILED) for entry in entries)

    async def come_to_rest(self) -> None:
        for _ in range(2):
            await until(self.is_quiet)
            await anyio.sleep(0.5)
        await until(self.is_quiet)

    def check(self) -> None:
        for name, wish in self.wishes.items():
            entry = self.entry(name)
            assert entry is not None
            if entry.status == READY:
                path = wish.path or f"/models/hf:/{wish.repository}"
                found = on_disk(self.world.root / "n1" / path.lstrip("/"))
                assert found == REPOSITORIES[wish.repository].files, (name, wish)
            else:
                assert entry.error is not None
                assert entry.error.reason == "path_taken"

    async def end(self) -> None:
        """Without models there is nothing but what was there before, and directories around."""
        for name in self.rng.sample(sorted(self.wishes), len(self.wishes)):
            await self.delete(name)
        top = self.world.disk_of("n1")
        left = {path.relative_to(top).as_posix() for path in top.rglob("*")}
        own = {name for name in left if name.startswith(".ome/") and name.endswith(".lock")}
        assert left - own <= {".ome", "real", "link", "sub", "hf:", "hf:/org"}, left - own


@pytest.mark.parametrize("seed", (0, 2, 5, 7, 55, 83) if SLOW else (0, 7))
async def test_what_is_ready_is_right(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    async with running_hub(dict(REPOSITORIES)) as hub:
        world = World(new_cluster("n1"), hub, tmp_path)
        world.settings["repair_seconds"] = 0.1
        root = world.disk_of("n1")
        (root / "real").mkdir(parents=True)
        (root / "link").symlink_to(root / "real")
        life = Life(world, rng)
        for last in (False, False, True):
            async with agents(world):
                for _ in range(rng.randint(2, 6)):
                    await life.act()
                    if rng.random() < 0.5:
                        await anyio.sleep(rng.random() * 0.6)
                await life.come_to_rest()
                life.check()
                if last:
                    await life.end()
