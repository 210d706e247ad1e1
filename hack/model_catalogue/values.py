"""What an administrator may set: a Helm expression in an object, and its default outside Helm."""

from __future__ import annotations

import re
from typing import Any

__all__ = ["filled", "image", "image_key", "value"]

Json = dict[str, Any]
_EXPRESSION = re.compile(r"\{\{ \.Values\.([A-Za-z0-9.]+) \}\}")
_IMAGE = re.compile(r'\{\{ include "ome-catalogue.image" \.Values\.images\.([A-Za-z0-9]+) \}\}')


def value(path: str) -> str:
    """The expression for a value of the chart."""
    return f"{{{{ .Values.{path} }}}}"


def image(name: str) -> str:
    """The expression for an image of ``runtimes.yaml``."""
    return f'{{{{ include "ome-catalogue.image" .Values.images.{image_key(name)} }}}}'


def image_key(name: str) -> str:
    """The key of an image in the chart's values: there names are in camel case."""
    first, *others = name.split("-")
    return first + "".join(part.capitalize() for part in others)


def filled(item: Any, values: Json) -> Any:
    """A copy of a JSON value with the expressions in its strings replaced."""
    if isinstance(item, str):
        text = _IMAGE.sub(lambda found: _reference(values["images"][found[1]]), item)
        return _EXPRESSION.sub(lambda found: str(_at(values, found[1])), text)
    if isinstance(item, dict):
        return {key: filled(inner, values) for key, inner in item.items()}
    if isinstance(item, list):
        return [filled(inner, values) for inner in item]
    return item


def _reference(found: Json) -> str:
    """As the chart's template ``ome-catalogue.image`` writes it."""
    separator = "@" if found["tag"].startswith("sha256:") else ":"
    return f"{found['repository']}{separator}{found['tag']}"


def _at(values: Json, path: str) -> Any:
    held: Any = values
    for part in path.split("."):
        held = held[part]
    return held
