"""``ome agent fine-tuned-adapter``: the init container that brings one fine-tuned weight."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import structlog

from ome.cli.goflags import parse
from ome.cli.jobs.configuration import COMMON_FLAGS, EXAMPLE, Configuration, JobFailed
from ome.cli.jobs.weights import fetch_zip, store_of, unzip
from ome.errors import StorageError
from ome.storage.uris import OciUri

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ome.cli.jobs.weights import Store

__all__ = ["bring", "run"]

log = structlog.get_logger("agent")


def run(words: Sequence[str]) -> int:
    """Do it once; the exit code. Raises ``UserError``."""
    more = EXAMPLE.format("fine-tuned-adapter")
    flags = parse("ome agent fine-tuned-adapter", COMMON_FLAGS, words, more=more)
    config = Configuration.read(flags["config"] or flags["c"], {}, os.environ)
    uri = OciUri(
        config.text("model.namespace"),
        config.required("model.bucket_name"),
        config.required("model.object_name"),
        config.text("region"),
    )
    packed = Path(config.required("zipped_fine_tuned_weight_directory"))
    target = Path(config.required("unzipped_fine_tuned_weight_directory"))
    try:
        anyio.run(bring, store_of(config), uri, packed, target)
    except StorageError as error:
        raise JobFailed(f"fine-tuned-adapter encountered an error during execution: {error}") from (
            error
        )
    return 0


async def bring(store: Store, uri: OciUri, packed: Path, target: Path) -> None:
    """Download the weight to ``packed`` and unzip it to ``target``. Raises ``StorageError``."""
    archive = await fetch_zip(store, uri, packed)
    names = await unzip(archive, target)
    try:
        archive.unlink()
    except OSError as error:
        log.warning("weight.zip_stays", file=str(archive), problem=str(error))
    log.info("weight.ready", weight=uri.prefix, files=len(names), directory=str(target))
