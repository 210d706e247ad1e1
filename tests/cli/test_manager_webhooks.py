"""``ome manager --webhook``: what the flag brings, on a fake cluster."""

from __future__ import annotations

import random
import socket
from typing import TYPE_CHECKING

import aiohttp
import anyio
import pytest

from ome.cli import main
from ome.cli.assembly import Settings, operate
from ome.clock import SystemClock
from ome.controllers import resources as kinds
from ome.kube.resource import ObjectKey, Resource
from ome.kube.resources import SECRETS
from ome.reconciler.manager import Listen
from ome.webhooks.serving import WebhookSettings
from ome.webhooks.table import client_config, configurations
from tests.support.fake_cluster import FakeCluster

if TYPE_CHECKING:
    from pathlib import Path

SECRET = ObjectKey("ome", "ome-webhook-server-cert")


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port: int = held.getsockname()[1]
        return port


async def until(url: str, text: str) -> None:
    """Wait until a probe says something."""
    async with aiohttp.ClientSession() as session:
        with anyio.fail_after(15):
            while True:
                try:
                    async with session.get(url) as answer:
                        if text in await answer.text():
                            return
                except aiohttp.ClientConnectionError:
                    pass
                await anyio.sleep(0.05)


async def test_the_replica_is_ready_once_callers_can_trust_it(tmp_path: Path) -> None:
    found = [value for value in vars(kinds).values() if isinstance(value, Resource)]
    cluster = FakeCluster(*found, clock=SystemClock())
    for name in ("default", "ome"):
        cluster.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    probes, port = free_port(), free_port()
    settings = WebhookSettings("ome", port, host="127.0.0.1", folder=tmp_path, linger=0)
    listen, rng = Listen(("127.0.0.1", probes), None), random.Random()
    async with anyio.create_task_group() as group:
        group.start_soon(operate, cluster, Settings("ome", listen, settings), SystemClock(), rng)
        url = f"http://127.0.0.1:{probes}/readyz"
        await until(f"{url}/webhooks", "is not installed")
        for document in configurations(client_config("ome")):
            cluster.put(document)
        await until(url, "ok")
        secret = cluster.object(SECRETS, SECRET)
        assert secret is not None
        assert set(secret["data"]) == {"tls.crt", "tls.key", "ca.crt", "ca.key"}
        async with aiohttp.ClientSession() as session:
            where = f"https://127.0.0.1:{port}/convert"
            async with session.post(where, ssl=False) as answer:
                assert answer.status == 404
        group.cancel_scope.cancel()


@pytest.mark.parametrize("port", ["0", "65536", "-1"])
def test_a_port_that_is_none_is_said(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["manager", "--webhook", f"--webhook-port={port}"])
    assert caught.value.code == 2
    assert f"--webhook-port={port}: expected a port, 1 to 65535" in capsys.readouterr().err
