"""Limits of a field that its Python type does not say, once for readers and for the CRD.

What a model takes and what the schema of its CRD takes is the same set of values: a limit written
beside a field is checked by pydantic and rendered into the schema.
"""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import pydantic_core
from pydantic_core import core_schema

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler

__all__ = [
    "QUANTITY_PATTERN",
    "Count",
    "FormatName",
    "Formats",
    "HttpUrl",
    "Int32",
    "Int64",
    "Limits",
    "Priority",
    "Scenario",
    "Scenarios",
    "Time",
    "UniqueList",
]

_KEYS = (
    ("format", "format"),
    ("minimum", "minimum"),
    ("pattern", "pattern"),
    ("maxLength", "max_length"),
    ("maxItems", "max_items"),
)
_BOUNDS = {"int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1)}
# As the API server reads the format date-time.
_CLOCK = re.compile(r"([0-9]{2}):([0-9]{2}):([0-9]{2})(.[0-9]+)?(z|[+-][0-9]{2}:[0-9]{2})")


@dataclass(frozen=True, slots=True)
class Limits:
    """Keys of the field's schema that narrow its type."""

    format: str | None = None
    minimum: int | None = None
    pattern: str | None = None
    unique: bool = False
    max_length: int | None = None
    max_items: int | None = None

    def schema(self) -> dict[str, Any]:
        """The keys, as a CRD says them."""
        found: dict[str, Any] = {}
        for key, attribute in _KEYS:
            if (value := getattr(self, attribute)) is not None:
                found[key] = value
        if self.unique:
            found["x-kubernetes-list-type"] = "set"
        return found

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> pydantic_core.CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def check(self, value: Any) -> Any:
        """The value itself. Raises ``ValueError`` with what it must be."""
        low, high = _BOUNDS.get(self.format or "", (None, None))
        low = self.minimum if self.minimum is not None else low
        if low is not None and value < low:
            raise ValueError(f"must be at least {low}")
        if high is not None and value > high:
            raise ValueError(f"must be at most {high}")
        if self.pattern is not None and not _matches(self.pattern, str(value)):
            raise ValueError(f"must match {self.pattern}")
        if self.format == "date-time" and not _is_time(value):
            raise ValueError("must be a time such as 2026-05-06T10:11:12Z")
        if self.max_length is not None and len(value) > self.max_length:
            raise ValueError(f"must be at most {self.max_length} characters long")
        if self.max_items is not None and len(value) > self.max_items:
            raise ValueError(f"must hold at most {self.max_items} items")
        if self.unique and len(set(value)) < len(value):
            raise ValueError("holds a value twice")
        return value


def _matches(pattern: str, text: str) -> bool:
    """As RE2 matches: a final $ is the end of the text, not the place before a last newline."""
    end = pattern.endswith("$")
    return re.search(pattern[:-1] + r"\Z" if end else pattern, text) is not None


def _is_time(text: str) -> bool:
    day, found, clock = text.lower().partition("t")
    match = _CLOCK.fullmatch(clock)
    if not found or match is None or not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", day):
        return False
    try:
        datetime.date.fromisoformat(day)
    except ValueError:
        return False
    return match[1] <= "23" and match[2] <= "59" and match[3] <= "59"


QUANTITY_PATTERN = (
    r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|"
    r"([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$"
)
Int32 = Annotated[int, Limits("int32")]
Int64 = Annotated[int, Limits("int64")]
Count = Annotated[int, Limits("int64", 0)]
Priority = Annotated[int, Limits("int32", 1)]
Time = Annotated[str, Limits("date-time")]
HttpUrl = Annotated[str, Limits(pattern="^(http|https)://")]
UniqueList = Limits(unique=True)
# Walked by rules of the CRDs, whose cost the server estimates from the largest possible object.
Formats = Limits(max_items=128)
FormatName = Annotated[str, Limits(max_length=253)]
Scenarios = Limits(unique=True, max_items=256)
Scenario = Annotated[str, Limits(max_length=128)]
