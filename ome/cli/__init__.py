"""The ``ome`` command."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

from ome import __version__
from ome.cli.goflags import HelpWanted
from ome.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["COMMANDS", "main", "outcome_of"]

COMMANDS = {
    "manager": ("ome.cli.manager", "run the operator"),
    "agent": ("ome.cli.agent", "run the agent of a node, or many simulated ones"),
    "sandbox": ("ome.cli.sandbox", "run a simulated cluster in one process, OME included"),
    "validate": ("ome.cli.validate", "say what admission would say of manifests, offline"),
    "explain": ("ome.cli.explain", "which runtime and accelerator, and why not the others"),
    "why": ("ome.cli.why", "what is the matter with a service or model, and what happened to it"),
    "render": ("ome.cli.render", "the objects that a service would have, or what would change"),
    "plan": ("ome.cli.plan", "which services of a cluster an edit would restart"),
    "adopt": ("ome.cli.adopt", "what taking over a cluster's services would change"),
    "inspect": ("ome.cli.inspect", "what a model's files say, and what of it goes into its spec"),
    "support-bundle": ("ome.cli.support", "what support needs to see, in one archive"),
    "benchmark": ("ome.cli.benchmark", "report what benchmarks measured, and compare them"),
    "multinode-prober": ("ome.cli.sides.prober", "say of a Ray cluster whether its model answers"),
    "qpext": (
        "ome.cli.sides.queueproxy",
        "run Knative's queue proxy, all metrics at one port",
    ),
    "crds": ("ome.cli.crds", "print the CustomResourceDefinitions"),
    "completion": ("ome.cli.completion", "print a script for completion in a shell"),
    "version": ("ome.cli.version", "print the versions of OME, Python and the API server"),
}
"""The module whose ``run`` is the command, and what it does."""


def main(words: Sequence[str] | None = None) -> None:
    """Run a command and exit.

    0 when it did what was asked, 1 when the answer is no or objects are wrong, 2 for a mistake in
    flags or files, 3 when the cluster refuses or does not answer, 130 after Ctrl-C.
    """
    sys.exit(_run(sys.argv[1:] if words is None else list(words)))


def _run(words: Sequence[str]) -> int:
    if list(words[:1]) == ["help"] and len(words) > 1:
        words = [*words[1:], "--help"]
    if not words or words[0] in ("-h", "--help", "help"):
        sys.stdout.write(_usage())
        return 0 if words else 2
    if words[0] == "--version":
        sys.stdout.write(f"ome {__version__}\n")
        return 0
    command = _command(words[0])
    if command is None:
        sys.stderr.write(f"ome: unknown command {words[0]!r}; see ome --help\n")
        return UserError.exit_code
    return outcome_of(command, words[1:])


def outcome_of(command: Callable[[Sequence[str]], int], words: Sequence[str]) -> int:
    """The exit code of a command; a user's mistake is a line on stderr."""
    try:
        return command(words)
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
    """Imported when used: printing CRDs should not load a Kubernetes client."""
    if name not in COMMANDS:
        return None
    run: Callable[[Sequence[str]], int] = importlib.import_module(COMMANDS[name][0]).run
    return run


def _usage() -> str:
    lines = "".join(f"  {name:<16} {what}\n" for name, (_, what) in COMMANDS.items())
    return (
        f"Usage: ome COMMAND [flags]\n\nCommands:\n{lines}\n"
        '"ome COMMAND --help" lists the flags of a command.\n'
    )
