from __future__ import annotations

import random

import pytest

from tests.informers.server import Server


@pytest.fixture
def server() -> Server:
    """A server with five things, the last of version 15."""
    server = Server(random.Random(3))
    for index, name in enumerate("abcde"):
        server.put(name, index)
    return server
