"""From a tree and values to text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ome.workloads.gotemplate.errors import TemplateError
from ome.workloads.gotemplate.functions import FUNCTIONS, is_true, to_text
from ome.workloads.gotemplate.nodes import Call, Field, If, Literal, Output, Pipeline
from ome.workloads.gotemplate.parser import parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ome.workloads.gotemplate.functions import Value
    from ome.workloads.gotemplate.nodes import Argument, Node

__all__ = ["render"]


def render(template: str, values: Mapping[str, str | Mapping[str, str]]) -> str:
    """The text that a template makes of the top-level fields ``values``.

    A key that a map lacks is written ``<no value>``. Raises ``TemplateError`` for a template that
    cannot be read, for a field that there is not, and for a function that gets what it cannot use.
    """
    return "".join(_write(parse(template).nodes, values))


def _write(nodes: tuple[Node, ...], root: Mapping[str, Value]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, str):
            yield node
        elif isinstance(node, Output):
            yield to_text(_value(node.pipeline, root))
        elif isinstance(node, If):
            chosen = node.then if is_true(_value(node.condition, root)) else node.otherwise
            yield from _write(chosen, root)


def _value(node: Argument, root: Mapping[str, Value]) -> Value:
    if isinstance(node, Literal):
        return node.value
    if isinstance(node, Field):
        return _field(node, root)
    if isinstance(node, Call):
        return FUNCTIONS[node.function]([_value(argument, root) for argument in node.arguments])
    return _piped(node, root)


def _piped(pipeline: Pipeline, root: Mapping[str, Value]) -> Value:
    first, *others = pipeline.commands
    value = _value(first, root)
    for command in others:
        assert isinstance(command, Call)
        given = [_value(argument, root) for argument in command.arguments]
        value = FUNCTIONS[command.function]([*given, value])
    return value


def _field(field: Field, root: Mapping[str, Value]) -> Value:
    known = ", ".join(f".{name}" for name in sorted(root))
    if not field.names:
        raise TemplateError(f"'.' is no text; use {known}")
    name, *rest = field.names
    if name not in root:
        raise TemplateError(f"can't evaluate field {name}; use {known}")
    value = root[name]
    for step in rest:
        if value is None or isinstance(value, str | int):
            raise TemplateError(f"can't evaluate field {step} of {'.'.join(field.names)!r}")
        value = value.get(step)
    return value
