"""Running agents once their caches are there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ome.agent.fleet import Fleet
    from ome.informers.registry import Informers

__all__ = ["play"]

log = structlog.get_logger("agent")


async def play(fleet: Fleet, informers: Informers, nodes: Sequence[str]) -> None:
    """Wait for the caches, then run the agents until cancelled."""
    while True:
        try:
            await informers.wait_synced(30)
            break
        except TimeoutError as error:
            log.warning("agent.waiting", problem=str(error) or "models and nodes are not in sync")
    await fleet.run(nodes)
