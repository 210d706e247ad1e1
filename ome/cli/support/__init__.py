"""``ome support-bundle``: what somebody needs to see who helps, in one archive, without secrets."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from ome.cli.goflags import Flag, parse
from ome.cli.manager import own_namespace
from ome.cli.reading import CLUSTER_FLAGS, Where, reading
from ome.cli.support.archive import Archive
from ome.cli.support.gather import Gatherer
from ome.cli.support.summary import summary
from ome.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["FLAGS", "run"]

_COMMAND = "ome support-bundle"
_SECONDS = 600
FLAGS = (
    Flag("namespace", "", "the operator's own namespace (default: POD_NAMESPACE, then ome)"),
    Flag("n", "", "the same as --namespace"),
    Flag("output", "", "the archive (default: ome-support-TIME.tar.gz in this folder)"),
    Flag("o", "", "the same as --output"),
    Flag("tail-lines", 5000, "lines of each log, from its end"),
    *CLUSTER_FLAGS,
)
_MORE = """
Examples:
  ome support-bundle
  ome support-bundle -n ome -o case-17.tar.gz

Exit code: 0 the archive is written, 2 the command or the file is wrong, 3 the cluster refuses or
does not answer."""


def run(words: Sequence[str]) -> int:
    """Write the archive; the exit code."""
    flags = parse(_COMMAND, FLAGS, words, more=_MORE)
    if flags["tail-lines"] < 1:
        raise UserError(f"{_COMMAND}: --tail-lines={flags['tail-lines']}: expected 1 or more")
    namespace = own_namespace(flags["namespace"] or flags["n"])
    now = datetime.now(UTC)
    given = flags["output"] or flags["o"]
    path = Path(given or f"ome-support-{now:%Y%m%d-%H%M%S}.tar.gz")

    async def gather(archive: Archive) -> None:
        async with reading(_COMMAND, Where.of(flags), _SECONDS, ours=False) as client:
            gatherer = Gatherer(client, archive, namespace, flags["tail-lines"])
            await gatherer.gather()
        archive.text("summary.txt", summary(gatherer.found, archive.notes, now))

    try:
        with Archive(path, now) as archive:
            anyio.run(gather, archive)
        size = path.stat().st_size >> 10
    except OSError as error:
        raise UserError(f"{_COMMAND}: --output={path}: {error.strerror or error}") from error
    sys.stdout.write(f"{path}: {archive.files} files, {size} KiB\n")
    for note in archive.notes:
        sys.stderr.write(f"{_COMMAND}: {note}\n")
    return 0
