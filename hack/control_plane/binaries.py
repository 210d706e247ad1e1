"""Finds the programs: those at hand when they are exactly the right version, else built ones."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from . import build, versions
from .terminal import progress


def find() -> dict[str, Path]:
    """The path of every program by name, after building what is neither at hand nor cached."""
    found = {binary.name: at_hand(binary) for binary in versions.BINARIES}
    missing = [binary for binary in versions.BINARIES if found[binary.name] is None]
    build.ensure(missing)
    cached = versions.cache() / "bin"
    return {name: path or cached / name for name, path in found.items()}


def at_hand(binary: versions.Binary) -> Path | None:
    """The program in `KUBEBUILDER_ASSETS`, in the cache or on PATH, when its version is right.

    What lies in the cache was asked for its version when it was built and is not asked again.
    """
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    if assets and _right(Path(assets) / binary.name, binary):
        return Path(assets) / binary.name
    cached = versions.cache() / "bin" / binary.name
    if cached.is_file():
        return cached
    on_path = shutil.which(binary.name)
    return Path(on_path) if on_path and _right(Path(on_path), binary) else None


def _right(path: Path, binary: versions.Binary) -> bool:
    if not path.is_file():
        return False
    told = versions.version_of(path, binary)
    if told != binary.version:
        progress(f"{path} is {told or 'unknown'}, {binary.version} is wanted: not used")
    return told == binary.version
