"""Objects of S3, Google Cloud Storage and Azure, through one library (obstore).

The library signs and lists. What an object's bytes must hash to stands in headers that it does not
hand over, so these are asked for with a signed HEAD request; where the identity cannot sign, the
size alone is verified. The machine's own identity is not shown to an endpoint that a model names:
whoever may write a model could read it there.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import obstore
from obstore.store import AzureStore, GCSStore, S3Store

from ome.storage.errors import CredentialsNotFound, SourceNotFound, StorageError
from ome.storage.paths import is_marker, strip_prefix
from ome.storage.providers.bucket_errors import bucket_errors
from ome.storage.providers.web import Web
from ome.storage.sources import Checksum, Listing, RemoteFile, Stream, listing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from ome.storage.settings import Credentials, Surroundings, Wishes
    from ome.storage.uris import AzureUri, GcsUri, S3Uri

__all__ = ["Bucket", "open_azure", "open_gcs", "open_s3"]

_SIGNED_FOR = timedelta(minutes=5)
_CHUNK = 2**20
_AZURE_CLOUDS = (
    "blob.core.windows.net",
    "blob.core.usgovcloudapi.net",
    "blob.core.chinacloudapi.cn",
)
_HEX_MD5 = re.compile(r"[0-9a-f]{32}")
_CLIENT = {"connect_timeout": "30s", "timeout": "24h", "read_timeout": "60s"}
_RETRIES = {"max_retries": 2, "retry_timeout": timedelta(seconds=60)}


@asynccontextmanager
async def open_s3(
    uri: S3Uri, credentials: Credentials, wishes: Wishes, around: Surroundings
) -> AsyncIterator[Bucket]:
    """Objects of S3; without credentials the machine's own identity is used."""
    config: dict[str, Any] = {}
    region = uri.region or wishes.region_for("")
    if region:
        config["region"] = region
    if wishes.endpoint:
        config["endpoint"] = wishes.endpoint
        config["virtual_hosted_style_request"] = "amazonaws.com" in wishes.endpoint
    if credentials.get("aws_access_key_id"):
        config["access_key_id"] = credentials.get("aws_access_key_id")
        config["secret_access_key"] = credentials.get("aws_secret_access_key")
        if credentials.get("aws_session_token"):
            config["session_token"] = credentials.get("aws_session_token")
    elif wishes.endpoint:
        config["skip_signature"] = True
    endpoint = wishes.endpoint or around.environ.get("AWS_ENDPOINT_URL", "")
    where = f"s3://{uri.bucket}"
    store = _store(S3Store, uri.bucket, config, endpoint, where)
    async with _web(wishes, around) as web:
        yield Bucket(store, where, uri.prefix, web)


@asynccontextmanager
async def open_gcs(
    uri: GcsUri, credentials: Credentials, wishes: Wishes, around: Surroundings
) -> AsyncIterator[Bucket]:
    """Objects of Google Cloud Storage; without credentials the machine's own identity is used."""
    config: dict[str, Any] = {}
    if credentials.get("gcp_service_account_key"):
        config["service_account_key"] = _with_endpoint(
            credentials.get("gcp_service_account_key"), wishes.endpoint
        )
    elif wishes.endpoint:
        # A key without a secret, which only names the endpoint: no token is sent.
        config["service_account_key"] = json.dumps(
            {"gcs_base_url": wishes.endpoint, "disable_oauth": True, "client_email": "",
             "private_key": "", "private_key_id": ""}
        )  # fmt: skip
    where = f"gs://{uri.bucket}"
    store = _store(GCSStore, uri.bucket, config, wishes.endpoint, where)
    async with _web(wishes, around) as web:
        yield Bucket(store, where, uri.object, web)


def _with_endpoint(key: str, endpoint: str) -> str:
    try:
        document = json.loads(key)
    except ValueError:
        document = None
    if not isinstance(document, dict) or not document.get("client_email"):
        raise CredentialsNotFound(
            "gcp_service_account_key is no service account key; put the whole JSON file that Google"
            " issues into that entry of the Secret"
        )
    return json.dumps({**document, "gcs_base_url": endpoint}) if endpoint else key


@asynccontextmanager
async def open_azure(
    uri: AzureUri, credentials: Credentials, wishes: Wishes, around: Surroundings
) -> AsyncIterator[Bucket]:
    """Blobs of Azure; without credentials the machine's own identity is used."""
    given = _azure_credentials(credentials)
    config: dict[str, Any] = {"account_name": uri.account, **given}
    endpoint = wishes.endpoint
    if not endpoint and uri.endpoint and uri.endpoint != _AZURE_CLOUDS[0]:
        endpoint = f"https://{uri.account}.{uri.endpoint}"
    if endpoint:
        config["endpoint"] = endpoint
    if not given and (wishes.endpoint or (uri.endpoint or _AZURE_CLOUDS[0]) not in _AZURE_CLOUDS):
        config["skip_signature"] = True
    where = f"az://{uri.account}/{uri.container}"
    store = _store(AzureStore, uri.container, config, endpoint, where)
    async with _web(wishes, around) as web:
        yield Bucket(store, where, uri.blob, web)


