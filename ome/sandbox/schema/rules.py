"""``x-kubernetes-validations``: rules in CEL beside a schema.

A rule sees its value as ``self``, and what it was before as ``oldSelf``. One that speaks of
``oldSelf`` is asked only when there is one, unless it takes it as an optional. What did not change
need not obey the others.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ome.sandbox.builtin.causes import duplicate, forbidden, invalid, required
from ome.sandbox.refusal import Cause
from ome.sandbox.schema import cel
from ome.sandbox.schema.cel_values import cel_value
from ome.sandbox.schema.correlation import ABSENT, old_items, old_member
from ome.sandbox.schema.wording import NOWHERE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ome.sandbox.schema.shapes import Shape

__all__ = ["broken_rules"]

_TEXTS = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'")
_OLD_SELF = re.compile(r"(?<![\w.])oldSelf\b")
_STEP = re.compile(r"\.([^.\[]+)|\['([^']+)'\]")
_OPTIONAL = f"cel.bind(oldSelf, {cel.HAS_OLD_SELF} ? optional.of(oldValue) : optional.none(), (%s))"


@dataclass(frozen=True, slots=True)
class _Rule:
    expression: str
    said: str
    """The message, or the rule itself."""
    text: str
    """The message of a rule without an expression for it."""
    message_expression: str
    reason: str
    field: str
    transition: bool
    optional: bool

    @classmethod
    def of(cls, raw: Mapping[str, Any], shape: Shape) -> _Rule:
        rule = str(raw.get("rule", ""))
        message = str(raw.get("message") or "").strip()
        return cls(
            rule,
            message or rule.strip(),
            message or f"failed rule: {rule.strip()}",
            str(raw.get("messageExpression") or ""),
            str(raw.get("reason") or "FieldValueInvalid"),
            _below(str(raw.get("fieldPath") or ""), shape),
            bool(_OLD_SELF.search(_TEXTS.sub("''", rule))),
            bool(raw.get("optionalOldSelf")),
        )  # fmt: skip


def broken_rules(value: Any, shape: Shape, old: Any, path: str = "") -> Iterator[Cause]:
    """The rules that a value breaks, and those below it."""
    if shape.built_in or not shape.has_rules or value is None:
        return
    if shape.rules:
        for rule in _rules(shape):
            yield from _judged(rule, value, shape, old, path)
    if isinstance(value, dict):
        fields, values = shape.fields, shape.values
        for name, item in value.items():
            if name in fields:
                at = f"{path}.{name}" if path else name
                yield from broken_rules(item, fields[name], old_member(old, name), at)
            elif values is not None:
                before = old_member(old, name)
                yield from broken_rules(item, values, before, f"{path}[{name}]")
    elif isinstance(value, list) and shape.items is not None:
        before_items = old_items(value, shape, old)
        for index, (item, before) in enumerate(zip(value, before_items, strict=True)):
            yield from broken_rules(item, shape.items, before, f"{path}[{index}]")


def _below(field_path: str, shape: Shape) -> str:
    """A rule's ``fieldPath`` as causes write it: keys of maps in brackets."""
    at: Shape | None = shape
    written = ""
    for step in _STEP.finditer(field_path):
        name = step[1] or step[2]
        is_field = at is None or name in at.fields
        written += f".{name}" if is_field else f"[{name}]"
        if at is not None:
            at = at.fields[name] if is_field else at.values
    return written.removeprefix(".")


@lru_cache(maxsize=4096)
def _rules(shape: Shape) -> tuple[_Rule, ...]:
    return tuple(_Rule.of(raw, shape) for raw in shape.rules)


def _judged(rule: _Rule, value: Any, shape: Shape, old: Any, path: str) -> Iterator[Cause]:
    known = old is not ABSENT
    if rule.transition and not known and not rule.optional:
        return
    if not rule.transition and known and value == old:
        return
    variables = {"self": cel_value(value, shape)}
    if rule.transition:
        before = cel_value(old, shape) if known else None
        if rule.optional:
            variables |= {cel.HAS_OLD_SELF: known, "oldValue": before}
        else:
            variables["oldSelf"] = before
    try:
        holds = cel.evaluate(_stated(rule.expression, rule), variables)
    except cel.TooLong:
        return  # a real server takes what it has estimated; docs/sandbox.md
    except cel.CelError as error:
        yield invalid(path or NOWHERE, shape.type or "", f"{error} evaluating rule: {rule.said}")
        return
    if holds is not True:
        at = f"{path}.{rule.field}".strip(".") or NOWHERE
        yield _cause(rule, at, value, _message(rule, variables))


def _stated(expression: str, rule: _Rule) -> str:
    return _OPTIONAL % expression if rule.transition and rule.optional else expression


def _message(rule: _Rule, variables: Mapping[str, Any]) -> str:
    if not rule.message_expression:
        return rule.text
    try:
        said = cel.evaluate(_stated(rule.message_expression, rule), variables)
    except cel.CelError:
        return rule.text
    one_line = isinstance(said, str) and said.strip() and "\n" not in said.strip()
    return str(said).strip() if one_line else rule.text


def _cause(rule: _Rule, path: str, value: Any, detail: str) -> Cause:
    match rule.reason:
        case "FieldValueForbidden":
            return forbidden(path, detail)
        case "FieldValueRequired":
            return required(path, detail)
        case "FieldValueDuplicate":
            plain = not isinstance(value, (dict, list))
            return duplicate(path, value) if plain else Cause(rule.reason, path, "Duplicate value")
        case _ if isinstance(value, (dict, list)):
            return Cause("FieldValueInvalid", path, f"Invalid value: {detail}")
        case _:
            return invalid(path, value, detail)
