"""How a result is printed: a table for people, JSON and YAML for programs, names for ``xargs``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import yaml

from ome.api import names
from ome.cli.goflags import Flag

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["form_of", "name_of", "names_text", "output_flags", "written"]

_FORMS = ("table", "json", "yaml", "name")
_FORMER = "text"
"""What ``table`` was called at first."""


def output_flags(*forms: str) -> tuple[Flag, ...]:
    """``-o`` and ``--output``, of these forms (by default all), the first where none is given."""
    known = forms or _FORMS
    help_ = f"how to print: {', '.join(known[:-1])} or {known[-1]}"
    accepted = (*known, _FORMER) if "table" in known else known
    return (
        Flag("o", known[0], help_, accepted),
        Flag("output", "", "the same as -o", ("", *accepted)),
    )


def form_of(flags: Mapping[str, Any]) -> str:
    """The form that ``output_flags`` were given."""
    given: str = flags["output"] or flags["o"]
    return "table" if given == _FORMER else given


def written(document: Any, form: str) -> str:
    """A result as ``json`` or ``yaml``."""
    if form == "json":
        return json.dumps(document, indent=2) + "\n"
    text: str = yaml.safe_dump(document, sort_keys=False, width=100, allow_unicode=True)
    return text


def name_of(kind: str, name: str, group: str = names.GROUP) -> str:
    """An object as ``kubectl`` prints and takes it: ``deployment.apps/chat-engine``."""
    return f"{kind.lower()}{'.' if group else ''}{group}/{name}"


def names_text(lines: Iterable[str]) -> str:
    """One a line, each once."""
    return "".join(f"{name}\n" for name in dict.fromkeys(lines))
