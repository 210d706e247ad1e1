"""How large a cluster is, and what its users keep in it: drawn from the seed.

Small scenes cost little, so that more hours can be played; large ones have more that can meet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

__all__ = ["Scene", "drawn"]

_NODES = (3, 3, 4, 4, 6)
_MODELS = (1, 2, 2, 3)
_SERVICES = (1, 1, 2, 3)


@dataclass(frozen=True)
class Scene:
    """Names of what is there."""

    nodes: Sequence[str]
    models: Sequence[str]
    services: Sequence[str]

    @property
    def fewest_nodes(self) -> int:
        """So many stay when nodes vanish, so that pods find a place."""
        return 2 * len(self.nodes) // 3

    @property
    def agents(self) -> dict[str, Sequence[str]]:
        """The nodes of each process that plays agents."""
        return {"agents-0": self.nodes[0::2], "agents-1": self.nodes[1::2]}

    def __str__(self) -> str:
        parts = (f"{len(self.nodes)} nodes", f"{len(self.models)} models")
        return f"{', '.join(parts)}, {len(self.services)} services"


def drawn(rng: random.Random) -> Scene:
    """The scene of a seed."""
    nodes, models, services = (rng.choice(sizes) for sizes in (_NODES, _MODELS, _SERVICES))
    return Scene(
        tuple(f"gpu-{index}" for index in range(nodes)),
        ("model-a", "model-b", "model-c")[:models],
        ("chat", "code", "search")[:services],
    )
