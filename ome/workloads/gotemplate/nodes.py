"""What a template is made of once it is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["Argument", "Call", "Field", "If", "Literal", "Node", "Output", "Pipeline", "Template"]


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant of an action."""

    value: str | int | bool


@dataclass(frozen=True, slots=True)
class Field:
    """A chain of names from the root; the root itself when empty."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its arguments."""

    function: str
    arguments: tuple[Argument, ...]


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Commands in turn; the value of each is the last argument of the next."""

    commands: tuple[Argument, ...]


Argument: TypeAlias = Literal | Field | Call | Pipeline


@dataclass(frozen=True, slots=True)
class Output:
    """An action whose value is written."""

    pipeline: Pipeline


@dataclass(frozen=True, slots=True)
class If:
    """Two branches and what decides."""

    condition: Pipeline
    then: tuple[Node, ...]
    otherwise: tuple[Node, ...]


Node: TypeAlias = str | Output | If


@dataclass(frozen=True, slots=True)
class Template:
    """A whole template."""

    nodes: tuple[Node, ...]