def _azure_credentials(credentials: Credentials) -> dict[str, str]:
    pairs = dict(
        part.split("=", 1)
        for part in credentials.get("azure_connection_string").split(";")
        if "=" in part
    )
    found = {
        "account_key": credentials.get("azure_account_key") or pairs.get("AccountKey", ""),
        "sas_key": credentials.get("azure_sas_token") or pairs.get("SharedAccessSignature", ""),
        "tenant_id": credentials.get("azure_tenant_id"),
        "client_id": credentials.get("azure_client_id"),
        "client_secret": credentials.get("azure_client_secret"),
    }
    return {key: value for key, value in found.items() if value}


def _web(wishes: Wishes, around: Surroundings) -> Web:
    return Web(around.clock, guarded=around.guards(wishes))


def _store(kind: Any, name: str, config: Mapping[str, str], endpoint: str, where: str) -> Any:
    client = {**_CLIENT, "allow_http": endpoint.startswith("http://")}
    with bucket_errors(where):
        return kind(name, config=config, client_options=client, retry_config=_RETRIES)


class Bucket:
    """The objects below a prefix, or the one object that the address names."""

    def __init__(self, store: Any, where: str, prefix: str, web: Web) -> None:
        self._store = store
        self._where = where
        self._prefix = prefix
        self._web = web

    async def list(self) -> Listing:
        prefix = self._prefix.rstrip("/")
        folder = f"{prefix}/" if prefix else ""
        with bucket_errors(f"{self._where}/{self._prefix}"):
            found = [
                meta
                async for page in obstore.list(self._store, prefix=prefix or None)
                for meta in page
            ]
        keys = {meta["path"] for meta in found}
        files = [
            _file(meta, strip_prefix(meta["path"], folder))
            for meta in found
            if meta["path"].startswith(folder)
            and meta["path"] != prefix
            and not _stands_for_folder(meta, keys)
        ]
        if not files and prefix:
            with bucket_errors(f"{self._where}/{prefix}"):
                meta = await obstore.head_async(self._store, prefix)
            files = [_file(meta, prefix.rpartition("/")[2])]
        if not files:
            raise SourceNotFound(f"no objects found under {self._where}/{self._prefix}")
        return listing(files)

    async def checksum(self, file: RemoteFile) -> Checksum | None:
        try:
            with bucket_errors(f"{self._where}/{file.key}"):
                url = await obstore.sign_async(
                    self._store, "HEAD", file.key, expires_in=_SIGNED_FOR
                )
            async with self._web.request("HEAD", url, file.path) as response:
                return checksum_of(response.headers)
        except StorageError:
            return None  # not every identity may sign; the size is verified anyhow

    @asynccontextmanager
    async def open(
        self, file: RemoteFile, start: int = 0, end: int | None = None
    ) -> AsyncIterator[Stream]:
        options: dict[str, Any] = {}
        if end is not None:
            options["range"] = (start, end)
        elif start:
            options["range"] = {"offset": start}
        if file.version:
            options["if_match"] = file.version
        where = f"{self._where}/{file.key}"
        with bucket_errors(where):
            result = await obstore.get_async(self._store, file.key, options=options)  # type: ignore[arg-type]
        yield _ObjectStream(result, start, where)


class _ObjectStream:
    def __init__(self, result: Any, start: int, where: str) -> None:
        self.start = start
        self._result = result
        self._where = where

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with bucket_errors(self._where):
            async for chunk in self._result.stream(min_chunk_size=_CHUNK):
                yield bytes(chunk)


def _file(meta: Any, path: str) -> RemoteFile:
    return RemoteFile(path, meta["size"], None, meta["path"], meta.get("e_tag") or "")


def _stands_for_folder(meta: Any, keys: set[str]) -> bool:
    """Whether an empty object only marks a folder; the library drops the slash of its name."""
    path = meta["path"]
    if is_marker(path, meta["size"]):
        return True
    return meta["size"] == 0 and any(key.startswith(f"{path}/") for key in keys)


def checksum_of(headers: Mapping[str, str]) -> Checksum | None:
    """What an object store says of an object's bytes; None when it says nothing of the whole."""
    for name in (
        "x-amz-checksum-sha256",
        "x-amz-meta-sha256",
        "x-goog-meta-sha256",
        "x-ms-meta-sha256",
    ):
        value = _hex(headers.get(name, ""), 32)
        if value:
            return Checksum("sha256", value)
    google = dict(
        part.strip().split("=", 1)
        for part in headers.get("x-goog-hash", "").split(",")
        if "=" in part
    )
    for text in (
        headers.get("Content-MD5", ""),
        google.get("md5", ""),
        headers.get("x-amz-meta-md5", ""),
    ):
        value = _hex(text, 16)
        if value:
            return Checksum("md5", value)
    etag = headers.get("ETag", "").strip('"')
    encrypted = headers.get("x-amz-server-side-encryption", "").startswith("aws:") or (
        "x-amz-server-side-encryption-customer-algorithm" in headers
    )
    from_s3 = any(name.lower().startswith("x-amz-") for name in headers)
    if from_s3 and not encrypted and _HEX_MD5.fullmatch(etag):
        return Checksum("md5", etag)
    return None


def _hex(text: str, length: int) -> str:
    """A base64 or hex digest of that many bytes in hex; empty when it is none."""
    if re.fullmatch(rf"[0-9a-fA-F]{{{2 * length}}}", text):
        return text.lower()
    try:
        digest = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return ""
    return digest.hex() if len(digest) == length else ""
