"""Objects of OCI Object Storage, through Oracle's library (the extra ``ome[oci]``).

The library blocks, so each of its calls runs in a thread; a transfer that is cancelled leaves its
thread within the library's own timeout.
"""

from __future__ import annotations

import base64
import binascii
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio.to_thread
import oci

from ome.storage.errors import (
    AccessDenied,
    CredentialsNotFound,
    HttpError,
    NetworkError,
    SourceNotFound,
    SourceUnavailable,
)
from ome.storage.paths import is_marker, strip_prefix
from ome.storage.principals import DEFAULT_AUTH, auth_type, user_principal
from ome.storage.providers.oci_upload import ObjectName, Upload
from ome.storage.providers.web import Answer, rate_limited
from ome.storage.sources import Checksum, Listing, RemoteFile, Stream, listing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from pathlib import Path

    from ome.errors import StorageError
    from ome.storage.settings import Credentials, Surroundings, Wishes
    from ome.storage.uris import OciUri

__all__ = ["OciObjects", "open_oci"]

_CHUNK = 2**20
_TIMEOUT = (30.0, 60.0)
"""Seconds for connecting, and of silence."""
_PAGE = 1000
_LONGEST = 200


@asynccontextmanager
async def open_oci(
    uri: OciUri, _: Credentials, wishes: Wishes, around: Surroundings
) -> AsyncIterator[OciObjects]:
    """The objects; the region is the wished one, else the URI's, else the principal's own."""
    region = wishes.region_for(uri.region)
    kind = auth_type(wishes.auth)
    environ = dict(around.environ)

    def connect() -> Any:
        config, signer = _principal(kind, environ)
        if region:
            config["region"] = region
        more: dict[str, Any] = {"signer": signer} if signer is not None else {}
        if wishes.endpoint:
            more["service_endpoint"] = wishes.endpoint
        return oci.object_storage.ObjectStorageClient(
            config, timeout=_TIMEOUT, retry_strategy=oci.retry.NoneRetryStrategy(), **more
        )

    yield OciObjects(uri, connect, kind, around)


def _principal(kind: str, environ: Mapping[str, str]) -> tuple[dict[str, Any], Any]:
    signers = oci.auth.signers
    if kind == "InstancePrincipal":
        return {}, signers.InstancePrincipalsSecurityTokenSigner()
    if kind == "ResourcePrincipal":
        return {}, signers.get_resource_principals_signer()
    if kind == "OkeWorkloadIdentity":
        return {}, signers.get_oke_workload_identity_resource_principal_signer()
    user = user_principal(environ)
    config = oci.config.from_file(user.config_path, user.profile)
    if not user.use_session_token:
        oci.config.validate_config(config)
        return config, None
    with open(config["security_token_file"]) as file:
        token = file.read().strip()
    key = oci.signer.load_private_key_from_file(config["key_file"])
    return config, signers.SecurityTokenSigner(token, key)


