"""Jobs, and the state of a disk after them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.agent.fetch.model import Fetched, Job, fetch_model
from ome.storage.download import Progress
from tests.storage.support import around

if TYPE_CHECKING:
    from pathlib import Path

    from ome.sandbox.hub import Hub

KEY = "clusterbasemodel.tiny"


def job(hub: Hub, root: Path, **more: Any) -> Job:
    """The download of ``org/tiny`` below a root."""
    values: dict[str, Any] = {
        "key": KEY,
        "uri": "hf://org/tiny",
        "roots": [str(root)],
        "parameters": {"endpoint": hub.url},
        "attempts": 3,
        "interval": 0.01,
        **more,
    }
    return Job(**values)


async def fetch(wanted: Job) -> Fetched:
    """The job in this process."""
    return await fetch_model(wanted, around(), Progress())
