"""CEL, the language of validation rules and match conditions, with Kubernetes' own functions.

Variables are dynamically typed: an expression is checked for syntax, names and the types of its
literals when it is compiled, for the rest when it is evaluated.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec
from cachetools import LRUCache
from cel_expr_python import cel
from cel_expr_python.ext import ext_bindings, ext_optional, ext_strings

from ome.sandbox.schema.cel_functions import KUBERNETES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["CelError", "TooLong", "check", "evaluate", "matches"]


HAS_OLD_SELF = "hasOldSelf"
"""The variable that says whether the optional ``oldSelf`` has a value."""


class CelError(Exception):
    """An expression that cannot be compiled or evaluated; the message says why."""


class TooLong(CelError):
    """An expression of more steps than the library takes (10,000 passes through its loops)."""


_programs: LRUCache[tuple[str, tuple[str, ...]], Any] = LRUCache(4096)
_WORDING = (
    (re.compile(r'NOT_FOUND: Key not found in map : "?(.*?)"?$'), r"no such key: \1"),
    (re.compile(r"UNKNOWN: Index error: index=(-?\d+) size=\d+"), r"index out of bounds: \1"),
    (re.compile(r"INVALID_ARGUMENT: divide by zero"), "division by zero"),
    (re.compile(r"INVALID_ARGUMENT: modulus by zero"), "modulus by zero"),
    (re.compile(r"INVALID_ARGUMENT: Applying SELECT to non-message type"), "no such key"),
    (re.compile(r"UNKNOWN: No matching overloads found : .*"), "no such overload"),
    (
        re.compile(r"[A-Z_]+: cannot convert (?!value )(\w+) to (\w+)"),
        r"type conversion error from '\1' to '\2'",
    ),
    (
        re.compile(r"[A-Z_]+: String to (Duration|Timestamp) conversion failed"),
        r"type conversion error from 'string' to 'google.protobuf.\1'",
    ),
    (
        re.compile(r"UNKNOWN: Index error: expected integer type, got (string|bool)"),
        r"unsupported index type '\1' in list",
    ),
    (re.compile(r"[A-Z_]+: (.*)", re.DOTALL), r"\1"),
)
"""What the library says, and what the API server's says of the same."""
_COMPILE_WORDING = {
    "has() argument must be a field selection": "invalid argument to has() macro",
    "cannot be the range of a comprehension": "cannot be range of a comprehension",
}


def evaluate(expression: str, variables: Mapping[str, Any]) -> Any:
    """The value of an expression over JSON values.

    Raises ``CelError`` for one that does not compile, and for what goes wrong while it is
    evaluated: ``no such key: x`` for a member that is absent; ``TooLong`` is one of them.
    """
    program = _program(expression, tuple(sorted(variables)))
    try:
        value = program.eval(data=dict(variables))
    except RuntimeError as error:
        raise TooLong(str(error)) from None
    if value.type() == cel.Type.ERROR:
        raise CelError(_worded(str(value.value())))
    return value.plain_value()


@lru_cache(maxsize=16384)
def matches(text: str, pattern: str) -> bool:
    """Whether a text has the pattern somewhere: in the syntax of RE2, which is the server's."""
    literal = msgspec.json.encode(pattern).decode()
    found: bool = evaluate(f"self.matches({literal})", {"self": text})
    return found


def check(
    expression: str, names: Iterable[str] = ("self", "oldSelf"), returns: str = ""
) -> str | None:
    """Why an expression does not compile when these variables exist; None when it does.

    ``returns`` names the type that its value must have, such as ``bool``.
    """
    try:
        program = _program(expression, tuple(sorted(names)))
    except CelError as error:
        return str(error)
    found = program.return_type().name().lower()
    return f"must evaluate to {returns} but got {found}" if returns not in ("", found) else None


def _program(expression: str, names: tuple[str, ...]) -> Any:
    key = expression, names
    found = _programs.get(key)
    if found is None:
        try:
            found = _environment(names).compile(expression)
        except RuntimeError as error:
            raise CelError(f"compilation failed: {_compile_error(str(error))}") from None
        _programs[key] = found
    return found


@lru_cache(maxsize=64)
def _environment(names: tuple[str, ...]) -> Any:
    # Only the server's own wrapping binds names; users' expressions cannot.
    binding = [ext_bindings.ExtBindings()] if HAS_OLD_SELF in names else []
    return cel.NewEnv(
        variables=dict.fromkeys(names, cel.Type.DYN),
        extensions=[
            *binding,
            ext_optional.ExtOptional(),
            ext_strings.ExtStrings(),
            KUBERNETES,
        ],
    )


def _worded(said: str) -> str:
    for pattern, wording in _WORDING:
        if match := pattern.match(said):
            return match.expand(wording)
    return said


def _compile_error(said: str) -> str:
    for theirs, ours in _COMPILE_WORDING.items():
        said = said.replace(theirs, ours)
    return re.sub(r" \[[A-Z_]+\]$", "", said.removeprefix("INVALID_ARGUMENT: "))
