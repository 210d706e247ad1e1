"""Benchmarks' pods as processes: genai-bench with the pod's own arguments and variables.

A process gets nothing of this process's environment but where programs are, and may not ask the
model hub. What it writes is the pod's log. After a run that went well the figures of its result
files are added at the log's end, as an image of one's own may do.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread

from ome.api import names
from ome.sandbox.cluster.kubelets.programs import Ended
from ome.sandbox.realbenchmarks.environment import Missing, variables_of
from ome.sandbox.realbenchmarks.mapping import Here, words_here
from ome.workloads.benchmark.results import BadResult, Run, summary_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from anyio.abc import Process, TaskGroup

    from ome.sandbox.local import LocalApi

__all__ = ["BenchmarkPrograms"]

_COMMAND = ["genai-bench"]
_GRACE = 5.0
"""Seconds between asking a process to end and killing it."""
_MESSAGE_BYTES, _MESSAGE_LINES = 2048, 80
"""How much of a log's end becomes the message of a container that failed."""
_LOG_BYTES = 2**20
"""How much of a log's end is read at most."""
_OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
_LOCAL = "127.0.0.1,localhost"


@dataclass(slots=True)
class _Program:
    """One pod's process."""

    directory: Path
    told: Callable[[], None]
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    ended: Ended | None = None

    @property
    def log(self) -> Path:
        return self.directory / "log"


class BenchmarkPrograms:
    """Runs what ``Programs`` says, in the task group of whoever made it."""

    def __init__(
        self, group: TaskGroup, local: LocalApi, tool: Path, endpoint: str, directory: Path
    ) -> None:
        """``directory`` takes ``claims`` (kept), ``tokenizer`` and what pods leave behind."""
        self._group = group
        self._local = local
        self._tool = tool
        self._endpoint = endpoint
        self._directory = directory
        self._running: dict[str, _Program] = {}

    def covers(self, pod: Mapping[str, Any]) -> bool:
        """A benchmark's pod, by its label and its command."""
        labels = pod["metadata"].get("labels") or {}
        containers = pod["spec"]["containers"]
        return names.LABEL_BENCHMARK in labels and containers[0].get("command") == _COMMAND

    def outcome(self, pod: Mapping[str, Any], told: Callable[[], None]) -> Ended | None:
        uid = pod["metadata"]["uid"]
        program = self._running.get(uid)
        if program is None:
            program = _Program(self._directory / "pods" / uid, told)
            self._running[uid] = program
            self._group.start_soon(self._run, program, pod)
        return program.ended

    def stop(self, uid: str) -> None:
        program = self._running.pop(uid, None)
        if program is not None:
            program.scope.cancel()

    async def log(self, uid: str, tail_lines: int | None) -> str | None:
        program = self._running.get(uid)
        if program is None:
            return None
        return await anyio.to_thread.run_sync(_tail, program.log, tail_lines)

    async def _run(self, program: _Program, pod: Mapping[str, Any]) -> None:
        try:
            with program.scope:
                program.ended = await self._outcome(program, pod)
                program.told()
                await anyio.sleep_forever()  # the log stays until the pod goes
        finally:
            with anyio.CancelScope(shield=True):
                remove = partial(shutil.rmtree, program.directory, ignore_errors=True)
                await anyio.to_thread.run_sync(remove)

    async def _outcome(self, program: _Program, pod: Mapping[str, Any]) -> Ended:
        try:
            return await self._process(program, pod)
        except Missing as error:
            return Ended(128, str(error), "CreateContainerConfigError")
        except OSError as error:
            why = f"{error.filename or self._tool}: {error.strerror}"
            return Ended(128, why, "StartError")

    async def _process(self, program: _Program, pod: Mapping[str, Any]) -> Ended:
        variables = variables_of(pod, self._local)
        claims = self._directory / "claims" / pod["metadata"]["namespace"]
        here = Here(self._endpoint, self._directory / "tokenizer", claims)
        words = words_here(pod, variables, here)
        program.directory.mkdir(parents=True)
        inherited = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(program.directory)}
        proxies = {"NO_PROXY": _LOCAL, "no_proxy": _LOCAL}
        environ = {**inherited, **_OFFLINE, **proxies, "PYTHONUNBUFFERED": "1", **variables}
        base = _base(words, program.directory)
        before = await anyio.to_thread.run_sync(_results, base)
        with program.log.open("wb") as log:
            process = await anyio.open_process(
                [str(self._tool), *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=program.directory,
                env=environ,
            )
            code = await _to_its_end(process)
            if code == 0:
                log.write(await anyio.to_thread.run_sync(_figures, base, before))
                return Ended(0)
        text = await anyio.to_thread.run_sync(_tail, program.log, _MESSAGE_LINES)
        return Ended(code, text[-_MESSAGE_BYTES:])


async def _to_its_end(process: Process) -> int:
    """The exit code; cancelled, the process is ended first."""
    try:
        return await process.wait()
    finally:
        with anyio.CancelScope(shield=True):
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.terminate()
                with anyio.move_on_after(_GRACE):
                    await process.wait()
            if process.returncode is None:
                process.kill()
            await process.wait()
            await process.aclose()


def _base(words: list[str], directory: Path) -> Path:
    """Where the process makes the folder of its results."""
    option = "--experiment-base-dir"
    return Path(words[words.index(option) + 1]) if option in words else directory


def _results(base: Path) -> dict[Path, int]:
    """The result files, and when each was written."""
    return {path: path.stat().st_mtime_ns for path in sorted(base.rglob("*_time_*s.json"))}


def _figures(base: Path, before: Mapping[Path, int]) -> bytes:
    """The summary of the files that are new since ``before``, as a line of JSON."""
    runs = []
    for path, written in _results(base).items():
        with suppress(BadResult, OSError):
            if before.get(path) != written:
                runs.append(Run.parse(path.read_text()))
    return json.dumps({"runs": summary_of(runs)}).encode() + b"\n" if runs else b""


def _tail(path: Path, lines: int | None) -> str:
    try:
        with path.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(size - _LOG_BYTES, 0))
            text = log.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
    kept = text.splitlines(keepends=True)
    return "".join(kept if lines is None else kept[max(len(kept) - lines, 0) :])
