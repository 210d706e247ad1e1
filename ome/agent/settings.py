"""What the agent of a node is told at its start."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Settings"]


@dataclass(frozen=True, slots=True)
class Settings:
    """Limits and intervals; times in seconds."""

    root: str = "/mnt/models"
    """Models without a path of their own go below it."""
    roots: tuple[str, ...] = ()
    """Further directories that models may be in."""
    workers: int = 5
    """Downloads at a time."""
    concurrency: int = 4
    """Files of one download from a hub at a time."""
    attempts: int = 10
    """Attempts at one file of a hub, or at one request to it."""
    object_concurrency: int = 4
    """As ``concurrency``, from an object store or another server."""
    object_ranges: int = 4
    """Connections over which one large file comes from an object store."""
    object_attempts: int = 3
    """As ``attempts``, at an object store or another server."""
    retry_seconds: float = 15.0
    """The wait after the first failure of a request; it doubles with each further one."""
    progress_seconds: float = 30.0
    """The least time between two reports of a download's progress."""
    report_seconds: float = 1.0
    """Changes of this long become one write."""
    repair_seconds: float = 300.0
    """Time between two looks at the disk and at what the server has of the node's reports."""
    turn_seconds: float = 1.0
    """The first wait for other nodes; it doubles up to half a minute."""
    jitter_seconds: float = 30.0
    """In a large cluster nodes begin a new model spread over so long."""

    @property
    def allowed(self) -> list[str]:
        """Every directory that models may be in, the one without a path first."""
        return [self.root, *self.roots]
