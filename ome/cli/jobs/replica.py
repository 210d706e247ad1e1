"""``ome agent replica``: copy a model between a hub, object storage and claims, once."""

from __future__ import annotations

import os
import random
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import anyio

from ome.cli.goflags import Flag, parse
from ome.cli.jobs.configuration import COMMON_FLAGS, EXAMPLE, Configuration, JobFailed
from ome.cli.jobs.hubdownload import hub_wishes
from ome.cli.jobs.replication import Replication, replicate
from ome.clock import SystemClock
from ome.errors import StorageError
from ome.storage.errors import InvalidUri, UnsupportedStorage
from ome.storage.objects import object_address
from ome.storage.principals import auth_type
from ome.storage.settings import Credentials, Surroundings, Wishes
from ome.storage.uris import HuggingFaceUri, OciUri, PvcUri, parse_uri

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ome.cli.jobs.replication import Stores
    from ome.storage.uris import StorageUri

__all__ = ["replication_of", "run", "until_signal"]

_FLAGS = (
    *COMMON_FLAGS,
    Flag("termination-message-path", "/dev/termination-log", "file that an error is written to"),
)
_GIB = 2**30
_LIMIT_GIB = 650
_STORES = {
    "OCI": ("OCIOSDataStore", "oci.enabled"),
    "PVC": ("PVCFileSystem", "pvc.enabled"),
}
"""What the Go agent calls them, and the key that allows their use."""


def run(words: Sequence[str]) -> int:
    """Do it once; the exit code. Raises ``UserError``."""
    flags = parse("ome agent replica", _FLAGS, words, more=EXAMPLE.format("replica"))
    config = Configuration.read(flags["config"] or flags["c"], {}, os.environ)
    around = Surroundings(SystemClock(), random.Random(), os.environ)
    try:
        anyio.run(until_signal, replication_of(config), around)
    except (StorageError, JobFailed) as error:
        _note(flags["termination-message-path"], str(error))
        raise JobFailed(f"replica encountered an error during execution: {error}") from error
    return 0


async def until_signal(
    wanted: Replication, around: Surroundings, stores: Stores | None = None
) -> None:
    """Copy, unless SIGTERM or SIGINT comes: what was begun at a store is then given up there.

    Raises ``JobFailed``, ``StorageError``.
    """
    failure: StorageError | JobFailed | None = None
    async with anyio.create_task_group() as group:

        async def listen() -> None:
            nonlocal failure
            with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as received:
                async for number in received:
                    name = signal.Signals(number).name
                    failure = JobFailed(f"stopped by {name} before all was copied; run it again")
                    group.cancel_scope.cancel()

        group.start_soon(listen)
        try:
            await replicate(wanted, around, stores)
        except (StorageError, JobFailed) as error:
            failure = error  # raised outside of the group, which would wrap it
        group.cancel_scope.cancel()
    if failure is not None:
        raise failure


def _note(path: str, text: str) -> None:
    """Where a pod's status shows it."""
    try:
        Path(path).write_text(text, "utf-8")
    except OSError as error:
        sys.stderr.write(f"{path}: {error.strerror}\n")


def replication_of(config: Configuration) -> Replication:
    """What is copied from where to where. Raises ``JobFailed``, ``StorageError``."""
    source, target = _uri(config, "source"), _uri(config, "target")
    pair = f"{source.TYPE} \u2192 {target.TYPE}"
    if not isinstance(source, HuggingFaceUri | OciUri | PvcUri):
        raise JobFailed(f"unsupported replication: {pair}; copy from hf://, oci:// or pvc://")
    if not isinstance(target, OciUri | PvcUri):
        raise JobFailed(f"unsupported replication: {pair}; copy to oci:// or pvc://")
    _require(config, "source", source)
    _require(config, "target", target)
    if isinstance(source, PvcUri) and isinstance(target, PvcUri):
        mine, theirs = source.namespace, target.namespace
        if mine != theirs:
            raise JobFailed(
                f"source PVC and target PVC namespaces do not match: {mine} != {theirs}; a pod"
                " mounts claims of its own namespace"
            )
    token = config.text("hf_token") or os.environ.get("HF_TOKEN", "")
    limit = config.number("download_size_limit_gb", _LIMIT_GIB)
    hub = isinstance(source, HuggingFaceUri)
    return Replication(
        source,
        target,
        Path(config.required("local_path")),
        from_wishes=hub_wishes(config) if hub else _wishes(config, "source", source),
        to_wishes=_wishes(config, "target", target),
        credentials=Credentials({"token": token} if token else {}, "the configuration"),
        connections=config.above_zero("num_connections", 10, "num_connections"),
        most_bytes=int(limit * _GIB) if config.yes("enable_size_limit_check", default=True) else 0,
        checksum=_checksum(config),
    )


def _uri(config: Configuration, side: str) -> StorageUri:
    text = config.required(f"{side}.storage_uri")
    try:
        found = parse_uri(text)
    except InvalidUri as error:
        raise JobFailed(f"invalid {side} storage URI {text} - {error}") from error
    try:
        object_address(text)
    except UnsupportedStorage as error:
        raise JobFailed(f"failed to parse {side} storage URI {text} - {error}") from error
    return found


def _require(config: Configuration, side: str, uri: StorageUri) -> None:
    store, key = _STORES.get(uri.TYPE, ("", ""))
    if store and not config.yes(f"{side}.{key}"):
        raise JobFailed(
            f"required {side.capitalize()}.{store} is nil; set {side}.{key} to true to use"
            f" {uri.SCHEME}://"
        )


def _wishes(config: Configuration, side: str, uri: StorageUri) -> Wishes:
    if not isinstance(uri, OciUri):
        return Wishes()
    if config.yes(f"{side}.oci.enable_obo_token"):
        raise JobFailed(
            f"{side}.oci.enable_obo_token is not supported; use another {side}.oci.auth_type"
        )
    return Wishes(
        region=config.text(f"{side}.oci.region"),
        endpoint=config.text(f"{side}.oci.endpoint"),
        auth=auth_type(config.required(f"{side}.oci.auth_type")),
    )


def _checksum(config: Configuration) -> Literal["md5", "sha256"] | None:
    if not config.yes("target.checksum.upload_enabled"):
        return None
    match config.required("target.checksum.algorithm").lower():
        case "md5":
            return "md5"
        case "sha256":
            return "sha256"
        case other:
            raise JobFailed(f"target.checksum.algorithm: {other!r}: expected md5 or sha256")
