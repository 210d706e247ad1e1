"""What a container would have been started with, for a process on this machine. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["Here", "words_here"]

_PATHS = ("--experiment-base-dir", "--dataset-path")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_VARIABLE = re.compile(r"\$\$|\$\(([A-Za-z_][\w.-]*)\)")


@dataclass(frozen=True, slots=True)
class Here:
    """What stands on this machine for what the pod would have found."""

    endpoint: str
    """In place of every address but those of this machine."""
    tokenizer: Path
    claims: Path
    """A directory with one for each claim of the pod's namespace."""


def words_here(pod: Mapping[str, Any], environ: Mapping[str, str], here: Here) -> list[str]:
    """The arguments of the pod's container: all in order, addresses and paths as they are here."""
    container = pod["spec"]["containers"][0]
    given = [_expanded(word, environ) for word in container.get("args") or ()]
    mounts = list(_mounts(pod, container, here))
    return [
        _here(option, word, mounts, here) for option, word in zip(["", *given], given, strict=False)
    ]


def _here(option: str, word: str, mounts: Sequence[tuple[PurePosixPath, Path]], here: Here) -> str:
    if option == "--api-base":
        return word if urlsplit(word).hostname in _LOOPBACK else here.endpoint
    if option == "--model-tokenizer":
        return str(here.tokenizer)
    if option in _PATHS:
        return _path(word, mounts)
    return word


def _path(word: str, mounts: Sequence[tuple[PurePosixPath, Path]]) -> str:
    """The place of a path below the deepest mount that holds it."""
    path = PurePosixPath(word)
    holding = [mount for mount in mounts if path.is_relative_to(mount[0])]
    if not holding:
        return word
    mounted, place = max(holding, key=lambda mount: len(mount[0].parts))
    return str(place / path.relative_to(mounted))


def _mounts(
    pod: Mapping[str, Any], container: Mapping[str, Any], here: Here
) -> Iterator[tuple[PurePosixPath, Path]]:
    """Where claims are mounted, and the directory of each."""
    volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes") or ()}
    for mount in container.get("volumeMounts") or ():
        claim = (volumes.get(mount["name"]) or {}).get("persistentVolumeClaim")
        if claim is not None:
            below = str(mount.get("subPath") or "").lstrip("/")
            yield PurePosixPath(mount["mountPath"]), here.claims / claim["claimName"] / below


def _expanded(word: str, environ: Mapping[str, str]) -> str:
    """``$(NAME)`` as Kubernetes expands it: a name that is not there stays as it is written."""

    def value(found: re.Match[str]) -> str:
        return "$" if found[0] == "$$" else environ.get(found[1], found[0])

    return _VARIABLE.sub(value, word)
