"""From tokens to a tree. Everything that can be wrong without a value is said here."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from ome.workloads.gotemplate.errors import TemplateError
from ome.workloads.gotemplate.functions import FUNCTIONS
from ome.workloads.gotemplate.lexer import Action, lex
from ome.workloads.gotemplate.nodes import Call, Field, If, Literal, Output, Pipeline, Template

if TYPE_CHECKING:
    from ome.workloads.gotemplate.lexer import Token
    from ome.workloads.gotemplate.nodes import Argument, Node

__all__ = ["parse"]

_LONGEST = 4096
_DEEPEST = 32
_UNSUPPORTED = frozenset(
    {"range", "with", "define", "template", "block", "break", "continue", "nil"}
)
_CONSTANTS = {"true": True, "false": False}


@lru_cache(maxsize=256)
def parse(text: str) -> Template:
    """Read a template. Raises ``TemplateError``."""
    if len(text) > _LONGEST:
        raise TemplateError(f"the template has {len(text)} characters; at most {_LONGEST} are read")
    reader = _Reader(lex(text))
    nodes, stopped = reader.body(0)
    if stopped:
        raise TemplateError(f"unexpected {{{{{stopped}}}}} without {{{{if}}}}")
    return Template(nodes)


class _Reader:
    def __init__(self, pieces: list[str | Action]) -> None:
        self._pieces = pieces
        self._next = 0

    def body(self, depth: int) -> tuple[tuple[Node, ...], str]:
        """The nodes up to ``else`` or ``end``, and which of them stopped it."""
        if depth > _DEEPEST:
            raise TemplateError(f"more than {_DEEPEST} blocks inside each other")
        nodes: list[Node] = []
        while self._next < len(self._pieces):
            piece = self._pieces[self._next]
            self._next += 1
            if isinstance(piece, str):
                if piece:
                    nodes.append(piece)
                continue
            word = _keyword(piece)
            if word in ("else", "end"):
                return tuple(nodes), piece.source
            if word == "if":
                nodes.append(self._if(piece, piece.tokens[1:], depth))
            else:
                nodes.append(Output(_pipeline(piece, piece.tokens)))
        return tuple(nodes), ""

    def _if(self, action: Action, condition: tuple[Token, ...], depth: int) -> If:
        decided = _pipeline(action, condition)
        then, stopped = self.body(depth + 1)
        otherwise: tuple[Node, ...] = ()
        if stopped.startswith("else"):
            chained = self._pieces[self._next - 1]
            assert isinstance(chained, Action)
            if len(chained.tokens) > 1:
                if chained.tokens[1].text != "if":
                    raise TemplateError(f"unexpected {stopped!r}; write else, or else if")
                return If(decided, then, (self._if(chained, chained.tokens[2:], depth + 1),))
            otherwise, stopped = self.body(depth + 1)
        if stopped != "end":
            raise TemplateError(f"{{{{{action.source}}}}} has no {{{{end}}}}")
        return If(decided, then, otherwise)


def _keyword(action: Action) -> str:
    first = action.tokens[0] if action.tokens else None
    if first is None or first.kind != "word":
        return ""
    if first.text in _UNSUPPORTED:
        raise TemplateError(f"{first.text!r} is not available in templates; use fields and if")
    return first.text


def _pipeline(action: Action, tokens: tuple[Token, ...]) -> Pipeline:
    commands = _Commands(action, tokens)
    found = commands.pipeline(0)
    if commands.left():
        raise TemplateError(f"unexpected {commands.left()!r} in {action.source!r}")
    return found


class _Commands:
    def __init__(self, action: Action, tokens: tuple[Token, ...]) -> None:
        self._source = action.source
        self._tokens = tokens
        self._next = 0

    def left(self) -> str:
        return self._tokens[self._next].text if self._next < len(self._tokens) else ""

    def pipeline(self, depth: int) -> Pipeline:
        if depth > _DEEPEST:
            raise TemplateError(f"more than {_DEEPEST} parentheses inside each other")
        commands = [self._command(depth)]
        while self._peek() == "pipe":
            self._next += 1
            command = self._command(depth)
            if not isinstance(command, Call):
                raise TemplateError(f"only a function can follow | in {self._source!r}")
            commands.append(command)
        return Pipeline(tuple(commands))

    def _peek(self) -> str:
        return self._tokens[self._next].kind if self._next < len(self._tokens) else ""

    def _command(self, depth: int) -> Argument:
        if self._peek() in ("", "pipe", "close"):
            raise TemplateError(f"missing value in {self._source!r}")
        first = self._tokens[self._next]
        if first.kind == "word" and first.text not in _CONSTANTS:
            return self._call(first, depth)
        value = self._operand(depth)
        if self._peek() not in ("", "pipe", "close"):
            raise TemplateError(f"can't give arguments to {first.text!r} in {self._source!r}")
        return value

    def _call(self, name: Token, depth: int) -> Call:
        if name.text not in FUNCTIONS:
            known = ", ".join(sorted(FUNCTIONS))
            raise TemplateError(f"function {name.text!r} not defined; known are {known}")
        self._next += 1
        arguments: list[Argument] = []
        while self._peek() not in ("", "pipe", "close"):
            arguments.append(self._operand(depth))
        return Call(name.text, tuple(arguments))

    def _operand(self, depth: int) -> Argument:
        token = self._tokens[self._next]
        self._next += 1
        if token.kind == "string":
            return Literal(token.text)
        if token.kind == "number":
            return Literal(int(token.text))
        if token.kind == "field":
            return Field(tuple(part for part in token.text.lstrip("$").split(".") if part))
        if token.kind == "word" and token.text in _CONSTANTS:
            return Literal(_CONSTANTS[token.text])
        if token.kind == "word" and token.text in FUNCTIONS:
            return Call(token.text, ())
        if token.kind == "open":
            inner = self.pipeline(depth + 1)
            if self._peek() != "close":
                raise TemplateError(f"unclosed ( in {self._source!r}")
            self._next += 1
            return inner
        raise TemplateError(f"unexpected {token.text!r} in {self._source!r}")
