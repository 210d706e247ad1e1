"""What admission asks of a storage URI: its type, its claim's namespace, what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass

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
