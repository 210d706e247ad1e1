"""Annotations, labels and conditions, with what the code says of each beside it."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from hack.generated import ROOT

from .tables import code, table

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["described", "page"]

_SOURCES = (
    ("Annotations", "annotations", "ANNOTATION_"),
    ("Labels", "labels", "LABEL_"),
    ("Conditions of an InferenceService", "conditions", "CONDITION_"),
)
_HEAD = """# Annotations, labels, conditions

Names that users, agents and other programs share with OME.

"""


def page() -> str:
    """The whole page, a section for each part of a module's names."""
    return _HEAD + "\n".join(_section(*source) for source in _SOURCES)


def _section(title: str, module: str, prefix: str) -> str:
    rows = [(code(value), said) for _, value, said in described(module, prefix)]
    return f"## {title}\n\n{table(('name', 'meaning'), sorted(rows))}"


def described(module: str, prefix: str) -> Iterator[tuple[str, str, str]]:
    """The constants of ``ome/api/names/<module>.py``: name, each of its values, the text below it.

    One without a text is left out: it is no name for users.
    """
    tree = ast.parse((ROOT / "ome/api/names" / f"{module}.py").read_text())
    for item, after in zip(tree.body, [*tree.body[1:], None], strict=True):
        if not isinstance(item, ast.Assign) or not isinstance(item.targets[0], ast.Name):
            continue
        name, text = item.targets[0].id, _text(after)
        if name.startswith(prefix) and text:
            held = ast.literal_eval(item.value)
            for value in (held,) if isinstance(held, str) else held:
                yield name, value, text


def _text(item: ast.stmt | None) -> str:
    if isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant):
        return " ".join(str(item.value.value).split())
    return ""
