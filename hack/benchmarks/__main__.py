"""Runs a benchmark by its name."""

from __future__ import annotations

import importlib
import pkgutil
import sys

import hack.benchmarks as package


def _main(words: list[str]) -> int:
    names = sorted(
        found.name
        for found in pkgutil.iter_modules(package.__path__)
        if not found.ispkg and not found.name.startswith("_")
    )
    if words and words[0] in names:
        code: int = importlib.import_module(f"hack.benchmarks.{words[0]}").main(words[1:])
        return code
    asked = not words or words[0] in ("-h", "--help")
    for name in names:
        said = importlib.import_module(f"hack.benchmarks.{name}").__doc__ or ""
        print(f"  hack/bench {name:<12} {said.splitlines()[0]}")
    if not asked:
        print(f"hack/bench: no benchmark {words[0]!r}; these are there", file=sys.stderr)
    return 0 if asked else 2


sys.exit(_main(sys.argv[1:]))
