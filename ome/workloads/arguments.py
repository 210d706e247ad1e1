"""Arguments of a program as a class overrides them: merged by flag, sizes set in place. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["merge_arguments", "set_number"]

_VALUE = r"[^\s;&|<>'\"]+"


def merge_arguments(args: Sequence[str], override: Sequence[str]) -> list[str]:
    """``args`` with the flags of ``override`` in their place, new ones appended.

    A text of several lines stays one element, else the result is a list. A flag that ``args``
    repeats stays as it is unless the override names it.
    """
    if not override or not args:
        return list(args or override)
    named: dict[str, list[str]] = {}
    for group in _groups(_pieces(override)):
        named.setdefault(_key(group[0]), []).extend(group)
    merged: list[str] = []
    placed: set[str] = set()
    for group in _groups(_pieces(args)):
        key = _key(group[0])
        if key not in named:
            merged += group
        elif key not in placed:
            placed.add(key)
            merged += named[key]
    for key, group in named.items():
        if key not in placed:
            merged += group
    return [" \\\n".join(merged)] if _is_text(args) else merged


def _is_text(args: Sequence[str]) -> bool:
    return bool(args) and ("\n" in args[0] or "\\" in args[0])


def _pieces(arguments: Sequence[str]) -> Iterator[str]:
    for argument in arguments:
        # A backslash at the end of a line belongs to the form of a text, not to its arguments.
        several = "\n" in argument or "\\" in argument
        lines = argument.split("\n") if several else [argument]
        for line in lines:
            piece = line.strip().rstrip("\\").strip() if several else line.strip()
            if piece:
                yield piece


def _groups(pieces: Iterator[str]) -> Iterator[list[str]]:
    """A flag with its value, where the value is an element of its own."""
    group: list[str] = []
    for piece in pieces:
        if group and len(group) == 1 and "=" not in group[0] and not piece.startswith("-"):
            group.append(piece)
            continue
        if group:
            yield group
        group = [piece]
    if group:
        yield group


def _key(element: str) -> str:
    if not element.startswith("-"):
        return element
    return element.split("=", 1)[0].split()[0]


def set_number(
    args: Sequence[str], command: Sequence[str], aliases: Sequence[str], number: int
) -> tuple[list[str], list[str]]:
    """``args`` and ``command`` with a flag's value set, under the first alias that is found.

    The flag is looked for in ``args`` and then in ``command``; where neither has it nothing
    changes.
    """
    value = str(number)
    search = _in_text if _is_text(args) else _in_list
    found = search(args, aliases, value) or _in_shell(args, aliases, value)
    if found is not None:
        return found, list(command)
    found = _in_list(command, aliases, value) or _in_shell(command, aliases, value)
    return list(args), list(command) if found is None else found


def _in_list(arguments: Sequence[str], aliases: Sequence[str], value: str) -> list[str] | None:
    for alias in aliases:
        for place, argument in enumerate(arguments):
            if argument == alias and place + 1 < len(arguments):
                return [*arguments[: place + 1], value, *arguments[place + 2 :]]
            if argument.startswith(f"{alias}="):
                return [*arguments[:place], f"{alias}={value}", *arguments[place + 1 :]]
    return None


def _in_text(arguments: Sequence[str], aliases: Sequence[str], value: str) -> list[str] | None:
    for alias in aliases:
        pattern = rf"(?<!\S){re.escape(alias)}(?:=|\s+)[0-9]+(?!\S)"
        text, count = re.subn(pattern, f"{alias}={value}", arguments[0])
        if count:
            return [text, *arguments[1:]]
    return None


def _in_shell(arguments: Sequence[str], aliases: Sequence[str], value: str) -> list[str] | None:
    """Inside an element that is a whole command line; its separator stays."""
    for alias in aliases:
        pattern = re.compile(rf"(?<!\S)({re.escape(alias)}(?:=|\s+))(?!-){_VALUE}")
        for place, argument in enumerate(arguments):
            if not re.search(r"\s", argument):
                continue
            text, count = pattern.subn(rf"\g<1>{value}", argument)
            if count:
                return [*arguments[:place], text, *arguments[place + 1 :]]
    return None
