"""The commands with their flags, as each says of itself."""

from __future__ import annotations

import contextlib
import io

from ome.cli import COMMANDS, main
from ome.cli.agent import SUBCOMMANDS

__all__ = ["page"]

_HEAD = """# Commands

`ome COMMAND --help` says the same. Flags are written with one dash or two, and take their value
after `=` or a blank. `kubectl ome COMMAND` is the same command.

Exit codes: 0 it did what was asked; 1 the answer is no, or something is wrong with the objects; 2 a
flag, a file or the kubeconfig is wrong; 3 the cluster refuses or does not answer; 130 Ctrl-C. The
manager and the agent wait for a cluster that is away, and end with 1 when a port is taken.

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
