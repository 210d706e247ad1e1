"""Versions as models and runtimes write them, their order, and when one fits another.

Not semantic versioning: a suffix makes a version *greater*, suffixes are only known in the third
part, and the operators read "the runtime's version is greater than the model's".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

__all__ = ["Version", "fits", "parse_version"]

_NUMBER = re.compile(r"0|[1-9][0-9]*")


@dataclass(frozen=True, slots=True)
class Version:
    """A parsed version; ``precision`` is the number of parts that were written, 1 to 3."""

    major: int
    minor: int = 0
    patch: int = 0
    prefix: str = ""
    pre: tuple[str, ...] = ()
    build: tuple[str, ...] = ()
    dev: tuple[str, ...] = ()
    precision: int = 3

    @property
    def order(self) -> tuple[object, ...]:
        """What versions are compared by; prefix and precision take no part."""
        return (self.major, self.minor, self.patch, self.pre, self.build, self.dev)

    @property
    def unofficial(self) -> bool:
        """Whether it has any suffix; such versions are only ever compared for equality."""
        return bool(self.pre or self.build or self.dev)


def parse_version(text: str) -> Version:
    """Parse ``[v]major[.minor[.patch[.dev][-pre][+build]]]``. Raises ValueError."""
    parts = text.split(".", 2)
    prefix = "v" if parts[0].startswith("v") else ""
    major = _number(parts[0].removeprefix("v"), text)
    minor = _number(parts[1], text) if len(parts) > 1 else 0
    if len(parts) < 3:
        return Version(major, minor, prefix=prefix, precision=len(parts))
    rest, build = _suffix(parts[2], "+", text)
    rest, pre = _suffix(rest, "-", text)
    patch, dev = _suffix(rest, ".", text)
    return Version(major, minor, _number(patch, text), prefix, pre, build, dev)


def _suffix(text: str, mark: str, whole: str) -> tuple[str, tuple[str, ...]]:
    head, found, tail = text.partition(mark)
    if not found:
        return head, ()
    items = tuple(tail.split("."))
    if "" in items:
        raise ValueError(f"version {whole!r} has an empty part after {mark!r}")
    return head, items


def _number(text: str, whole: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"version {whole!r}: {text!r} is not a number without leading zeros")
    return int(text)


@lru_cache(maxsize=4096)
def fits(model: str, runtime: str, operator: str = "Equal") -> bool:
    """Whether a model's version fits a runtime's version under the runtime's operator."""
    try:
        have, want = parse_version(model), parse_version(runtime)
    except ValueError:
        return False
    if have.unofficial or want.unofficial or operator in ("", "Equal"):
        return want.order == have.order
    if have.precision != want.precision or have.prefix != want.prefix:
        return False
    # Both official: the suffixes are empty, so the numbers decide.
    left, right = (want.major, want.minor, want.patch), (have.major, have.minor, have.patch)
    if operator == "GreaterThan":
        return left > right
    if operator == "GreaterThanOrEqual":
        return left >= right
    return left == right
