"""The commands with their flags, as each says of itself."""

from __future__ import annotations

import contextlib
import io

from ome.cli import COMMANDS, main
from ome.cli.agent import SUBCOMMANDS

__all__ = ["page"]

_HEAD = """# Commands

`ome COMMAND --help` says the same. Flags are written with one dash or two, and take their value
after `=` or a blank.

"""


def page() -> str:
    """The whole page, in the order in which `ome --help` lists the commands."""
    commands = [(name, *words) for name in COMMANDS for words in _words(name)]
    return _HEAD + "".join(_section(words) for words in commands)


def _words(name: str) -> list[tuple[str, ...]]:
    if name == "agent":
        return [(), *((subcommand,) for subcommand in SUBCOMMANDS)]
    return [("report",)] if name == "benchmark" else [()]


def _section(words: tuple[str, ...]) -> str:
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
        main([*words, "--help"])
    return f"## ome {' '.join(words)}\n\n```text\n{said.getvalue().rstrip()}\n```\n\n"
