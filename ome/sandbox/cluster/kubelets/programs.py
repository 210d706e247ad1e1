"""Containers that are programs on this machine, where a sandbox has any."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Ended", "Programs"]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended: its exit code, and what the container's status says about it."""

    code: int
    message: str = ""
    reason: str = ""
    """Empty for ``Completed`` with code 0 and ``Error`` with others."""


class Programs(Protocol):
    """What the kubelets run instead of pretending that they do."""

    def covers(self, pod: Mapping[str, Any]) -> bool:
        """Whether this pod's container is a program."""
        ...

    def outcome(self, pod: Mapping[str, Any], told: Callable[[], None]) -> Ended | None:
        """How it ended; None while it runs, which the first question begins.

        ``told`` is called once when it has ended.
        """
        ...

    def stop(self, uid: str) -> None:
        """The pod is going or gone: end what it runs and forget it."""
        ...

    async def log(self, uid: str, tail_lines: int | None) -> str | None:
        """What it has written so far, or the last lines of it; None for a pod that runs none."""
        ...
