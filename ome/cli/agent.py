"""``ome agent``: the agent of a node, simulated ones, and what pods run of it."""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING

from ome import __version__
from ome.api import names
from ome.cli import outcome_of, simulated
from ome.cli.agentflags import AGENT_FLAGS, from_environment
from ome.cli.goflags import HelpWanted, parse
from ome.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["SUBCOMMANDS", "main", "run"]

SUBCOMMANDS = {
    "completion": ("ome.cli.completion", "print a script for completion in a shell"),
    "enigma": ("ome.cli.jobs.enigma", "check a model in an init container (decrypts nothing)"),
    "fine-tuned-adapter": ("ome.cli.jobs.adapter", "bring one fine-tuned weight"),
    "hf-download": ("ome.cli.jobs.hubdownload", "download a repository of the Hugging Face Hub"),
    "model-metadata": ("ome.cli.jobs.metadata", "say what a mounted model is"),
    "replica": ("ome.cli.jobs.replica", "copy a model between hub, object storage and claims"),
    "serving-agent": ("ome.cli.jobs.sidecar", "keep a directory of fine-tuned weights as listed"),
}
"""The module whose ``run`` is the subcommand, and what it does."""


_MORE = """
Examples:
  ome agent --models-root-dir /mnt/data/models --node-name gpu-1
  ome agent --simulate gpu-1 gpu-2 --fail llama@gpu-2"""


def main(words: Sequence[str] | None = None) -> None:
    """``ome-agent``, as images and manifests of the Go agent call it; ends the process."""
    sys.exit(outcome_of(run, sys.argv[1:] if words is None else words))


def run(words: Sequence[str]) -> int:
    """Run until a signal, or a subcommand to its end; the exit code."""
    if "--version" in words[:1]:
        commit = os.environ.get(names.ENV_COMMIT) or "unknown"
        sys.stdout.write(f"gitVersion={__version__}, gitCommit={commit}\n")
        return 0
    if words and words[0] in SUBCOMMANDS:
        code: int = importlib.import_module(SUBCOMMANDS[words[0]][0]).run(words[1:])
        return code
    if list(words[:1]) == ["help"]:
        return run(["--help"])
    if words and not words[0].startswith("-"):
        raise UserError(
            f"ome agent: unknown command {words[0]!r}; expected one of {', '.join(SUBCOMMANDS)}, or"
            " flags (names of nodes follow --simulate)"
        )
    given = [*from_environment(os.environ), *simulated.with_bare_simulate(words)]
    try:
        flags = parse(
            "ome agent",
            (*simulated.FLAGS, *AGENT_FLAGS),
            given,
            words_as="simulate",
            more=_MORE,
        )
    except HelpWanted as wanted:
        raise HelpWanted(f"{_usage()}\n\n{wanted}", wanted.flags) from None
    if simulated.wanted(flags):
        return simulated.run(flags)
    # Imported when used: the providers of all storages come with it.
    from ome.cli.nodeagent import run as run_agent

    return run_agent(flags)


def _usage() -> str:
    lines = "".join(f"\n  {name:<20}{what}" for name, (_, what) in SUBCOMMANDS.items())
    return f"Commands, each but completion with a configuration file (--config FILE):\n{lines}"
