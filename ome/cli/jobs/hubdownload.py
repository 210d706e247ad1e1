"""``ome agent hf-download``: a whole repository of the Hugging Face Hub into a directory, once."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import anyio
import structlog

from ome.cli.goflags import parse
from ome.cli.jobs.configuration import COMMON_FLAGS, EXAMPLE, Configuration, JobFailed
from ome.clock import SystemClock
from ome.errors import StorageError
from ome.storage.download import download, list_files
from ome.storage.registry import open_source
from ome.storage.retry import RetryPolicy
from ome.storage.settings import Credentials, Surroundings, Wishes
from ome.storage.uris import HuggingFaceUri, parse_uri

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ome.storage.download import Downloaded

__all__ = ["Snapshot", "hub_wishes", "run", "take"]

_HUB = "https://huggingface.co"
_LONGEST_WAIT = 30.0
_LEVELS = ("trace", "debug", "info", "warn", "error", "fatal", "panic")
log = structlog.get_logger("agent")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is fetched, to where, and how hard to try; times in seconds."""

    uri: HuggingFaceUri
    target: Path
    wishes: Wishes
    token: str
    policy: RetryPolicy
    workers: int
    deadline: float


def run(words: Sequence[str]) -> int:
    """Do it once; the exit code. Raises ``UserError``."""
    flags = parse("ome agent hf-download", COMMON_FLAGS, words, more=EXAMPLE.format("hf-download"))
    config = Configuration.read(flags["config"] or flags["c"], {}, os.environ)
    around = Surroundings(SystemClock(), random.Random(), os.environ)
    try:
        wanted = snapshot_of(config)
        done = anyio.run(take, wanted, around)
    except StorageError as error:
        raise JobFailed(
            f"hf-download encountered an error during execution: model download failed: {error}"
        ) from error
    size = sum(fact.size for fact in done.files.values())
    log.info("repository.ready", repository=wanted.uri.model_id, files=len(done.files), bytes=size)
    return 0


def snapshot_of(config: Configuration) -> Snapshot:
    """The settings, all of which are looked at. Raises ``JobFailed``, ``StorageError``."""
    _refuse_what_is_not_done(config)
    level = config.text("log_level", "info")
    if level not in _LEVELS:
        raise JobFailed(f"invalid log level: {level}. Valid levels: [{' '.join(_LEVELS)}]")
    retries = config.number("max_retries", 10)
    if retries < 0:
        raise JobFailed(f"max retries cannot be negative: max_retries is {retries:g}")
    config.above_zero("chunk_size", 10 * 2**20, "chunk size")
    revision = config.text("revision", "main")
    uri = parse_uri(f"hf://{config.required('model_name')}@{revision}")
    assert isinstance(uri, HuggingFaceUri)
    return Snapshot(
        uri,
        Path(config.required("local_path")),
        replace(hub_wishes(config), repository=_kind(config)),
        config.text("hf_token") or os.environ.get("HF_TOKEN", ""),
        RetryPolicy(
            attempts=int(retries) + 1,
            interval=config.seconds("retry_interval", 15.0),
            longest=_LONGEST_WAIT,
        ),
        config.above_zero("max_workers", 4, "max workers"),
        config.seconds("download_timeout", 7200.0),
    )


def hub_wishes(config: Configuration) -> Wishes:
    """Which hub. Raises ``JobFailed``."""
    endpoint = config.text("endpoint", os.environ.get("HF_ENDPOINT") or _HUB)
    if not endpoint.startswith(("https://", "http://")):
        raise JobFailed(f"endpoint: {endpoint!r}: expected a URL such as {_HUB}")
    return Wishes(endpoint=endpoint.rstrip("/"))


def _kind(config: Configuration) -> Literal["model", "dataset", "space"]:
    match config.text("repo_type", "model"):
        case "model" | "dataset" | "space" as kind:
            return kind
        case other:
            raise JobFailed(
                f"invalid repo type: {other}. Accepted types are: [model dataset space]"
            )


def _refuse_what_is_not_done(config: Configuration) -> None:
    for key in ("local_files_only", "enable_offline_mode"):
        if config.yes(key):
            raise JobFailed(f"{key}: nothing can be fetched with it; remove it")
    if not config.yes("verify_ssl", default=True):
        raise JobFailed(
            "verify_ssl: false: certificates are always verified; give the mirror's authority by"
            " SSL_CERT_FILE"
        )


async def take(wanted: Snapshot, around: Surroundings) -> Downloaded:
    """All files of the repository below the target, verified. Raises ``StorageError``."""
    credentials = Credentials({"token": wanted.token} if wanted.token else {}, "the configuration")
    try:
        with anyio.fail_after(wanted.deadline):
            async with open_source(wanted.uri, credentials, wanted.wishes, around) as source:
                listing = await list_files(source, wanted.wishes, around, wanted.policy)
                return await download(
                    source,
                    listing,
                    wanted.target,
                    around,
                    wanted.policy,
                    concurrency=wanted.workers,
                )
    except TimeoutError as error:
        raise JobFailed(
            f"model download failed: not done after {wanted.deadline:g} s (download_timeout); what"
            " came is kept and the next run goes on from there"
        ) from error
