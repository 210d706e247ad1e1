"""What a failed download means: how long to wait, and what the model's entry says. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ome.agent.protocol import EntryError, in_a_line
from ome.api import names
from ome.errors import StorageError
from ome.storage.errors import DiskFull, metric_reason

if TYPE_CHECKING:
    import random

__all__ = [
    "OF_ANOTHER_PATH",
    "OF_THE_SOURCE",
    "OF_WHAT_IS_THERE",
    "PathTaken",
    "entry_error",
    "metric_of",
    "pause_after",
]

_MINUTES = (1, 2, 5, 10, 30)
_REFUSED = frozenset({"unauthorized", "gated", "disabled", "not_found", "credentials_not_found"})
"""Answers that time alone hardly changes; an edit of the model is tried at once anyway."""
OF_THE_SOURCE = _REFUSED | {
    "download_error",
    "http_error",
    "network",
    "rate_limited",
    "source_unavailable",
}
"""Failures that say nothing of the files which are on the node already."""


class PathTaken(StorageError):
    """Another model with other content has the same directory."""

    reason = "path_taken"


OF_ANOTHER_PATH = frozenset({PathTaken.reason})
"""Failures that a change of another model's path may mend."""
OF_WHAT_IS_THERE = OF_ANOTHER_PATH | {DiskFull.reason}
"""Failures that another model's going from the node may mend."""


def pause_after(failures: int, error: StorageError, rng: random.Random) -> float:
    """Seconds until a failed model is tried again."""
    minutes = _MINUTES[-1] if error.reason in _REFUSED else _MINUTES[min(failures, 5) - 1]
    asked = getattr(error, "retry_after", None) or 0.0
    return max(minutes * 60 * rng.uniform(0.8, 1.2), asked * rng.uniform(1.0, 1.1))


def entry_error(error: StorageError, credentials_problem: str) -> EntryError:
    """What the entry says: the Secret's problem where that is why the source refused."""
    if credentials_problem and error.reason in _REFUSED:
        text = f"{credentials_problem}; without it: {error}"
        return EntryError(names.REASON_CREDENTIALS_NOT_FOUND, in_a_line(text))
    return EntryError(error.reason, in_a_line(str(error)))


def metric_of(error: StorageError, scheme: str) -> str:
    """The ``reason`` label of the error in the metrics."""
    if isinstance(error, PathTaken):
        return "target_path_error"
    told: str | None = getattr(error, "metric", None)
    return told or metric_reason(error, scheme)
