"""The commands with their flags, as each says of itself."""

from __future__ import annotations

import contextlib
import io

from ome.cli import COMMANDS, main
from ome.cli.completion import subcommands

__all__ = ["page"]

_HEAD = """# Commands

`ome COMMAND --help` says the same. Flags are written with one dash or two, and take their value
after `=` or a blank. `kubectl ome COMMAND` is the same command.

Exit codes: 0 it did what was asked; 1 the answer is no, or something is wrong with the objects; 2 a
flag, a file or the kubeconfig is wrong; 3 the cluster refuses or does not answer; 130 Ctrl-C. The
manager and the agent wait for a cluster that is away, and end with 1 when a port is taken.

## What programs read

`-o json` and `-o yaml` say the same: one object, or a list where there may be several. Members are
added, never renamed. `-o name` gives names as `kubectl` takes them. What is not the result goes to
stderr.

- `explain`: `subject`, `model`, `runtime`, `note`, `problem` (`reason`, `message`), `candidates`,
  `excluded`, `accelerators`; the name is the runtime's.
- `why`: `subject`, `well`, `answer`, `facts`, `troubles`, `downloads`, `secondsLeft`, `history`,
  `notes`; the name is the object's.
- `plan`: a list of `namespace`, `name`, `effect`, `comesUp`; names of services that change.
- `adopt`: a list of `namespace`, `name`, `problem`, `replacesPods`, `changes`; names of services
  with something to tell.
- `render`: a `List` of the objects (in YAML, the default, documents); their names.
- `validate`: a list of `file`, `line`, `subject`, `field`, `level` (`error`, `warning` or `note`),
  `message`; names of the objects.
- `inspect`: `source`, `revision`, `files`, `totalBytes`, `configFile`, `family`, `spec`, `rules`,
  `notes`.
- `benchmark report`: `runs`, or of several `experiments` with `name` and `runs`; names of these.
- `version`: `ome`, `commit`, `python`, `apiServer`.

"""


def page() -> str:
    """The whole page, in the order in which `ome --help` lists the commands."""
    commands = [(name, *words) for name in COMMANDS for words in _words(name)]
    return _HEAD + "".join(_section(words) for words in commands)


def _words(name: str) -> list[tuple[str, ...]]:
    if name == "agent":
        return [(), *((word,) for word in subcommands(name) if word != "completion")]
    return [("report",)] if name == "benchmark" else [()]


def _section(words: tuple[str, ...]) -> str:
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
        main([*words, "--help"])
    return f"## ome {' '.join(words)}\n\n```text\n{said.getvalue().rstrip()}\n```\n\n"
