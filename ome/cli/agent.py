"""``ome agent``: the agent of a node, simulated ones, and what pods run of it."""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING

from ome import __version__
from ome.cli import outcome_of, simulated
from ome.cli.agentflags import AGENT_FLAGS, from_environment
from ome.cli.goflags import parse

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main", "run"]

_COMMANDS = {
    "fine-tuned-adapter": "ome.cli.jobs.adapter",
    "hf-download": "ome.cli.jobs.hubdownload",
    "model-metadata": "ome.cli.jobs.metadata",
    "replica": "ome.cli.jobs.replica",
    "serving-agent": "ome.cli.jobs.sidecar",
}
"""The module whose ``run`` is the subcommand."""


def main(words: Sequence[str] | None = None) -> None:
    """``ome-agent``, as images and manifests of the Go agent call it; ends the process."""
    sys.exit(outcome_of(run, sys.argv[1:] if words is None else words))


def run(words: Sequence[str]) -> int:
    """Run until a signal, or a subcommand to its end; the exit code."""
    if "--version" in words[:1]:
        sys.stdout.write(f"gitVersion={__version__}, gitCommit=unknown\n")
        return 0
    if words and words[0] in _COMMANDS:
        code: int = importlib.import_module(_COMMANDS[words[0]]).run(words[1:])
        return code
    given = [*from_environment(os.environ), *simulated.with_bare_simulate(words)]
    flags = parse("ome agent", (*simulated.FLAGS, *AGENT_FLAGS), given, words_as="simulate")
    if simulated.wanted(flags):
        return simulated.run(flags)
    # Imported when used: the providers of all storages come with it.
    from ome.cli.nodeagent import run as run_agent

    return run_agent(flags)
