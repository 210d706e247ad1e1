"""``ome version``: what runs here, and the API server that it would talk to."""

from __future__ import annotations

import os
import platform
import sys
from typing import TYPE_CHECKING, Any

import anyio

from ome import __version__
from ome.api import names
from ome.cli.goflags import Flag, parse
from ome.cli.output import form_of, output_flags, written
from ome.cli.reading import CLUSTER_FLAGS, Where, reading
from ome.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["FLAGS", "run"]

_COMMAND = "ome version"
_SECONDS = 10
FLAGS = (
    Flag("client", False, "ask no cluster"),
    *output_flags("table", "json", "yaml"),
    *CLUSTER_FLAGS,
)
_MORE = """
Examples:
  ome version
  ome version --client -o json

Exit code: 0 the server answered, or --client; 2 the command or the kubeconfig is wrong,
3 the cluster refuses or does not answer. What is known without it is printed all the same."""


def run(words: Sequence[str]) -> int:
    """Print them; after what is known, 2 without a usable kubeconfig, 3 without an answer."""
    flags = parse(_COMMAND, FLAGS, words, more=_MORE)
    told: dict[str, Any] = {
        "ome": __version__,
        "commit": os.environ.get(names.ENV_COMMIT, "unknown"),
        "python": platform.python_version(),
    }
    code = 0
    if not flags["client"]:
        try:
            told["apiServer"] = anyio.run(_server, Where.of(flags))
        except UserError as error:
            sys.stderr.write(f"{error}; --client asks no cluster\n")
            code = error.exit_code
    form = form_of(flags)
    if form != "table":
        sys.stdout.write(written(told, form))
        return code
    sys.stdout.write(f"ome {told['ome']}\ncommit {told['commit']}\nPython {told['python']}\n")
    if "apiServer" in told:
        sys.stdout.write(f"API server {told['apiServer']}\n")
    return code


async def _server(where: Where) -> str:
    async with reading(_COMMAND, where, _SECONDS, ours=False) as client:
        version = await client.raw_get("/version")
    return str(version.get("gitVersion", "unknown"))
