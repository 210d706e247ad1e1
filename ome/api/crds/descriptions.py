"""What each field of ours means, for ``kubectl explain``; the texts stand in a file beside."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

__all__ = ["describe"]


@cache
def _texts() -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    owner = ""
    for line in files("ome.api.crds").joinpath("descriptions.txt").read_text("utf-8").splitlines():
        field, colon, text = line.partition(": ")
        if line and not line.startswith("#") and not colon:
            owner = line
        elif colon and not line.startswith("#"):
            found[owner, field] = text
    return found


def describe(owner: str, field: str) -> str | None:
    """The description of a field by the class that declares it."""
    return _texts().get((owner, field))
