"""The ``ome`` command."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ome import __version__
from ome.cli.goflags import HelpWanted
from ome.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["main"]

_USAGE = """Usage: ome COMMAND [flags]

Commands:
  manager    run the operator
  agent      run the agent of a node, or many simulated ones
  crds       print the CustomResourceDefinitions
  inspect    print what a model's files say, and what of it goes into its spec
  version    print the version

"ome COMMAND --help" lists the flags of a command."""


def main(words: Sequence[str] | None = None) -> None:
    """Run a command and exit: 0 well, 2 for a mistake in flags or files, 1 otherwise."""
    sys.exit(_run(sys.argv[1:] if words is None else list(words)))


def _run(words: Sequence[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        sys.stdout.write(_USAGE + "\n")
        return 0 if words else 2
    if words[0] in ("version", "--version"):
        sys.stdout.write(f"ome {__version__}\n")
        return 0
    command = _command(words[0])
    try:
        if command is None:
            raise UserError(f"ome: unknown command {words[0]!r}; see ome --help")
        return command(words[1:])
    except HelpWanted as wanted:
        sys.stdout.write(f"{wanted}\n")
        return 0
    except UserError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 1


def _command(name: str) -> Callable[[Sequence[str]], int] | None:
    # Imported when used: printing CRDs should not load a Kubernetes client.
    if name == "manager":
        from ome.cli.manager import run

        return run
    if name == "agent":
        from ome.cli.agent import run as agent

        return agent
    if name == "crds":
        from ome.cli.crds import run as crds

        return crds
    if name == "inspect":
        from ome.cli.inspect import run as inspect

        return inspect
    return None
