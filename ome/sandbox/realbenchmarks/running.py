"""Everything that real benchmarks need, for as long as a sandbox is up."""

from __future__ import annotations

import shutil
import subprocess
import sys
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
from anyio.streams.buffered import BufferedByteReceiveStream

from ome.errors import UserError
from ome.sandbox.realbenchmarks.programs import BenchmarkPrograms
from ome.sandbox.realbenchmarks.tokenizer import write_tokenizer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from ome.sandbox.local import LocalApi

__all__ = ["engine_process", "real_benchmarks"]

_PATIENCE = 60.0
"""Seconds until the stand-in engine has said where it listens."""


@asynccontextmanager
async def real_benchmarks(
    local: LocalApi, tool: Path, directory: Path
) -> AsyncIterator[BenchmarkPrograms]:
    """Run them while the context is open; what they wrote to claims stays in ``directory``.

    Raises ``UserError`` when the stand-in engine does not start.
    """
    await anyio.to_thread.run_sync(write_tokenizer, directory / "tokenizer")
    try:
        async with engine_process() as endpoint, anyio.create_task_group() as group:
            yield BenchmarkPrograms(group, local, tool, endpoint, directory)
            group.cancel_scope.cancel()
    finally:
        with anyio.CancelScope(shield=True):
            for made in ("tokenizer", "pods"):
                await anyio.to_thread.run_sync(_clear, directory / made)


def _clear(directory: Path) -> None:
    shutil.rmtree(directory, ignore_errors=True)


@asynccontextmanager
async def engine_process() -> AsyncIterator[str]:
    """The stand-in engine in a process of its own; gives its address."""
    command = [sys.executable, "-m", "ome.sandbox.realbenchmarks"]
    async with await anyio.open_process(command, stdin=subprocess.PIPE, stderr=None) as process:
        try:
            assert process.stdout is not None
            line = b""
            with anyio.move_on_after(_PATIENCE), suppress(anyio.IncompleteRead):
                line = await BufferedByteReceiveStream(process.stdout).receive_until(b"\n", 16)
            if not line:
                raise UserError(f"the stand-in engine did not start within {_PATIENCE:g} s")
            yield f"http://127.0.0.1:{int(line)}"
        finally:
            with anyio.CancelScope(shield=True):
                if process.returncode is None:
                    process.kill()
                await process.wait()
