"""What admission asks of a storage: its type, its claim's namespace, what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ome.storage.addresses import problem_of_address
from ome.storage.errors import InvalidUri, UnknownScheme
from ome.storage.uris import (
    AzureUri,
    GcsUri,
    GitHubUri,
    HttpUri,
    HuggingFaceUri,
    LocalUri,
    OciUri,
    PvcUri,
    S3Uri,
    VendorUri,
    parse_uri,
    scheme_of,
)

__all__ = ["Storage", "parse_storage"]

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ome.api import StorageSpec

__all__ = ["Storage", "parse_storage", "storage_remarks"]

_TYPES = {
    kind.SCHEME: kind.TYPE
    for kind in (
        AzureUri,
        GcsUri,
        GitHubUri,
        HttpUri,
        HuggingFaceUri,
        LocalUri,
        OciUri,
        PvcUri,
        S3Uri,
        VendorUri,
    )
}


@dataclass(frozen=True, slots=True)
class Storage:
    """``type`` is empty for an unknown scheme; ``fault`` is empty for a URI that can be used."""

    type: str
    fault: str = ""
    namespace: str = ""
    """Of a claim, if the URI names one."""


def parse_storage(uri: str) -> Storage:
    """The type of storage and its fault, if it has one; never raises."""
    try:
        type_ = _TYPES.get(scheme_of(uri), HttpUri.TYPE)
        parsed = parse_uri(uri)
    except UnknownScheme as error:
        return Storage("", str(error))
    except InvalidUri as error:
        return Storage(_TYPES.get(scheme_of(uri), HttpUri.TYPE), str(error))
    return Storage(type_, "", parsed.namespace if isinstance(parsed, PvcUri) else "")


def storage_remarks(spec: StorageSpec, what: str) -> Iterator[str]:
    """What is wrong with a storage that agents fetch; ``what`` is a model or a weight."""
    fault = parse_storage(spec.storage_uri).fault
    if fault:
        yield f"spec.storage.storageUri: {fault}; the {what} will be Failed. Correct the URI"
    path = spec.path
    if path and not path.startswith("/"):
        yield f"spec.storage.path: {path!r} is no absolute directory; begin it with /"
    elif path and ".." in path.split("/"):
        yield f"spec.storage.path: {path!r} leaves its directory; write it without .."
    endpoint = (spec.parameters or {}).get("endpoint", "")
    for field, url in (("parameters.endpoint", endpoint), ("storageUri", spec.storage_uri)):
        problem = problem_of_address(url) if url.startswith(("http://", "https://")) else ""
        if problem:
            yield f"spec.storage.{field}: {problem}; {what}s are fetched from other hosts only"
