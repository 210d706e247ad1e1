"""Where an object's bytes go below a directory, and which objects are wanted. Pure."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from ome.storage.errors import ForbiddenPath

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "excluded",
    "is_marker",
    "is_name",
    "local_path",
    "normalise",
    "relative_name",
    "split_bucket",
    "strip_prefix",
    "wanted",
]

_LONGEST_GLOB = 1000
_LONGEST_NAME = 4096
_SHOWN = 200


def strip_prefix(key: str, prefix: str) -> str:
    """The key without a leading prefix; a match further in is none."""
    return key.removeprefix(prefix).removeprefix("/") if prefix else key


def local_path(
    key: str, target: str, *, strip: str = "", base_name: bool = False, overlap: bool = False
) -> str:
    """The file for a key below ``target``; base name wins over ``strip``, that over ``overlap``.

    Raises ``ForbiddenPath`` when it would leave the target.
    """
    if base_name:
        name = key.rstrip("/").rpartition("/")[2]
    elif strip:
        name = strip_prefix(key, strip)
    elif overlap:
        name = _without_overlap(key, target)
    else:
        name = key
    relative_name(name)
    return str(PurePosixPath(target) / name)


def _without_overlap(key: str, target: str) -> str:
    """The key without the longest head that is the tail of the target."""
    tail = [part for part in target.split("/") if part]
    head = key.split("/")
    for length in range(min(len(tail), len(head) - 1), 0, -1):
        if tail[-length:] == head[:length]:
            return "/".join(head[length:])
    return key


def relative_name(name: str) -> str:
    """The name, when it stays below the directory that it is joined to.

    Raises ``ForbiddenPath`` for an empty or absolute name, for one with ``..``, and for what is no
    name.
    """
    parts = name.split("/")
    if name.startswith("/") or ".." in parts or parts[-1] in ("", ".") or not is_name(name):
        raise ForbiddenPath(
            f"the source lists a file named {name[:_SHOWN]!r}, which would leave the model's"
            " directory, or is no name at all; rename it at the source"
        )
    return name


def is_name(path: str) -> bool:
    """Whether a file system can take a path at all: not endless, no NUL, no half of a character."""
    try:
        return "\0" not in path and 0 < len(path.encode()) < _LONGEST_NAME
    except UnicodeEncodeError:
        return False


def is_marker(key: str, size: int) -> bool:
    """Whether an object only stands for a directory."""
    return size == 0 and key.endswith("/")


def normalise(path: str) -> str:
    """A path as the object stores take it: no leading or trailing slash, ``.`` when empty."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts) or "."


def split_bucket(text: str) -> tuple[str, str]:
    """Bucket and key; a lone name has an empty key."""
    bucket, _, key = text.partition("/")
    return bucket, key


def wanted(name: str, allow: Sequence[str] = (), ignore: Sequence[str] = ()) -> bool:
    """Whether a file of a model is to be fetched: allowed (or no pattern says so), not ignored.

    As on the Hugging Face Hub: a pattern is a shell glob for the whole name, its ``*`` also takes
    slashes, and one that ends in ``/`` means all below it.
    """
    if allow and not any(_on_hub(name, pattern) for pattern in allow):
        return False
    return not any(_on_hub(name, pattern) for pattern in ignore)


def _on_hub(name: str, pattern: str) -> bool:
    return fnmatchcase(name, f"{pattern}*" if pattern.endswith("/") else pattern)


def excluded(key: str, patterns: Sequence[str]) -> bool:
    """Whether a pattern matches the whole key or its last part.

    Here a ``*`` stays within a part. An impossible pattern matches nothing.
    """
    base = key.rpartition("/")[2]
    found = [pattern for pattern in map(_compiled, patterns) if pattern is not None]
    return any(pattern.fullmatch(key) or pattern.fullmatch(base) for pattern in found)


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str] | None:
    if not pattern or len(pattern) > _LONGEST_GLOB:
        return None
    pieces = re.split(r"(\*+|\?|\[!?\]?[^\]]*\]|\\.)", pattern)
    try:
        return re.compile("".join(_piece(piece) for piece in pieces), re.DOTALL)
    except re.error:
        return None


def _piece(piece: str) -> str:
    if piece.startswith("*"):
        return "[^/]*"
    if piece == "?":
        return "[^/]"
    if piece.startswith("[") and piece.endswith("]") and len(piece) > 2:
        negated = piece[1] == "!"
        body = piece[2 if negated else 1 : -1].replace("\\", "\\\\").replace("[", "\\[")
        return f"(?!/)[{'^' if negated else ''}{body}]"
    if piece.startswith("\\") and len(piece) == 2:
        return re.escape(piece[1])
    return re.escape(piece)
