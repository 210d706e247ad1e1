"""A download in a process of its own: killed at any moment, it takes nothing else with it.

The job, with its credentials, comes as one line on standard input, so that it stands in no argument
list; answers go to standard output, a line of JSON each: the progress, then ``done`` or ``failed``.
Standard input stays open: when it closes, the agent is gone, and so is its child.
"""

from __future__ import annotations

import os
import random
import sys
import traceback
from typing import TYPE_CHECKING

import anyio
import msgspec
from anyio.streams.buffered import BufferedByteReceiveStream

from ome.agent.fetch.model import Fetched, Job, fetch_model
from ome.agent.protocol import Progress as Reported
from ome.agent.protocol import in_a_line
from ome.clock import SystemClock, rfc3339
from ome.errors import StorageError
from ome.storage.download import Progress
from ome.storage.errors import RateLimited, Unforeseen, metric_reason
from ome.storage.settings import Surroundings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from anyio.abc import Process

    from ome.clock import Clock

__all__ = ["FetchFailed", "fetch_in_child", "main", "reported"]

_EVERY = 1.0
_LONGEST_LINE = 4 * 2**20


class FetchFailed(StorageError):
    """A child's failure, as it told it; ``metric`` is its reason in the metrics."""

    def __init__(
        self,
        message: str,
        reason: str = "download_error",
        metric: str = "download_error",
        retryable: bool = True,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.reason = reason  # type: ignore[misc]
        self.retryable = retryable  # type: ignore[misc]
        self.metric = metric
        self.retry_after = retry_after


class _Failed(msgspec.Struct):
    """The members of ``FetchFailed``."""

    message: str
    reason: str
    metric: str
    retryable: bool
    retry_after: float | None


class _Line(msgspec.Struct, omit_defaults=True):
    """One line of the child: exactly one member is set."""

    progress: Reported | None = None
    limited: float | None = None
    """The seconds of a wait for a rate limit that begins."""
    done: Fetched | None = None
    failed: _Failed | None = None


async def fetch_in_child(
    job: Job,
    told: Callable[[Reported], None] = lambda _: None,
    limited: Callable[[float], None] = lambda _: None,
    environ: Mapping[str, str] | None = None,
) -> Fetched:
    """The model, fetched by a child; cancelling kills it. Raises ``FetchFailed``.

    ``told`` is told how far it is, ``limited`` of each wait for a rate limit, in seconds.

    ``environ`` is that of the child; None gives it our own.
    """
    command = [sys.executable, "-m", "ome.agent.fetch"]
    try:
        process = await anyio.open_process(command, stderr=None, env=environ)
    except OSError as error:
        raise FetchFailed(
            f"no process for the download of {job.uri}: {error.strerror or type(error).__name__}"
        ) from error
    try:
        assert process.stdin is not None
        await process.stdin.send(msgspec.json.encode(job) + b"\n")
        return await _listen(process, job, told, limited)
    except (anyio.BrokenResourceError, anyio.EndOfStream, anyio.IncompleteRead) as error:
        code = await process.wait()
        raise FetchFailed(f"the download of {job.uri} ended with exit code {code}") from error
    except anyio.DelimiterNotFound as error:
        raise FetchFailed(
            f"the download of {job.uri} said more than {_LONGEST_LINE} bytes in a line"
        ) from error
    except (ValueError, RecursionError, msgspec.MsgspecError) as error:
        raise FetchFailed(
            f"the download of {job.uri} said something that is none of its answers"
        ) from error
    finally:
        with anyio.CancelScope(shield=True):
            if process.returncode is None:
                process.kill()
            await process.wait()
            await process.aclose()


async def _listen(
    process: Process,
    job: Job,
    told: Callable[[Reported], None],
    limited: Callable[[float], None],
) -> Fetched:
    assert process.stdout is not None
    lines = BufferedByteReceiveStream(process.stdout)
    while True:
        line = msgspec.json.decode(await lines.receive_until(b"\n", _LONGEST_LINE), type=_Line)
        if line.progress is not None:
            told(line.progress)
        if line.limited is not None:
            limited(line.limited)
        if line.done is not None:
            return line.done
        if line.failed is not None:
            raise FetchFailed(**msgspec.structs.asdict(line.failed))


def main() -> None:
    """The child: one job from standard input, its outcome to standard output."""
    job = msgspec.json.decode(sys.stdin.buffer.readline(), type=Job)
    anyio.run(_run, job)


async def _run(job: Job) -> None:
    clock = SystemClock()
    around = Surroundings(clock, random.Random(), os.environ)
    progress = Progress(limited=lambda seconds: _say(_Line(limited=seconds)))
    async with anyio.create_task_group() as group:
        group.start_soon(_die_with_parent)
        group.start_soon(_report, progress, clock)
        try:
            outcome = _Line(done=await fetch_model(job, around, progress))
        except StorageError as error:
            outcome = _Line(failed=_told(error, job))
        except Exception as error:
            traceback.print_exc()
            outcome = _Line(failed=_told(Unforeseen.of(error), job))
        _say(_Line(progress=reported(progress, 0.0, clock)))
        _say(outcome)
        group.cancel_scope.cancel()


def _told(error: StorageError, job: Job) -> _Failed:
    return _Failed(
        in_a_line(str(error)),
        error.reason,
        metric_reason(error, job.uri.partition("://")[0]),
        error.retryable,
        error.retry_after if isinstance(error, RateLimited) else None,
    )


async def _die_with_parent() -> None:
    await anyio.wait_readable(sys.stdin)
    # Nothing more is ever sent, so this is the end of the stream.
    os._exit(1)


async def _report(progress: Progress, clock: Clock) -> None:
    before = progress.completed_bytes
    while True:
        await clock.sleep(_EVERY)
        speed = max(progress.completed_bytes - before, 0) / _EVERY
        before = progress.completed_bytes
        _say(_Line(progress=reported(progress, speed, clock)))


def reported(progress: Progress, speed: float, clock: Clock) -> Reported:
    """The progress as it stands in a node's entry; ``speed`` in bytes a second."""
    return Reported(
        phase=progress.phase,
        total_bytes=progress.total_bytes,
        completed_bytes=progress.completed_bytes,
        total_files=progress.total_files,
        completed_files=progress.completed_files,
        speed_bytes_per_sec=speed,
        last_updated=rfc3339(clock.wall()),
    )


def _say(line: _Line) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(line) + b"\n")
    sys.stdout.buffer.flush()
