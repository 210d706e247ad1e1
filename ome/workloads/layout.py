"""Where fetched weights lie: in the volume that a pod's init containers fill, and for these.

Admission has them put there, and what a node has is shown at the same places (see ``copies``).
"""

from __future__ import annotations

from typing import NamedTuple

from ome.api import names

__all__ = ["TENSORRT", "Place", "format_key", "place_alone", "place_among"]

TENSORRT = "tensorrtllm"


class Place(NamedTuple):
    """A directory of the init container that fetches a weight, and what of the volume it shows."""

    directory: str
    sub_path: str
    """Empty for the whole volume."""


def format_key(name: str) -> str:
    """A model's format in one spelling: ``TensorRT-LLM`` is ``tensorrtllm``."""
    return name.replace("_", "").replace("-", "").lower()


def place_alone(format_: str, *, tfew: bool) -> Place:
    """Of the only weight of a model of this format."""
    directory = names.PATH_TFEW if tfew else names.PATH_MODEL
    if format_key(format_) == TENSORRT:
        return Place(directory, names.SUB_PATH_TENSORRT)
    return Place(directory, names.SUB_PATH_FINE_TUNED if tfew else "")


def place_among(weight: str) -> Place:
    """Of one of several, which lie side by side under their names."""
    return Place(f"{names.PATH_ADAPTERS}/{weight}", f"{names.SUB_PATH_FINE_TUNED}/{weight}")
