"""Values as rules see them: numbers are floats, formatted texts what they stand for.

Names of properties that CEL cannot say are spelt out, as rules have to write them.
"""

from __future__ import annotations

import base64
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ome.sandbox.schema.shapes import Shape

__all__ = ["TYPED_FORMATS", "cel_value", "escaped"]

TYPED_FORMATS = frozenset({"byte", "date-time", "duration"})
"""Formats whose texts are of a type of their own in CEL."""

_KEYWORDS = frozenset(
    {
        "as", "break", "const", "continue", "else", "false", "for", "function", "if", "import",
        "in", "let", "loop", "namespace", "null", "package", "return", "true", "var", "void",
        "while",
    }
)  # fmt: skip
_SPELT = {"__": "__underscores__", ".": "__dot__", "-": "__dash__", "/": "__slash__"}
_SPECIAL = re.compile(r"__|[./-]")

_DURATION = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*([a-zµμ]+)")
_SECONDS = {
    **dict.fromkeys(("ns", "nano", "nanos"), 1e-9),
    **dict.fromkeys(("us", "µs", "μs", "micro", "micros"), 1e-6),
    **dict.fromkeys(("ms", "milli", "millis"), 1e-3),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hour", "hours"), 3600.0),
    **dict.fromkeys(("d", "day", "days"), 86400.0),
    **dict.fromkeys(("w", "week", "weeks"), 604800.0),
}


def cel_value(value: Any, shape: Shape) -> Any:
    """The value; the same object where nothing has to change."""
    if shape.said_plainly:
        return value
    if isinstance(value, dict):
        fields, values = shape.fields, shape.values
        return {
            (escaped(name) if name in fields else name): (
                cel_value(item, child) if (child := fields.get(name) or values) else item
            )
            for name, item in value.items()
            # A member that is null is absent to a rule.
            if item is not None or name not in fields
        }
    if isinstance(value, list) and shape.items is not None:
        return [cel_value(item, shape.items) for item in value]
    if shape.type == "number" and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    convert = _FORMATS.get(shape.format or "")
    if convert is None or not isinstance(value, str):
        return value
    try:
        return convert(value)
    except ValueError:
        return value  # an old value need not fit the schema of today


def _moment(text: str) -> Timestamp:
    moment = Timestamp()
    moment.FromJsonString(text.upper())
    return moment


def _duration(text: str) -> Duration:
    seconds = sum(
        float(number) * _SECONDS[unit] for number, unit in _DURATION.findall(text.lower())
    )
    duration = Duration()
    duration.FromTimedelta(timedelta(seconds=-seconds if text.startswith("-") else seconds))
    return duration


_FORMATS: Mapping[str, Callable[[str], Any]] = {
    "byte": base64.b64decode,
    "date-time": _moment,
    "duration": _duration,
}


def escaped(name: str) -> str:
    """A property's name as an identifier of CEL."""
    if name in _KEYWORDS:
        return f"__{name}__"
    return _SPECIAL.sub(lambda match: _SPELT[match[0]], name)
