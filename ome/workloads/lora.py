"""Telling an engine of several adapters, by the flags that it has for that. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ome.errors import OmeError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["NotAnEngine", "add_adapters"]


class NotAnEngine(OmeError):
    """The runner starts no engine that is known to serve several adapters."""


@dataclass(frozen=True, slots=True)
class _Engine:
    """How an engine is known, and its flag that takes ``NAME=PATH`` for each adapter."""

    started: re.Pattern[str]
    image: re.Pattern[str]
    flag: str


_ENGINES = (
    _Engine(
        re.compile(
            r"(?<!\S)(?:\S*/)?vllm\s+serve(?!\S)|vllm\.entrypoints\.openai\.api_server(?!\S)"
        ),
        re.compile(r"vllm"),
        "--lora-modules",
    ),
    _Engine(
        re.compile(r"sglang\.launch_server(?!\S)|(?<!\S)(?:\S*/)?sglang\s+serve(?!\S)"),
        re.compile(r"sglang"),
        "--lora-paths",
    ),
)
_ENABLE = "--enable-lora"


def add_adapters(runner: dict[str, Any], places: Mapping[str, str]) -> None:
    """Add the flags for adapters, by name the directory of each, to a runner's command line.

    Flags that the runner has already are its user's and stay. Raises ``NotAnEngine``.
    """
    command, args = list(runner.get("command") or ()), list(runner.get("args") or ())
    line = " ".join([*command, *args])
    engine = _engine_of(line, "" if command else str(runner.get("image") or ""))
    flags = [] if _has(line, engine.flag) else [engine.flag, *_pairs(places)]
    if not _has(line, _ENABLE):
        # Last, so that what follows is not taken for an adapter.
        flags.append(_ENABLE)
    if not flags:
        return
    for field, held in (("command", command), ("args", args)):
        written = _in_shell(held, engine, flags)
        if written is not None:
            runner[field] = written
            return
    runner["args"] = [*args, *flags]


def _pairs(places: Mapping[str, str]) -> list[str]:
    return [f"{name}={path}" for name, path in places.items()]


def _engine_of(line: str, image: str) -> _Engine:
    """By its command line, else by the image whose own command is run."""
    named = image.rpartition("/")[2].partition("@")[0]
    for engine in _ENGINES:
        if engine.started.search(line):
            return engine
    for engine in _ENGINES:
        if engine.image.search(named):
            return engine
    raise NotAnEngine(
        "the runner starts neither vLLM nor SGLang, which are known to serve several adapters; name"
        " one weight in spec.model.fineTunedWeights, or use a runtime of one of them"
    )


def _in_shell(words: Sequence[str], engine: _Engine, flags: Sequence[str]) -> list[str] | None:
    """The flags right after what starts the engine, where that stands in a shell's line."""
    for place, word in enumerate(words):
        found = engine.started.search(word)
        if found is not None and re.search(r"\s", word.strip()):
            text = f"{word[: found.end()]} {' '.join(flags)}{word[found.end() :]}"
            return [*words[:place], text, *words[place + 1 :]]
    return None


def _has(line: str, flag: str) -> bool:
    return re.search(rf"(?<!\S){re.escape(flag)}(?![\w-])", line) is not None
