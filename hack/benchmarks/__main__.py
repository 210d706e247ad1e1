"""Runs a benchmark by its name."""

from __future__ import annotations

import ast
import importlib
import sys
from pathlib import Path

HERE = Path(__file__).parent


def found() -> dict[str, str]:
    """The benchmarks and what each says of itself in one line."""
    paths = sorted(path for path in HERE.glob("*.py") if not path.stem.startswith("_"))
    texts = {path.stem: ast.get_docstring(ast.parse(path.read_text())) or "" for path in paths}
    return {name: text.split("\n", 1)[0] for name, text in texts.items()}


def main(words: list[str]) -> int:
    known = found()
    if not words or words[0] in ("-h", "--help"):
        print("hack/bench NAME [ARGS]\n")
        for name, text in known.items():
            print(f"  {name:12} {text}")
        return 0
    name, *rest = words
    if name not in known:
        print(f"hack/bench: no benchmark {name!r}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    result: int = importlib.import_module(f"benchmarks.{name}").main(rest)
    return result


sys.exit(main(sys.argv[1:]))
