"""``ome agent serving-agent``: the sidecar that keeps a directory of fine-tuned weights as listed.

The list is a file that somebody else replaces, usually a mounted ConfigMap. Weights that are new in
it are fetched and unpacked, their zips kept; of those that are gone, what their zip holds is
deleted, unless another weight has a file of the same name. One that fails is tried again.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
import msgspec
import structlog

from ome.cli.goflags import parse
from ome.cli.jobs.configuration import COMMON_FLAGS, EXAMPLE, Configuration, JobFailed
from ome.cli.jobs.weights import fetch_zip, files_of, store_of, unzip
from ome.errors import StorageError
from ome.storage.sources import INCOMPLETE
from ome.storage.uris import OciUri

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ome.cli.jobs.weights import Store

__all__ = ["Sidecar", "run"]

_LOOK_SECONDS = 1.0
_RETRY_SECONDS = 300.0
log = structlog.get_logger("agent")


class _Weight(msgspec.Struct, frozen=True):
    """One object of the list; further members are for others."""

    object_name: str
    bucket_name: str
    namespace: str = ""
    region: str = ""

    @property
    def name(self) -> str:
        return self.object_name.rstrip("/").rpartition("/")[2]


def run(words: Sequence[str]) -> int:
    """Run until SIGTERM or SIGINT; the exit code. Raises ``UserError``."""
    more = EXAMPLE.format("serving-agent")
    flags = parse("ome agent serving-agent", COMMON_FLAGS, words, more=more)
    config = Configuration.read(flags["config"] or flags["c"], {}, os.environ)
    packed = Path(config.required("zipped_fine_tuned_weight_directory"))
    target = Path(config.required("unzipped_fine_tuned_weight_directory"))
    listed = Path(config.required("fine_tuned_weight_info_file_path"))
    try:
        sidecar = Sidecar(store_of(config), listed, packed, target)
    except StorageError as error:
        raise JobFailed(f"serving-agent: {error}") from error
    anyio.run(_until_signal, sidecar)
    return 0


async def _until_signal(sidecar: Sidecar) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(sidecar.run)
        with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as received:
            async for _ in received:
                break
        group.cancel_scope.cancel()


class Sidecar:
    """Keeps the weights; ``run`` it until cancelled."""

    def __init__(self, store: Store, listed: Path, packed: Path, target: Path) -> None:
        self._store = store
        self._listed = listed
        self._packed = packed
        self._target = target

    async def run(self) -> None:
        """Look at the list each second, and do what changed."""
        clock = self._store.around.clock
        before, due = None, 0.0
        while True:
            now = await anyio.to_thread.run_sync(self._read)
            if now is not None and (now != before or clock.monotonic() >= due):
                before = now
                fine = await self.reconcile(now)
                due = float("inf") if fine else clock.monotonic() + _RETRY_SECONDS
            await clock.sleep(_LOOK_SECONDS)

    async def reconcile(self, text: bytes) -> bool:
        """Make the directory what the list says; whether all of it is done."""
        try:
            wanted = {one.name: one for one in msgspec.json.decode(text, type=list[_Weight])}
        except msgspec.MsgspecError as error:
            log.warning("weights.list_unreadable", file=str(self._listed), problem=str(error))
            return False
        present = await anyio.to_thread.run_sync(self._present)
        for name in present.keys() - wanted.keys():
            others = [path for other, path in present.items() if other in wanted]
            await anyio.to_thread.run_sync(self._delete, present[name], others)
            log.info("weight.removed", weight=name)
        fine = True
        for name in sorted(wanted.keys() - present.keys()):
            fine &= await self._add(wanted[name])
        return fine

    async def _add(self, weight: _Weight) -> bool:
        uri = OciUri(weight.namespace, weight.bucket_name, weight.object_name, weight.region)
        # Under its final name a zip counts as unpacked, so it gets that name last.
        staging = self._packed / f".{weight.name}{INCOMPLETE}"
        try:
            archive = await fetch_zip(self._store, uri, staging)
            await unzip(archive, self._target)
            await anyio.to_thread.run_sync(self._keep, archive, weight.name)
        except (StorageError, JobFailed, OSError) as error:
            log.warning("weight.failed", weight=weight.object_name, problem=str(error))
            return False
        log.info("weight.ready", weight=weight.object_name)
        return True

    def _read(self) -> bytes | None:
        try:
            return self._listed.read_bytes()
        except OSError:
            return None

    def _present(self) -> dict[str, Path]:
        found = [path for path in self._packed.rglob("*") if path.is_file()]
        hidden = [path for path in found if path.relative_to(self._packed).parts[0][0] == "."]
        return {path.name: path for path in found if path not in hidden}

    def _keep(self, archive: Path, name: str) -> None:
        archive.replace(self._packed / name)
        archive.parent.rmdir()

    def _delete(self, archive: Path, others: Sequence[Path]) -> None:
        kept = {name for other in others for name in files_of(other)}
        for name in files_of(archive):
            place = self._target / name
            inside = place.parent.resolve().is_relative_to(self._target.resolve())
            if name not in kept and inside:
                _unlink(place)
        _unlink(archive)


def _unlink(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        log.warning("weight.file_stays", file=str(path), problem=str(error))
