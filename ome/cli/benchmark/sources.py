"""Where results come from: files, folders, the status of a BenchmarkJob, the bucket it wrote to."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ome.cli.reading import context_namespace, reading
from ome.clock import SystemClock
from ome.errors import NotFound, StorageError, UserError
from ome.kube.resource import ObjectKey
from ome.workloads.benchmark.results import BadResult, Run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ome.cli.reading import Where
    from ome.storage.sources import RemoteFile, Source

__all__ = ["Experiment", "gather"]

_COMMAND = "ome benchmark report"
_MOST_BYTES = 2**28
"""Of one result file; it holds every request of its run."""
_PATIENCE = 60
"""Seconds that a BenchmarkJob is waited for."""


@dataclass(frozen=True, slots=True)
class Experiment:
    """Runs that belong together, ordered by scenario and concurrency."""

    name: str
    runs: tuple[Run, ...]


Found = list[tuple[str, Run]]
"""Runs, each with the folder of its file below what was named; "" for that itself."""


async def gather(words: Sequence[str], namespace: str, where: Where) -> list[Experiment]:
    """The experiments of each word, in order. Raises ``UserError`` for one that gives none."""
    found: list[Experiment] = []
    for word in words:
        if os.path.exists(word):  # noqa: ASYNC240  # nothing else runs in this loop
            runs = _of_path(Path(word))
        elif word.endswith(".json") or word.startswith((".", "/")) or word.count("/") > 1:
            raise UserError(f"{_COMMAND}: {word}: no such file or folder")
        else:
            runs = await _of_job(word, namespace, where)
        found += _experiments(word.rstrip("/"), runs)
    return found


def _experiments(name: str, found: Found) -> list[Experiment]:
    """One for all; one for each folder where folders have the same runs, to be told apart."""
    folders: dict[str, list[Run]] = {}
    for folder, run in found:
        folders.setdefault(folder, []).append(run)
    different = sum(len({_which(run) for run in runs}) for runs in folders.values())
    if len({_which(run) for _, run in found}) == different:
        folders = {"": [run for _, run in found]}
    return [
        Experiment(f"{name}/{folder}" if folder else name, tuple(sorted(runs, key=_which)))
        for folder, runs in sorted(folders.items())
    ]


def _which(run: Run) -> tuple[str, int]:
    return run.scenario, run.concurrency


def _of_path(path: Path) -> Found:
    if path.is_file():
        try:
            return [("", Run.parse(path.read_text()))]
        except (BadResult, OSError, UnicodeDecodeError) as error:
            raise UserError(f"{_COMMAND}: {path}: {error}") from error
    files = [item for item in sorted(path.rglob("*.json")) if _is_result(item.name)]
    if not files:
        raise UserError(
            f"{_COMMAND}: {path}: no result of genai-bench in it; expected files such as"
            " D100_100_text-to-text_num_concurrency_1_time_60s.json"
        )
    return [
        (_folder(file.relative_to(path).as_posix()), run)
        for file in files
        for _, run in _of_path(file)
    ]


def _folder(file: str) -> str:
    return file.rpartition("/")[0]


def _is_result(name: str) -> bool:
    return name.endswith("s.json") and "_time_" in name


async def _of_job(word: str, namespace: str, where: Where) -> Found:
    # Late: a report of files needs no Kubernetes client.
    from ome.controllers.resources import BENCHMARK_JOBS

    given, _, name = word.rpartition("/")
    key = ObjectKey(given or namespace or context_namespace(where), name)
    async with reading(_COMMAND, where, _PATIENCE) as client:
        try:
            document = await client.get(BENCHMARK_JOBS, key)
        except NotFound as error:
            raise UserError(
                f"{_COMMAND}: {word}: neither a file nor a folder, and no BenchmarkJob {key}"
            ) from error
    return await _of_document(key, document)


async def _of_document(key: ObjectKey, document: Mapping[str, Any]) -> Found:
    status = document.get("status") or {}
    summary = status.get("summary")
    if summary:
        return [("", Run.of_summary(run)) for run in summary]
    location = status.get("resultLocation") or ""
    if not location:
        state = status.get("state") or "Pending"
        why = f": {status['details']}" if status.get("details") else ""
        raise UserError(f"{_COMMAND}: BenchmarkJob {key} has no results (it is {state}{why})")
    if location.startswith("pvc://"):
        raise UserError(
            f"{_COMMAND}: BenchmarkJob {key} wrote to {location}, which only pods can read; copy"
            " the folder from a pod that mounts the claim (kubectl cp) and name it here"
        )
    parameters = document["spec"]["outputLocation"].get("parameters") or {}
    try:
        return await _of_bucket(location, parameters)
    except (StorageError, BadResult) as error:
        raise UserError(f"{_COMMAND}: BenchmarkJob {key}: {location}: {error}") from error


async def _of_bucket(location: str, parameters: Mapping[str, str]) -> Found:
    # Late: the library of a provider is loaded for its scheme alone.
    from ome.storage.credentials import find_credentials
    from ome.storage.download import list_files
    from ome.storage.objects import source_uri
    from ome.storage.registry import open_source
    from ome.storage.retry import RetryPolicy
    from ome.storage.settings import Surroundings, wishes_of

    around = Surroundings(SystemClock(), random.Random(), os.environ)
    uri, wishes = source_uri(location), wishes_of(parameters)
    credentials = await find_credentials(uri.SCHEME, parameters=parameters, environ=os.environ)
    policy = RetryPolicy(attempts=3, interval=1.0, patience=30.0)
    async with open_source(uri, credentials, wishes, around) as source:
        listing = await list_files(source, wishes, around, policy)
        results = [file for file in listing.files if _is_result(file.path.rpartition("/")[2])]
        if not results:
            raise BadResult("no result of genai-bench there")
        return [(_folder(file.path), Run.parse(await _text(source, file))) for file in results]


async def _text(source: Source, file: RemoteFile) -> str:
    size = _MOST_BYTES if file.size is None else file.size
    if size > _MOST_BYTES:
        raise BadResult(f"{file.path} has {size} bytes, more than a result has")
    received = bytearray()
    async with source.open(file, 0, size) as stream:
        async for chunk in stream:
            received += chunk
    return bytes(received).decode(errors="replace")
