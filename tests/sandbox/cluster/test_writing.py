"""Writes and work loops: nothing is lost when others write too, or when a key fails."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import pytest

from ome.kube.resource import ObjectKey
from ome.kube.resources import CONFIGMAPS
from ome.sandbox.apiserver.local import Local
from ome.sandbox.cluster.loop import Loop
from ome.sandbox.cluster.writer import Writer
from ome.sandbox.refusal import Refused
from tests.sandbox.cluster.world import NAMESPACE, play
from tests.support.virtual_time import VirtualClock, run_virtual

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.kube.resource import Resource
    from ome.sandbox.stored import Stored
    from tests.sandbox.cluster.world import World

KEY = ObjectKey(NAMESPACE, "shared")


class SlowLocal(Local):
    """A server that takes its time, as it does when it calls webhooks: others get in between."""

    conflicts = 0

    async def update(
        self, resource: Resource, document: Mapping[str, Any], *, user: str, subresource: str = ""
    ) -> Stored:
        await anyio.sleep(0.01)
        try:
            return await super().update(resource, document, user=user, subresource=subresource)
        except Refused:
            self.conflicts += 1
            raise


def test_many_writers_lose_none_of_their_changes() -> None:
    async def body(world: World) -> None:
        made = await world.create({"kind": "ConfigMap", "metadata": {"name": "shared"}, "data": {}})
        local = SlowLocal(world.server)

        async def write(name: str, step: int) -> None:
            def change(document: dict[str, Any]) -> None:
                document.setdefault("data", {})[f"{name}-{step}"] = "here"

            writer = Writer(local, name)
            await writer.change(CONFIGMAPS, KEY, made["metadata"]["uid"], change)

        async def write_all(name: str) -> None:
            for step in range(5):
                await write(name, step)

        async with anyio.create_task_group() as group:
            for number in range(4):
                group.start_soon(write_all, f"writer-{number}")
        assert len(world.there("ConfigMap", "shared")["data"]) == 20
        assert local.conflicts > 0

    play(body)


def test_a_writer_leaves_a_namesake_alone_and_forgives_what_is_gone() -> None:
    async def body(world: World) -> None:
        writer = Writer(world.local, "writer")
        await world.create({"kind": "ConfigMap", "metadata": {"name": "shared"}})

        def change(document: dict[str, Any]) -> None:
            document["data"] = {"written": "yes"}

        assert await writer.change(CONFIGMAPS, KEY, "another-uid", change) is None
        assert not await writer.delete(CONFIGMAPS, KEY, "another-uid")
        assert "data" not in world.there("ConfigMap", "shared")
        assert await writer.delete(CONFIGMAPS, KEY)
        assert not await writer.delete(CONFIGMAPS, KEY)
        assert await writer.change(CONFIGMAPS, KEY, "", change) is None

    play(body)


@pytest.mark.parametrize("error", [Refused(409, "Conflict", "not now"), RuntimeError("a bug")])
def test_a_key_that_fails_comes_back_and_harms_no_other(error: Exception) -> None:
    async def main() -> dict[str, int]:
        tries: dict[str, int] = {}

        async def work(key: str) -> None:
            tries[key] = tries.get(key, 0) + 1
            if key == "bad" and tries[key] < 4:
                raise error

        loop: Loop[str] = Loop("test", VirtualClock(), random.Random(1), work)
        async with anyio.create_task_group() as group:
            group.start_soon(loop.run)
            for key in ("bad", "good"):
                loop.add(key)
            await anyio.sleep(60)
            group.cancel_scope.cancel()
        return tries

    assert run_virtual(main) == {"bad": 4, "good": 1}
