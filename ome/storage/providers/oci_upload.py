"""Putting a file into OCI Object Storage: whole when it is small, else in parts.

The library has an upload manager, but it sends the parts of a file without their MD5. Here each
part carries its own, so the store refuses bytes that changed on the way. An upload that fails is
given up at the store too, which would keep the parts, and charge for them.
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

import anyio
import structlog

from ome.errors import StorageError
from ome.storage.retry import RetryPolicy, retrying

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    from ome.storage.settings import Surroundings

__all__ = ["ObjectName", "Upload"]

_PART = 50_000_000
_MOST_PARTS = 9000
"""The service takes ten thousand."""
_POLICY = RetryPolicy(attempts=3, interval=2.0)
_GIVE_UP_SECONDS = 10.0
log = structlog.get_logger("agent")


class ObjectName(NamedTuple):
    """Where an object is."""

    namespace: str
    bucket: str
    name: str


class Upload:
    """One file on its way; ``call`` runs what blocks in a thread, and raises ``StorageError``."""

    def __init__(
        self,
        client: Any,
        call: Callable[..., Awaitable[Any]],
        place: ObjectName,
        path: Path,
        around: Surroundings,
    ) -> None:
        self._client = client
        self._call = call
        self._place = place
        self._path = path
        self._around = around

    async def run(self, size: int, metadata: Mapping[str, str]) -> None:
        """Put it there; ``size`` is that of the file."""
        part = max(_PART, -(-size // _MOST_PARTS))
        if size <= part:
            await self._call(self._whole, dict(metadata))
            return
        identity = await self._call(self._begin, metadata)
        done = False
        try:
            tags = await self._parts(identity, part, -(-size // part))
            await self._call(self._commit, identity, tags)
            done = True
        finally:
            if not done:
                with anyio.CancelScope(shield=True), anyio.move_on_after(_GIVE_UP_SECONDS):
                    await self._give_up(identity)

    async def _parts(self, identity: str, part: int, count: int) -> list[str]:
        """Put all parts, as many at a time as there are threads; their tags in order."""
        tags: dict[int, str] = {}
        failed: list[StorageError] = []

        async def one(number: int, stop: Callable[[], None]) -> None:
            around = self._around
            try:
                tags[number] = await retrying(
                    lambda: self._call(self._part, identity, number, part),
                    _POLICY,
                    around.clock,
                    around.rng,
                )
            except StorageError as error:
                failed.append(error)
                stop()

        async with anyio.create_task_group() as group:
            for number in range(count):
                group.start_soon(one, number, group.cancel_scope.cancel)
        if failed:
            raise failed[0]
        return [tags[number] for number in range(count)]

    async def _give_up(self, identity: str) -> None:
        try:
            await self._call(self._client.abort_multipart_upload, *self._place, identity)
        except StorageError as error:
            log.warning("upload.parts_stay", object=self._place.name, problem=str(error))

    # Each of these blocks.

    def _whole(self, metadata: dict[str, str]) -> None:
        content = self._path.read_bytes()
        self._client.put_object(*self._place, content, content_md5=_md5(content), opc_meta=metadata)

    def _begin(self, metadata: Mapping[str, str]) -> str:
        namespace, bucket, name = self._place
        told = {f"opc-meta-{key}": value for key, value in metadata.items()}
        answer = self._client.create_multipart_upload(
            namespace, bucket, {"object": name, "metadata": told}
        )
        identity: str = answer.data.upload_id
        return identity

    def _part(self, identity: str, number: int, size: int) -> str:
        with self._path.open("rb") as file:
            file.seek(number * size)
            content = file.read(size)
        answer = self._client.upload_part(
            *self._place, identity, number + 1, content, content_md5=_md5(content)
        )
        tag: str = answer.headers["etag"]
        return tag

    def _commit(self, identity: str, tags: list[str]) -> None:
        parts = [{"partNum": number, "etag": tag} for number, tag in enumerate(tags, 1)]
        self._client.commit_multipart_upload(*self._place, identity, {"partsToCommit": parts})


def _md5(content: bytes) -> str:
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
