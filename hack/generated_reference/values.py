"""The values of each chart: name, default, type, and the comment above it in values.yaml."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import yaml

from hack.generated import ROOT

from .tables import code, table

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["page"]

_CHARTS = ("ome-crd", "ome-resources", "ome-catalogue", "ome-serving")
_HEAD = """# Values of the charts

Defaults and comments are those of each chart's `values.yaml`; what `values.schema.json` does not
allow is refused with its place.

"""
Json = dict[str, Any]


def page() -> str:
    """The whole page, a section for each chart."""
    return _HEAD + "\n".join(_section(chart) for chart in _CHARTS)


def _section(chart: str) -> str:
    folder = ROOT / "charts" / chart
    about = yaml.safe_load((folder / "Chart.yaml").read_text())["description"]
    schema = json.loads((folder / "values.schema.json").read_text())
    rows = []
    for path, value, comment in _values((folder / "values.yaml").read_text()):
        allowed = _allowed(schema, schema, path)
        rows.append((code(".".join(path)), code(_shown(value)), _type(allowed), comment))
    return f"## {chart}\n\n{about}\n\n{table(('value', 'default', 'type', 'meaning'), rows)}"


def _values(text: str) -> Iterator[tuple[tuple[str, ...], Any, str]]:
    """Every leaf of a values file with the comments over it, or over what it stands in."""
    lines = text.splitlines()
    root = yaml.compose(text, yaml.SafeLoader)
    yield from _leaves(root, (), lines, yaml.SafeLoader(text))


def _leaves(
    node: Any, path: tuple[str, ...], lines: list[str], loader: Any
) -> Iterator[tuple[tuple[str, ...], Any, str]]:
    for key, value in node.value:
        here = (*path, key.value)
        if isinstance(value, yaml.MappingNode) and value.value and not value.flow_style:
            comment = _comment(lines, key.start_mark.line)
            if comment and path:
                yield here, None, comment
            yield from _leaves(value, here, lines, loader)
        else:
            held = loader.construct_object(value, deep=True)
            yield here, held, _comment(lines, key.start_mark.line)


def _comment(lines: list[str], at: int) -> str:
    """The comment lines directly above a line, of its own indentation."""
    indent = len(lines[at]) - len(lines[at].lstrip())
    found: list[str] = []
    for line in reversed(lines[:at]):
        text = line.strip()
        if not text.startswith("#") or len(line) - len(line.lstrip()) != indent:
            break
        found.insert(0, text.removeprefix("#").strip())
    return " ".join(found)


def _shown(value: Any) -> str:
    if value is None:
        return ""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 90 else f"{text[:87]}..."


def _allowed(schema: Json, root: Json, path: tuple[str, ...]) -> Json:
    for name in path:
        schema = _resolved(schema, root)
        schema = schema.get("properties", {}).get(name) or schema.get("additionalProperties") or {}
        if not isinstance(schema, dict):
            return {}
    return _resolved(schema, root)


def _resolved(schema: Json, root: Json) -> Json:
    reference = schema.get("$ref", "")
    if not reference.startswith("#/"):
        return schema
    held: Any = root
    for name in reference[2:].split("/"):
        held = held[name]
    return dict(held)


def _type(schema: Json) -> str:
    if "enum" in schema:
        return ", ".join(code(json.dumps(value)) for value in schema["enum"])
    held = schema.get("type", "")
    return " or ".join(held) if isinstance(held, list) else held
