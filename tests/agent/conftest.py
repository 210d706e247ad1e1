from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ome.sandbox.hub import Repository, running_hub
from tests.agent.support import FILES, World, new_cluster

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """One node, and a hub with a small model."""
    async with running_hub({"org/tiny": Repository(FILES)}) as hub:
        yield World(new_cluster("n1"), hub, tmp_path)
