"""Label and field selectors: parsed from a query's text or an object's ``LabelSelector``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ome.sandbox.refusal import bad_request

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "FieldSelector",
    "LabelSelector",
    "parse_fields",
    "parse_labels",
    "selector_of",
]

_SET = re.compile(r"^(?P<key>[^\s!=,()]+)\s+(?P<op>in|notin)\s*\((?P<values>[^)]*)\)$")
_COMPARED = re.compile(r"^(?P<key>[^\s!=,()<>]+)\s*(?P<op>==|!=|=)\s*(?P<value>[^\s=!,()]*)$")
_ORDERED = re.compile(r"^(?P<key>[^\s!=,()<>]+)\s*(?P<op>[<>])\s*(?P<value>-?\d+)$")
_NAMED = re.compile(r"^(?P<absent>!?)\s*(?P<key>[^\s!=,()<>]+)$")
_COMMA = re.compile(r",(?![^(]*\))")


@dataclass(frozen=True, slots=True)
class _Requirement:
    key: str
    operator: str
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        value = labels.get(self.key)
        match self.operator:
            case "In":
                return value in self.values
            case "NotIn":
                return value not in self.values
            case "Exists":
                return value is not None
            case "DoesNotExist":
                return value is None
            case _:
                return value is not None and _ordered(value, self.operator, self.values[0])


@dataclass(frozen=True, slots=True)
class LabelSelector:
    """Requirements that must all hold; none selects everything."""

    requirements: tuple[_Requirement, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.requirements)

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether an object with these labels is selected."""
        return all(requirement.matches(labels) for requirement in self.requirements)


@dataclass(frozen=True, slots=True)
class FieldSelector:
    """(dotted path, whether it must be equal, value) for each requirement."""

    requirements: tuple[tuple[str, bool, str], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.requirements)

    @property
    def name(self) -> str:
        """The name that ``metadata.name`` must equal; empty when it may be any."""
        for path, equal, value in self.requirements:
            if equal and path == "metadata.name":
                return value
        return ""

    def matches(self, document: Mapping[str, Any]) -> bool:
        """Whether an object is selected; an absent field is the empty string."""
        return all(
            (_text_at(document, path) == value) is equal for path, equal, value in self.requirements
        )


def parse_labels(text: str) -> LabelSelector:
    """``a=b,c!=d,e in (f,g),h,!i,j>1``. Raises ``Refused`` 400."""
    found = [_label(part.strip()) for part in _COMMA.split(text) if part.strip()]
    return LabelSelector(tuple(found))


def parse_fields(text: str) -> FieldSelector:
    """``metadata.name=a,status.phase!=Running``. Raises ``Refused`` 400."""
    found = []
    for part in (part.strip() for part in text.split(",")):
        if not part:
            continue
        match = re.match(r"^([^=!]+?)(!=|==|=)(.*)$", part)
        if match is None:
            raise bad_request(
                f'Unable to find "{part}" that matches the expected field selector syntax'
            )
        found.append((match[1].strip(), match[2] != "!=", match[3].strip()))
    return FieldSelector(tuple(found))


def selector_of(selector: Mapping[str, Any] | None) -> LabelSelector:
    """A ``metav1.LabelSelector``; an empty one selects everything."""
    selector = selector or {}
    found = [
        _Requirement(key, "In", (value,))
        for key, value in (selector.get("matchLabels") or {}).items()
    ]
    for expression in selector.get("matchExpressions") or ():
        values = tuple(expression.get("values") or ())
        found.append(_Requirement(expression["key"], expression["operator"], values))
    return LabelSelector(tuple(found))


def _label(text: str) -> _Requirement:
    if match := _SET.match(text):
        values = tuple(value.strip() for value in match["values"].split(","))
        return _Requirement(match["key"], "In" if match["op"] == "in" else "NotIn", values)
    if match := _COMPARED.match(text):
        return _Requirement(
            match["key"], "NotIn" if match["op"] == "!=" else "In", (match["value"],)
        )
    if match := _ORDERED.match(text):
        return _Requirement(match["key"], match["op"], (match["value"],))
    if match := _NAMED.match(text):
        return _Requirement(match["key"], "DoesNotExist" if match["absent"] else "Exists")
    raise bad_request(
        f'unable to parse requirement: "{text}" is none of key, !key, key=value, key!=value, '
        "key in (...), key notin (...)"
    )


def _ordered(value: str, operator: str, limit: str) -> bool:
    try:
        return int(value) > int(limit) if operator == ">" else int(value) < int(limit)
    except ValueError:
        return False


def _text_at(document: Mapping[str, Any], path: str) -> str:
    value: Any = document
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
