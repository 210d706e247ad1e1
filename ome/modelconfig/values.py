"""JSON files whose values may be of any type: what is not of the wanted type counts as absent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ome.errors import OmeError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.modelconfig.directory import Directory

__all__ = ["LARGEST", "ConfigError", "Fields", "read_json", "read_list", "text_of"]

LARGEST = 2**63 - 1
"""The largest number that is told to others: theirs have 64 bits."""

_LONGEST_TEXT = 1024
"""No name is longer, and what is told of a model must fit beside the other models of a node."""
_LONGEST = 64 * 1024 * 1024
_CONSTANTS = {"Infinity": 1e308, "-Infinity": -1e308, "NaN": None}


class ConfigError(OmeError):
    """A model's files do not say what the model is; the text names the file and the value."""


def text_of(value: Any) -> str:
    """The value when it is a text that could be a name, else nothing."""
    named = isinstance(value, str) and len(value) <= _LONGEST_TEXT and value.isprintable()
    return value if named else ""


class Fields:
    """An object of a JSON file, asked for values of a type; several names are tried in order."""

    __slots__ = ("_object",)

    def __init__(self, value: Any = None) -> None:
        self._object: Mapping[str, Any] = value if isinstance(value, dict) else {}

    def __bool__(self) -> bool:
        return bool(self._object)

    def __contains__(self, key: str) -> bool:
        return self._object.get(key) is not None

    def raw(self, key: str) -> Any:
        """The value as it stands; None when absent."""
        return self._object.get(key)

    def members(self) -> list[tuple[str, Any]]:
        """All members in the order of the file."""
        return list(self._object.items())

    def integer(self, *keys: str) -> int | None:
        """The first integer; an integral float is one, true and false are none."""
        for key in keys:
            value = self._object.get(key)
            if isinstance(value, int) and not isinstance(value, bool):
                return value
            if isinstance(value, float) and value.is_integer():
                return int(value)
        return None

    def positive(self, *keys: str) -> int:
        """The first integer above 0; 0 without one."""
        for key in keys:
            value = self.integer(key)
            if value is not None and value > 0:
                return value
        return 0

    def text(self, *keys: str) -> str:
        """The first text that is not empty."""
        return next((found for key in keys if (found := text_of(self._object.get(key)))), "")

    def flag(self, key: str) -> bool | None:
        """True or false as written."""
        value = self._object.get(key)
        return value if isinstance(value, bool) else None

    def inner(self, key: str) -> Fields:
        """The object of that name; empty when there is none."""
        return Fields(self._object.get(key))


def read_json(directory: Directory, name: str) -> Fields:
    """The object in a file. Python's infinities are large numbers, NaN is null.

    Raises ``ConfigError`` when the file cannot be read or holds no JSON object.
    """
    value = _read(directory, name)
    if not isinstance(value, dict):
        raise _unreadable(directory, name, "expected a JSON object")
    return Fields(value)


def read_list(directory: Directory, name: str) -> list[Any]:
    """The list in a file. Raises ``ConfigError`` as ``read_json`` does."""
    value = _read(directory, name)
    if not isinstance(value, list):
        raise _unreadable(directory, name, "expected a JSON list")
    return value


def _read(directory: Directory, name: str) -> Any:
    try:
        content = directory.read(name, 0, _LONGEST + 1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ConfigError(
            f"failed to read model config file '{directory.name}/{name}': {reason}"
        ) from error
    if len(content) > _LONGEST:
        raise _unreadable(directory, name, f"larger than {_LONGEST} bytes")
    try:
        value = json.loads(content.decode("utf-8-sig"), parse_constant=_CONSTANTS.__getitem__)
        if b"\\u" in content:
            # Half a character, which JSON can say and UTF-8 cannot, could not be told to anyone.
            json.dumps(value, ensure_ascii=False).encode()
        return value
    except ValueError as error:
        raise _unreadable(directory, name, str(error)) from error
    except RecursionError as error:
        raise _unreadable(directory, name, "nested too deeply") from error


def _unreadable(directory: Directory, name: str, problem: str) -> ConfigError:
    return ConfigError(
        f"failed to parse model config JSON from '{directory.name}/{name}': {problem}"
    )
