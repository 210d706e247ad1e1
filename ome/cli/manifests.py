"""Manifests from files: each document as an API server would be sent it, with the line of a field.

YAML is read as kubectl reads it: numbers and words as Go's parser takes them, keys as text, dates
as the text that they are. A key that is written twice is a fault, not a silent loss.
"""

from __future__ import annotations

import json
import math
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import yaml

from ome.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Manifest", "files", "read"]

_SUFFIXES = frozenset({".yaml", ".yml", ".json"})
_MOST_NODES = 1_000_000
_LARGEST = 32 * 2**20
_PAIR = re.compile(
    r"(?<!\\)((?:\\\\)*)(\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})"
)
Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Manifest:
    """One object of a file; ``lines`` has the line of every field, ``twice`` of repeated keys."""

    file: str
    document: Any
    lines: dict[Place, int] = field(default_factory=dict)
    twice: tuple[tuple[Place, int], ...] = ()

    def line(self, place: Place) -> int:
        """The line of a field, or of the nearest field above it that is written."""
        while place not in self.lines and place:
            place = place[:-1]
        return self.lines.get(place, 1)

    def items(self) -> Iterator[Manifest]:
        """The object itself, or those of a ``List``."""
        held = self.document.get("items") if isinstance(self.document, dict) else None
        kind = str(self.document.get("kind")) if isinstance(self.document, dict) else ""
        if not kind.endswith("List") or not isinstance(held, list):
            yield self
            return
        for index, item in enumerate(held):
            start: Place = ("items", index)
            lines = {at[2:]: line for at, line in self.lines.items() if at[:2] == start}
            twice = tuple((at[2:], line) for at, line in self.twice if at[:2] == start)
            yield from Manifest(self.file, item, lines, twice).items()


def files(given: Iterable[str]) -> Iterator[str]:
    """The files that are meant: a directory means the manifests below it, ``-`` standard input.

    A pipe is a file too, for ``-f <(helm template ...)``. Raises ``UserError`` for a path that
    does not exist.
    """
    for name in given:
        path = Path(name)
        if path.is_dir():
            yield from sorted(
                str(found)
                for found in path.rglob("*")
                if found.suffix in _SUFFIXES and found.is_file()
            )
        elif name == "-" or path.exists():
            yield name
        else:
            raise UserError(f"{name}: no such file or directory")


def read(file: str) -> list[Manifest]:
    """The objects of a file. Raises ``UserError`` naming file and line when it is not YAML."""
    try:
        raw = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        if len(raw) > _LARGEST:
            raise UserError(f"{file}: larger than {_LARGEST >> 20} MiB; no manifest is")
        return list(_documents(file, raw.decode()))
    except UnicodeDecodeError as error:
        raise UserError(f"{file}: not UTF-8 at byte {error.start}") from error
    except OSError as error:
        raise UserError(f"{file}: {error.strerror or error}") from error
    except yaml.YAMLError as error:
        raise UserError(_not_yaml(file, error)) from error
    except RecursionError as error:
        raise UserError(f"{file}: nested too deeply to be a manifest") from error
    except (ValueError, OverflowError) as error:
        raise UserError(f"{file}: {error}") from error


def _not_yaml(file: str, error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    where = f"{file}:{mark.line + 1}" if mark is not None else file
    text = str(getattr(error, "problem", None) or error).partition("\n")[0]
    return f"{where} not YAML: {text} (templates have to be rendered first)"


def _characters(text: str) -> str:
    """JSON escapes a character beyond 16 bits as two halves, which YAML does not read."""
    if not text.lstrip().startswith("{"):
        return text
    return _PAIR.sub(lambda found: found[1] + json.loads(f'"{found[2]}"'), text)


def _documents(file: str, text: str) -> Iterator[Manifest]:
    loader = _Loader(_characters(text))
    try:
        while loader.check_node():
            node = loader.get_node()
            if node is None:
                continue
            twice = tuple(_twice(node, (), [0]))
            document = _json(loader.construct_document(node), [0])
            lines: dict[Place, int] = {(): node.start_mark.line + 1}
            _note_lines(node, (), lines)
            if document is not None:
                yield from Manifest(file, document, lines, twice).items()
    finally:
        loader.dispose()


def _children(node: yaml.Node, place: Place) -> Iterator[tuple[yaml.Node, yaml.Node, Place]]:
    """(node that names it, node, place) of each member."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                yield key, value, (*place, key.value)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield value, value, (*place, index)


def _twice(node: yaml.Node, place: Place, seen: list[int]) -> Iterator[tuple[Place, int]]:
    _count(seen)
    names: set[Place] = set()
    for key, value, at in _children(node, place):
        if at in names and at[-1] != "<<":
            yield at, key.start_mark.line + 1
        names.add(at)
        yield from _twice(value, at, seen)


def _count(seen: list[int]) -> None:
    """A few aliases can stand for more than any memory holds."""
    seen[0] += 1
    if seen[0] > _MOST_NODES:
        raise UserError(f"more than {_MOST_NODES} values, aliases counted; no manifest has as many")


def _note_lines(node: yaml.Node, place: Place, lines: dict[Place, int]) -> None:
    for key, value, at in _children(node, place):
        lines[at] = key.start_mark.line + 1
        _note_lines(value, at, lines)


def _json(value: Any, seen: list[int]) -> Any:
    """The value as JSON says it, nothing shared."""
    _count(seen)
    if isinstance(value, dict):
        return {_key(key): _json(item, seen) for key, item in value.items()}
    if isinstance(value, list):
        return [_json(item, seen) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} is no JSON value; write a number, or put it in quotes")
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise ValueError(f"{value!r} is no JSON value")


def _key(key: Any) -> str:
    if isinstance(key, bool):
        return "true" if key else "false"
    return "null" if key is None else str(key)


if TYPE_CHECKING:
    _Fast = yaml.SafeLoader
else:  # libyaml reads the same in a tenth of the time; some builds of PyYAML lack it
    _Fast = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Fast):
    """Without dates and base 60, with numbers such as 1e3 and 0o17, and with y and n as words."""

    bool_values: ClassVar = {**yaml.SafeLoader.bool_values, "y": True, "n": False}


def _number(loader: _Loader, node: yaml.ScalarNode) -> float | str:
    """A number, or the text of one that is too large to be a number."""
    value: float = loader.construct_yaml_float(node)
    return node.value if math.isinf(value) and node.value[-1].isdigit() else value


_SAME = {
    first: [
        item for item in held if item[0].rpartition(":")[2] not in ("timestamp", "int", "float")
    ]
    for first, held in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.yaml_implicit_resolvers = _SAME
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int",
    re.compile(
        r"[-+]?(0b_*[01][01_]*|0o_*[0-7][0-7_]*|0[0-7_]*|0x_*[0-9a-fA-F][0-9a-fA-F_]*|[1-9][0-9_]*)$"
    ),
    list("-+0123456789"),
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(
        r"((\.[0-9]([0-9_]*[0-9])?|[-+]\._*[0-9][0-9_]*|[-+]?[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?_*[0-9][0-9_]*)?"
        r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$"
    ),
    list("-+0123456789."),
)
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"[yYnN]$"), list("yYnN"))
_Loader.add_constructor("tag:yaml.org,2002:float", _number)
