"""Files from node to node: the hub serves a model a few times, however many nodes there are."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import aiohttp
import pytest
from aiohttp import web

from ome.agent.blobs import Blobs
from ome.agent.fetch.manifest import Manifest, save
from ome.agent.fetch.peers import NoPeer, PeersBusy, with_peers
from ome.agent.protocol import READY
from ome.kube.resource import ObjectKey
from ome.kube.resources import NODES
from ome.sandbox.hub import Repository, git_blob, running_hub
from ome.sandbox.safetensors_files import llama_repository
from ome.storage.sources import Checksum, RemoteFile
from ome.storage.transfer import FileFact
from tests.agent.support import World, agents, model, new_cluster, peering, said, until
from tests.kube.server import serving
from tests.storage.support import around, on_disk, opened, read_all

if TYPE_CHECKING:
    from pathlib import Path

    from ome.sandbox.hub import Hub

pytestmark = pytest.mark.timeout(180)
"""A busy machine is no failure."""

FILES = llama_repository(3)
TOTAL = sum(map(len, FILES.values()))


async def spread(world: World, hub: Hub, count: int, host: str = "127.0.0.1") -> None:
    """A model onto so many nodes."""
    nodes = [f"n{number}" for number in range(count)]
    cluster = world.cluster
    async with peering(world, *nodes, host=host), agents(world):
        cluster.put(model())
        await until(
            lambda: all((entry := said(cluster, n)) and entry.status == READY for n in nodes), 240
        )
        for node in nodes:
            assert on_disk(world.disk_of(node) / "m") == FILES
    for name, content in FILES.items():
        assert hub.served[name] <= 3 * len(content)
    assert sum(hub.served.values()) + sum(world.sent.values()) >= count * TOTAL


async def test_a_few_nodes_fetch_and_the_others_take_from_them(tmp_path: Path) -> None:
    async with running_hub({"org/tiny": Repository(FILES)}) as hub:
        world = World(new_cluster(*(f"n{number}" for number in range(6))), hub, tmp_path)
        await spread(world, hub, 6)
        assert len(world.sent) >= 1


async def test_a_seed_gives_its_place_up_when_the_others_can_see_that_it_has_the_model(
    tmp_path: Path,
) -> None:
    async with running_hub({"org/tiny": Repository(FILES)}) as hub:
        world = World(new_cluster(*(f"n{number}" for number in range(8))), hub, tmp_path)
        # Long against the turns: a node that waits comes by many times before a label is written.
        world.settings["report_seconds"] = 1.0
        await spread(world, hub, 8)
        for name, content in FILES.items():
            assert hub.served[name] <= 2 * len(content)


async def test_nodes_that_have_ipv6_alone(tmp_path: Path) -> None:
    async with running_hub({"org/tiny": Repository(FILES)}) as hub:
        # Two nodes may fetch from the hub, the third may not.
        world = World(new_cluster("n0", "n1", "n2"), hub, tmp_path)
        await spread(world, hub, 3, host="::1")
        node = world.cluster.object(NODES, ObjectKey("", "n0")) or {}
        address = node["metadata"]["annotations"]["models.ome.io/agent-address"]
        assert address.startswith("http://[::1]:")
        assert sum(world.sent.values()) >= TOTAL


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_fifty_nodes_and_a_hub_that_serves_each_byte_at_most_three_times(
    tmp_path: Path,
) -> None:
    async with running_hub({"org/tiny": Repository(FILES)}) as hub:
        world = World(new_cluster(*(f"n{number}" for number in range(50))), hub, tmp_path)
        await spread(world, hub, 50)


async def test_peers_that_lie_or_are_away_cost_nothing_but_a_request(tmp_path: Path) -> None:
    content = FILES["config.json"]
    file = RemoteFile("config.json", len(content), Checksum("git-sha1", git_blob(content)))
    async with running_hub({"org/tiny": Repository(FILES)}) as hub:
        opening = opened("hf://org/tiny", {"endpoint": hub.url})
        async with opening as source:
            await source.list()
            away = ("http://127.0.0.1:9", hub.url)  # the hub knows no such path
            async with with_peers(source, away, True, around()) as near:
                assert await read_all(near, file) == content
            async with with_peers(source, away, False, around()) as near:
                with pytest.raises(NoPeer, match="none of 2 nodes"):
                    await read_all(near, file)
            unhashed = RemoteFile("config.json", len(content))
            async with with_peers(source, away, False, around()) as near:
                assert await read_all(near, unhashed) == content


async def test_a_node_gives_only_what_it_verified_and_is_as_it_was(tmp_path: Path) -> None:
    name = "model-00001-of-00003.safetensors"
    async with running_hub({"org/tiny": Repository(FILES)}) as hub:
        world = World(new_cluster("n0", "n1"), hub, tmp_path)
        async with peering(world, "n0", "n1"), agents(world, "n0"):
            world.cluster.put(model())
            await until(lambda: (entry := said(world.cluster, "n0")) and entry.status == READY)
            turn_address = await until_announced(world)
            blob = f"{turn_address}/peer/v1/git-sha1/{git_blob(FILES['README.md'])}"
            async with aiohttp.ClientSession() as session:
                async with session.get(blob, headers={"Range": "bytes=2-5"}) as answer:
                    assert answer.status == 206
                    assert await answer.read() == FILES["README.md"][2:6]
                for path in ("sha256/" + "0" * 64, "md5/" + "0" * 32, "sha256/..%2f..%2fetc"):
                    async with session.get(f"{turn_address}/peer/v1/{path}") as answer:
                        assert answer.status == 404
                (world.disk_of("n0") / "m" / "README.md").write_text("changed")
                async with session.get(blob) as answer:
                    assert answer.status == 404
            assert (world.disk_of("n0") / "m" / name).exists()


async def test_no_proxy_stands_between_nodes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def peer(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=content)

    content = FILES["config.json"]
    file = RemoteFile("config.json", len(content), Checksum("git-sha1", git_blob(content)))
    async with running_hub({"org/tiny": Repository(FILES)}) as hub, serving(peer) as near:
        async with opened("hf://org/tiny", {"endpoint": hub.url}) as source:
            for name in ("http_proxy", "HTTP_PROXY"):
                monkeypatch.setenv(name, "http://127.0.0.1:9")
            monkeypatch.delenv("no_proxy", raising=False)
            monkeypatch.delenv("NO_PROXY", raising=False)
            async with with_peers(source, (near,), False, around()) as peers:
                assert await read_all(peers, file) == content


def test_a_manifest_that_comes_within_the_tick_of_a_folder_is_seen(tmp_path: Path) -> None:
    folder, fact = tmp_path / ".ome", FileFact(1, 0, "sha256:a")
    blobs = Blobs(str(tmp_path))
    path = tmp_path / "m" / "a"
    path.parent.mkdir()
    path.write_bytes(b"x")
    os.utime(path, ns=(0, 0))
    folder.mkdir()
    before = folder.stat().st_mtime_ns
    assert blobs._find("sha256:a") is None
    save(str(tmp_path), Manifest("k", "s", str(path.parent), "", {"a": fact}))
    os.utime(folder, ns=(before, before))
    assert blobs._find("sha256:a") == path


async def until_announced(world: World) -> str:
    def address() -> str:
        node = world.cluster.object(NODES, ObjectKey("", "n0")) or {"metadata": {}}
        found: str = node["metadata"].get("annotations", {}).get("models.ome.io/agent-address", "")
        return found

    await until(address)
    return address()


def test_a_busy_peer_is_no_missing_one() -> None:
    assert PeersBusy.reason != NoPeer.reason
    assert PeersBusy("later", 2.0).retry_after == 2.0
