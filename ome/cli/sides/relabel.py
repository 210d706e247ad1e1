"""Metrics in Prometheus' text format with further labels on each sample: pure.

Line by line, since the client library's parser renames counters that do not end in ``_total``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["relabelled"]

_SAMPLE = re.compile(
    r"""([a-zA-Z_:][a-zA-Z0-9_:]*)          # name
        \s*(?:\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\})?   # labels
        \s+(\S+(?:\s+-?\d+)?)\s*""",  # value and time
    re.VERBOSE,
)
_LABEL = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(?:,|$)')
_PARTS = ("_bucket", "_count", "_sum")
_LAST = ("le", "quantile")
_TYPED = ("histogram", "summary")


def relabelled(text: str, added: Mapping[str, str]) -> tuple[str, list[str]]:
    """The text with labels added to each sample, and the families that were left out.

    A family without a type becomes a counter when its name ends in ``_created``, a gauge when it
    ends in ``_total``, and is left out otherwise. Raises ``ValueError`` naming a line that is none.
    """
    kinds, helps, dropped = dict[str, str](), dict[str, str](), list[str]()
    written, begun = list[str](), set[str]()
    for line in _lines(text, kinds, helps):
        match = _SAMPLE.fullmatch(line)
        if match is None:
            raise ValueError(f"{line[:100]!r} is no sample")
        name, labels, value = match.groups()
        family = _family(name, kinds)
        kind = _kind(family, kinds.get(family, "untyped"))
        if kind is None:
            dropped += [family] if family not in dropped else []
            continue
        if family not in begun:
            begun.add(family)
            if family in helps:
                written.append(f"# HELP {family} {helps[family]}")
            written.append(f"# TYPE {family} {kind}")
        written.append(f"{name}{{{_labels(labels or '', added)}}} {value}")
    return "".join(f"{line}\n" for line in written), dropped


def _lines(text: str, kinds: dict[str, str], helps: dict[str, str]) -> Iterator[str]:
    """The samples; what comments say of the families that follow is kept."""
    for line in text.splitlines():
        words = line.split(None, 3)
        if line.startswith("#"):
            if len(words) >= 3 and words[1] in ("TYPE", "HELP"):
                (kinds if words[1] == "TYPE" else helps)[words[2]] = words[3] if words[3:] else ""
        elif words:
            yield line


def _family(name: str, kinds: Mapping[str, str]) -> str:
    for part in _PARTS:
        whole = name.removesuffix(part)
        if whole != name and kinds.get(whole) in _TYPED:
            return whole
    return name


def _kind(family: str, kind: str) -> str | None:
    if kind not in ("untyped", "unknown"):
        return kind
    if family.endswith("_created"):
        return "counter"
    return "gauge" if family.endswith("_total") else None


def _labels(text: str, added: Mapping[str, str]) -> str:
    held, at = dict[str, str](), 0
    while text[at:].strip():
        match = _LABEL.match(text, at)
        if match is None:
            raise ValueError(f"{text[:100]!r} are no labels")
        held[match[1]] = match[2]
        at = match.end()
    last = {name: held.pop(name) for name in _LAST if name in held}
    every = {**held, **{name: _escaped(value) for name, value in added.items()}, **last}
    return ",".join(f'{name}="{value}"' for name, value in every.items())


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
