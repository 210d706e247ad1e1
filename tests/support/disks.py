"""A small file system, for which the right to mount is needed."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["two_mebibytes"]


@contextmanager
def two_mebibytes(place: Path) -> Iterator[Path]:
    """A tmpfs of two MiB at ``place``, which is made; the test is skipped without the right."""
    place.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        pytest.skip(f"mount cannot be run: {error.strerror}")
    if done.returncode:
        pytest.skip(f"no right to mount a tmpfs: {done.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)
