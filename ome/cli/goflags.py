"""Flags as Go programs take them, since the manifests in the field are written for one.

``-flag`` and ``--flag`` are the same, ``--flag=value`` and ``--flag value`` too, except that a
boolean takes its value only after ``=``. Unlike Go's, a word that is no flag is an error: it would
silently end the flags that follow it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ome.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Flag", "HelpWanted", "dashed", "duration", "parse", "parse_duration", "port", "usage"]

_TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})
_FALSE = frozenset({"0", "f", "F", "false", "FALSE", "False"})
_LAST_PORT = 65535
_UNIT_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h))+")


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag; its kind is that of its default. ``many`` collects every use in a tuple."""

    name: str
    default: Any
    help: str
    choices: tuple[str, ...] = ()
    many: bool = False


class HelpWanted(Exception):
    """``-h`` or ``--help``: the text is the usage, of these flags."""

    def __init__(self, text: str, flags: Sequence[Flag] = ()) -> None:
        super().__init__(text)
        self.flags = flags


def parse(
    command: str,
    flags: Sequence[Flag],
    words: Sequence[str],
    *,
    words_as: str = "",
    takes: str = "",
    more: str = "",
) -> dict[str, Any]:
    """The value of every flag. Raises ``UserError`` in one line, and ``HelpWanted``.

    ``words_as`` names a flag that collects words without a flag before them. In the help ``takes``
    stands after the command, and ``more``, where its examples are, at the end.
    """
    known = {flag.name: flag for flag in flags}
    values = {flag.name: flag.default for flag in flags}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word in ("-h", "-help", "--help"):
            raise HelpWanted(usage(f"{command} {takes}".rstrip(), flags, more), flags)
        if words_as and not word.startswith("-"):
            if not word:
                raise UserError(f"{command}: an argument is empty; is a variable not set?")
            values[words_as] = (*values[words_as], word)
            continue
        if not word.startswith("-") or word.strip("-") == "":
            raise UserError(
                f"{command}: unexpected argument {word!r}; flags begin with -- (see {command}"
                " --help)"
            )
        name, has_value, value = word.lstrip("-").partition("=")
        flag = known.get(name)
        if flag is None:
            raise UserError(f"{command}: unknown flag {dashed(name)} (see {command} --help)")
        if not has_value and isinstance(flag.default, bool):
            value = "true"
        elif not has_value:
            if not rest:
                raise UserError(f"{command}: flag {dashed(name)} needs a value")
            value = rest.pop(0)
        converted = _convert(command, flag, value)
        values[name] = (*values[name], converted) if flag.many else converted
    return values


def dashed(name: str) -> str:
    """A flag as it is written: of one letter with one dash."""
    return f"-{name}" if len(name) == 1 else f"--{name}"


def _convert(command: str, flag: Flag, text: str) -> Any:
    given = f"{command}: {dashed(flag.name)}={text}"
    if flag.many and not text:
        raise UserError(f"{given}: expected a value; is a variable not set?")
    if flag.choices and text not in flag.choices:
        wanted = ", ".join(filter(None, flag.choices))
        raise UserError(f"{given}: expected one of {wanted}")
    if isinstance(flag.default, bool):
        if text in _TRUE or text in _FALSE:
            return text in _TRUE
        raise UserError(f"{given}: expected true or false")
    for kind in (int, float):
        if type(flag.default) is kind:
            try:
                return kind(text)
            except ValueError as error:
                raise UserError(f"{given}: expected a number") from error
    return text


def duration(command: str, flags: Mapping[str, Any], name: str) -> float:
    """A flag such as ``15s`` or ``1m30s`` in seconds. Raises ``UserError``."""
    text = flags[name]
    found = parse_duration(text) if _DURATION.fullmatch(text) else None
    if found is None:
        raise UserError(f"{command}: --{name}={text}: expected a duration such as 15s or 5m")
    return found


def port(command: str, flags: Mapping[str, Any], name: str, *, least: int = 1) -> int:
    """A flag that is a port; ``least`` is 0 where that has a meaning. Raises ``UserError``."""
    value: int = flags[name]
    if not least <= value <= _LAST_PORT:
        raise UserError(f"{command}: --{name}={value}: expected a port, {least} to {_LAST_PORT}")
    return value


def parse_duration(text: str) -> float | None:
    """``15s``, ``1m30s`` or a number of seconds, in seconds; None for anything else."""
    if _DURATION.fullmatch(text):
        parts = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h)", text)
        return sum(float(number) * _UNIT_SECONDS[unit] for number, unit in parts)
    return float(text) if re.fullmatch(r"\d+(?:\.\d+)?", text) else None


def usage(command: str, flags: Sequence[Flag], more: str = "") -> str:
    """The help text."""
    lines = [f"Usage: {command} [flags]"]
    if flags:
        lines += ["", "Flags:"]
    for flag in sorted(flags, key=lambda flag: flag.name):
        shown = str(flag.default).lower() if isinstance(flag.default, bool) else flag.default
        default = "" if flag.default in ("", ()) else f" (default {shown})"
        lines.append(f"  {dashed(flag.name)}\n        {flag.help}{default}")
    return "\n".join(lines) + (f"\n\n{more.strip()}" if more else "")
