"""The checked-in extract as it is: loaded once, when first asked for."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["REF", "definition", "definitions", "version"]

REF = "#/components/schemas/"


@cache
def _extract() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(
        files("ome.api.openapi").joinpath("core.json").read_text("utf-8")
    )
    return loaded


def definitions() -> Mapping[str, Mapping[str, Any]]:
    """Every definition by its full name, such as ``io.k8s.api.core.v1.PodSpec``."""
    found: Mapping[str, Mapping[str, Any]] = _extract()["definitions"]
    return found


def definition(name: str) -> Mapping[str, Any]:
    """One definition. Raises KeyError naming it when the extract does not hold it."""
    return definitions()[name]


def version() -> str:
    """The Kubernetes version that the extract was made from."""
    return str(_extract()["version"])