class OciObjects:
    """The objects below a prefix, or the one object that the address names."""

    def __init__(
        self, uri: OciUri, connect: Callable[[], Any], kind: str, around: Surroundings
    ) -> None:
        self._uri = uri
        self._connect = connect
        self._kind = kind
        self._around = around
        self._client: Any = None
        self._namespace = uri.namespace

    async def list(self) -> Listing:
        await self._open()
        prefix = self._uri.prefix.rstrip("/")
        folder = f"{prefix}/" if prefix else ""
        found = await self._call(self._objects, folder)
        files = [
            _file(item, strip_prefix(item.name, folder))
            for item in found
            if item.name != folder and not is_marker(item.name, item.size or 0)
        ]
        if not files and prefix:
            same = [item for item in await self._call(self._objects, prefix) if item.name == prefix]
            files = [_file(item, prefix.rpartition("/")[2]) for item in same]
        if not files:
            raise SourceNotFound(
                f"no objects found under namespace {self._namespace}, bucket {self._uri.bucket},"
                f" object prefix {folder}"
            )
        return listing(files)

    def _objects(self, prefix: str) -> Sequence[Any]:
        found: list[Any] = []
        start = None
        while True:
            more: dict[str, str] = {"start": start} if start else {}
            page = self._client.list_objects(
                self._namespace,
                self._uri.bucket,
                prefix=prefix,
                fields="name,size,md5,etag",
                limit=_PAGE,
                **more,
            ).data
            found += page.objects
            start = page.next_start_with
            if not start:
                return found

    async def checksum(self, file: RemoteFile) -> Checksum | None:
        await self._open()
        head = await self._call(
            self._client.head_object, self._namespace, self._uri.bucket, file.key
        )
        return checksum_of(head.headers)

    @asynccontextmanager
    async def open(
        self, file: RemoteFile, start: int = 0, end: int | None = None
    ) -> AsyncIterator[Stream]:
        await self._open()
        more: dict[str, str] = {}
        if start or end is not None:
            more["range"] = f"bytes={start}-{'' if end is None else end - 1}"
        if file.version:
            more["if_match"] = file.version
        response = await self._call(
            partial(self._client.get_object, self._namespace, self._uri.bucket, file.key, **more)
        )
        raw = response.data.raw
        try:
            yield _OciStream(raw, start, self._call)
        finally:
            raw.close()

    async def put(self, name: str, path: Path, metadata: Mapping[str, str]) -> None:
        """See ``Sink.put``."""
        await self._open()
        prefix = self._uri.prefix.rstrip("/")
        place = ObjectName(
            self._namespace, self._uri.bucket, f"{prefix}/{name}" if prefix else name
        )
        upload = Upload(self._client, self._call, place, path, self._around)
        await upload.run((await anyio.Path(path).stat()).st_size, metadata)

    async def _open(self) -> None:
        """Make the client, and ask for the tenancy's namespace when the address has none."""
        if self._client is None:
            self._client = await self._call(self._connect)
        if not self._namespace:
            self._namespace = (await self._call(self._client.get_namespace)).data

    async def _call(self, call: Callable[..., Any], *args: object) -> Any:
        """A blocking call of the library, its errors in our words."""
        try:
            return await anyio.to_thread.run_sync(
                call, *args, limiter=self._around.threads, abandon_on_cancel=True
            )
        except oci.exceptions.ServiceError as error:
            raise self._refused(error) from None
        except Exception as error:
            # Of the library itself, and of the HTTP library that it brings along.
            if self._client is None:
                raise self._no_client(error) from error
            raise NetworkError(f"{self._where}: {type(error).__name__}") from error

    def _no_client(self, error: Exception) -> StorageError:
        """Why this machine, or its configuration, is no principal of the wished kind."""
        # What it misses of its surroundings the library says in plain errors of Python.
        said = f"{error}" if type(error) in (OSError, ValueError) else type(error).__name__
        return CredentialsNotFound(
            f"failed to get object storage client: {self._kind}: {said[:_LONGEST]}; check"
            f" spec.storage.parameters.auth ({DEFAULT_AUTH} when absent) and the agent's OCI"
            " configuration"
        )

    def _refused(self, error: Any) -> StorageError:
        status, where = error.status, self._where
        if status == 404:
            bucket = error.code == "BucketNotFound"
            return SourceNotFound(f"{where}: {'bucket not found' if bucket else 'not found'}")
        if status in (401, 403):
            return AccessDenied(f"{where}: access denied for {self._kind} (HTTP {status})")
        if status == 429:
            headers = {"Retry-After": (error.headers or {}).get("retry-after", "")}
            return rate_limited(Answer(status, headers, self._around.clock.wall()))
        if status == 408 or status >= 500:
            return SourceUnavailable(f"{where}: HTTP {status}, the store is in trouble")
        return HttpError(f"{where}: HTTP {status} {error.code}", status)

    @property
    def _where(self) -> str:
        return f"oci://n/{self._namespace}/b/{self._uri.bucket}/o/{self._uri.prefix}"


class _OciStream:
    def __init__(self, raw: Any, start: int, call: Callable[..., Any]) -> None:
        self.start = start
        self._raw = raw
        self._call = call

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while chunk := await self._call(self._raw.read, _CHUNK):
            yield chunk


def _file(item: Any, path: str) -> RemoteFile:
    checksum = _decoded("md5", item.md5 or "", 16)
    return RemoteFile(path, item.size, checksum, item.name, item.etag or "")


def checksum_of(headers: Mapping[str, str]) -> Checksum | None:
    """What a HEAD says of an object's bytes: its own SHA-256 or MD5, or that of its uploader."""
    return (
        _decoded("sha256", headers.get("opc-meta-sha256", ""), 32)
        or _decoded("md5", headers.get("content-md5", ""), 16)
        or _decoded("md5", headers.get("opc-meta-md5", ""), 16)
    )


def _decoded(algorithm: Any, text: str, length: int) -> Checksum | None:
    try:
        digest = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return Checksum(algorithm, digest.hex()) if len(digest) == length else None
