"""What a storage URI names, and what is wrong with it: the grammar of each scheme."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["StorageUri", "parse_storage"]

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_HUB_NAME = re.compile(r"[A-Za-z0-9._-]{1,96}")
_OCI = "invalid OCI storage URI format. Expected: oci://n/{namespace}/b/{bucket}/o/{object_path}"
_VENDOR = (
    "invalid vendor storage URI format. Expected:"
    " vendor://{vendor-name}/{resource-type}/{resource-path}"
)


@dataclass(frozen=True, slots=True)
class StorageUri:
    """``type`` is empty for an unknown scheme; ``fault`` is empty for a URI that can be used."""

    type: str
    fault: str = ""
    namespace: str = ""
    """Of a claim, if the URI names one."""


def parse_storage(uri: str) -> StorageUri:
    """The type of storage and its fault, if it has one; never raises."""
    scheme, found, rest = uri.partition("://")
    if not found or scheme not in _SCHEMES:
        return StorageUri("", f"unknown storage type for URI: {uri}")
    if scheme == "pvc":
        fault, namespace = _pvc(rest)
        return StorageUri("PVC", fault, namespace)
    type_, check = _SCHEMES[scheme]
    return StorageUri(type_, check(rest))


def _oci(rest: str) -> str:
    parts = rest.split("/")
    fits = len(parts) >= 6 and (parts[0], parts[2], parts[4]) == ("n", "b", "o")
    return "" if fits and parts[1] and parts[3] else _OCI


def _pvc(rest: str) -> tuple[str, str]:
    """The fault and the namespace."""
    first, slash, path = rest.partition("/")
    namespace, colon, claim = first.partition(":")
    if not colon:
        namespace, claim = "", first
    fault = ""
    if not rest:
        fault = "missing content after prefix"
    elif not slash:
        fault = "missing subpath"
    elif colon and not namespace:
        fault = "empty namespace before colon"
    elif colon and not claim:
        fault = "empty PVC name after colon"
    elif ":" in claim:
        fault = "multiple colons not allowed in namespace:pvc-name"
    elif colon and not _LABEL.fullmatch(namespace):
        limits = "must be lowercase alphanumeric with hyphens, max 63 chars"
        fault = f'invalid namespace "{namespace}" ({limits})'
    elif not claim:
        fault = "missing PVC name"
    elif not path:
        fault = "missing subpath"
    elif not _SUBDOMAIN.fullmatch(claim):
        fault = f'invalid PVC name "{claim}" (must be a DNS subdomain, max 253 chars)'
    return (f"invalid PVC storage URI format: {fault}" if fault else ""), namespace


def _vendor(rest: str) -> str:
    if not rest:
        return "invalid vendor storage URI format: missing vendor name"
    parts = rest.split("/", 2)
    return "" if len(parts) == 3 and all(parts) else _VENDOR


def _hub(rest: str) -> str:
    start = "invalid Hugging Face storage URI format"
    if not rest:
        return f"{start}: missing model ID"
    model = rest.partition("@")[0]
    if not model:
        return f"{start}: model ID cannot be empty"
    parts = model.split("/")
    if len(parts) > 2 or not all(_HUB_NAME.fullmatch(part) for part in parts):
        return f"{start}: model ID {model!r} must be name or organisation/name"
    return ""


def _s3(rest: str) -> str:
    return _bucket("S3", rest.partition("/")[0].partition("@")[0], rest)


def _gcs(rest: str) -> str:
    return _bucket("GCS", rest.partition("/")[0], rest)


def _bucket(label: str, bucket: str, rest: str) -> str:
    if bucket:
        return ""
    fault = "bucket name cannot be empty" if rest else "missing bucket name"
    return f"invalid {label} storage URI format: {fault}"


def _azure(rest: str) -> str:
    start = "invalid Azure storage URI format"
    if not rest:
        return f"{start}: missing account name"
    host, slash, path = rest.partition("/")
    if not slash:
        return f"{start}: missing container name"
    account = host.partition(".blob.core.")[0]
    if not account or not path.partition("/")[0]:
        return f"{start}: account name and container name are required"
    return ""


def _github(rest: str) -> str:
    start = "invalid GitHub storage URI format"
    if not rest:
        return f"{start}: missing owner/repository"
    owner, slash, repository = rest.partition("@")[0].partition("/")
    if not slash or "/" in repository:
        return f"{start}: expected owner/repository"
    return "" if owner and repository else f"{start}: owner and repository are required"


def _local(rest: str) -> str:
    return "" if rest else "invalid local storage URI format: missing path"


_SCHEMES: dict[str, tuple[str, Callable[[str], str]]] = {
    "oci": ("OCI", _oci),
    "pvc": ("PVC", lambda rest: _pvc(rest)[0]),
    "vendor": ("VENDOR", _vendor),
    "hf": ("HUGGINGFACE", _hub),
    "s3": ("S3", _s3),
    "az": ("AZURE", _azure),
    "gs": ("GCS", _gcs),
    "github": ("GITHUB", _github),
    "local": ("LOCAL", _local),
}
