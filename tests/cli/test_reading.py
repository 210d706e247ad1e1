from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import anyio
import pytest

from ome.cli.reading import reading
from ome.errors import UserError
from ome.kube.resources import NODES

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = """
apiVersion: v1
kind: Config
current-context: a
contexts: [{name: a, context: {cluster: a, user: a}}]
clusters: [{name: a, cluster: {server: "http://127.0.0.1:%d"}}]
users: [{name: a, user: {token: not-a-real-token}}]
"""


def read(folder: Path, port: int) -> None:
    (folder / "config").write_text(CONFIG % port)

    async def nodes() -> None:
        async with reading("ome try", str(folder / "config"), 1) as client:
            await client.list(NODES)

    anyio.run(nodes)


def test_a_server_that_says_nothing_is_given_up(tmp_path: Path) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        port = held.getsockname()[1]
        wanted = rf"ome try: 127\.0\.0\.1:{port}: no answer in 1 s; is the cluster reachable\?"
        with pytest.raises(UserError, match=wanted):
            read(tmp_path, port)


def test_a_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"ome try: 127\.0\.0\.1:1: "):
        read(tmp_path, 1)
