"""``ome agent``: the agent of a node, simulated ones, and what pods run of it."""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING

from ome.cli import simulated
from ome.cli.agentflags import AGENT_FLAGS, from_environment
from ome.cli.goflags import parse

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["SUBCOMMANDS", "run"]

SUBCOMMANDS = {
    "fine-tuned-adapter": "ome.cli.jobs.adapter",
    "model-metadata": "ome.cli.jobs.metadata",
    "serving-agent": "ome.cli.jobs.sidecar",
}
"""The module whose ``run`` is the subcommand."""


def run(words: Sequence[str]) -> int:
    """Run until a signal, or a subcommand to its end; the exit code."""
    if words and words[0] in SUBCOMMANDS:
        code: int = importlib.import_module(SUBCOMMANDS[words[0]]).run(words[1:])
        return code
    given = [*from_environment(os.environ), *simulated.with_bare_simulate(words)]
    flags = parse("ome agent", (*simulated.FLAGS, *AGENT_FLAGS), given, words_as="simulate")
    if simulated.wanted(flags):
        return simulated.run(flags)
    # Imported when used: the providers of all storages come with it.
    from ome.cli.nodeagent import run as run_agent

    return run_agent(flags)
