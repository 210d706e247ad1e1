"""Paths without links, whatever is said to be one: models and links are written by many."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["real_path"]


def real_path(path: str | os.PathLike[str]) -> Path:
    """The path with its links followed; where they lead in a circle, or nowhere, as it is spelled.

    Never raises, also for what no file system takes as a name; blocks.
    """
    try:
        return Path(os.path.realpath(path))
    except (OSError, ValueError):
        return Path(path)
