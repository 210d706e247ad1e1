"""A template's text cut into literal pieces and the tokens of its actions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ome.workloads.gotemplate.errors import TemplateError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Action", "Token", "lex"]

Kind = Literal["word", "field", "string", "number", "pipe", "open", "close"]

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<string>"(?:[^"\\\n]|\\.)*"|`[^`]*`)
    | (?P<field>\$?(?:\.[A-Za-z_]\w*)+|\$|\.(?![\w.]))
    | (?P<number>[+-]?\d+)(?![\w.])
    | (?P<word>[A-Za-z_]\w*)
    | (?P<pipe>\|)
    | (?P<open>\()
    | (?P<close>\))
    )""",
    re.VERBOSE,
)
_COMMENT = re.compile(r"\{\{(?P<left>- )?/\*.*?\*/(?P<right> -)?\}\}", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"'}


@dataclass(frozen=True, slots=True)
class Token:
    """One word of an action; the text of a string is without its quotes."""

    kind: Kind
    text: str


@dataclass(frozen=True, slots=True)
class Action:
    """What stands between ``{{`` and ``}}``."""

    tokens: tuple[Token, ...]
    source: str


def lex(template: str) -> list[str | Action]:
    """Literal text and actions in turn; trim markers are already done. Raises ``TemplateError``."""
    pieces: list[str | Action] = []
    rest, trim = template, False
    while True:
        text, found, rest = rest.partition("{{")
        if trim:
            text = text.lstrip(" \t\r\n")
        if not found:
            pieces.append(text)
            return pieces
        source, trim_left, trim, rest = _action("{{" + rest)
        pieces.append(text.rstrip(" \t\r\n") if trim_left else text)
        if source is not None:
            pieces.append(Action(tuple(_tokens(source)), source.strip()))


def _action(text: str) -> tuple[str | None, bool, bool, str]:
    """The action at the start of ``text`` (None for a comment), its trim markers, and the rest."""
    comment = _COMMENT.match(text)
    if comment is not None:
        return None, bool(comment["left"]), bool(comment["right"]), text[comment.end() :]
    begin = 3 if re.match(r"\{\{-\s", text) else 2
    end = _end(text, begin)
    trim_right = re.search(r"\s-$", text[begin:end]) is not None
    inner = text[begin : end - 1 if trim_right else end]
    return inner, begin == 3, trim_right, text[end + 2 :]


def _end(text: str, begin: int) -> int:
    """Where the closing braces stand, outside of any string."""
    place = begin
    while place < len(text):
        if text.startswith("}}", place):
            return place
        if text[place] in '"`':
            quoted = re.compile(r'"(?:[^"\\\n]|\\.)*"|`[^`]*`').match(text, place)
            if quoted is None:
                raise TemplateError(f"unterminated quoted string in {text[:40]!r}")
            place = quoted.end()
            continue
        place += 1
    raise TemplateError(f"unclosed action {text[:40]!r}; close it with }}}}")


def _tokens(source: str) -> Iterator[Token]:
    place = 0
    while source[place:].strip():
        found = _TOKEN.match(source, place)
        if found is None or found.lastgroup is None:
            raise TemplateError(f"unexpected {source[place:].strip()[:20]!r} in {source.strip()!r}")
        kind, text = found.lastgroup, found[found.lastgroup]
        yield Token(kind, _unquoted(text) if kind == "string" else text)  # type: ignore[arg-type]
        place = found.end()


def _unquoted(text: str) -> str:
    if text[0] == "`":
        return text[1:-1]

    def escape(found: re.Match[str]) -> str:
        if found[1] not in _ESCAPES:
            raise TemplateError(f"unknown escape {found[0]!r} in {text}")
        return _ESCAPES[found[1]]

    return re.sub(r"\\(.)", escape, text[1:-1])
