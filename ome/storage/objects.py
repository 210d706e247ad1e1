"""The object form: an address that all object stores share, and the wider spellings of OCI. Pure.

Replication and downloads from OCI take more forms than the strict grammar of ``uris``: there a
bucket may stand alone, since its namespace can be asked for at run time.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from ome.storage.errors import InvalidUri, UnsupportedStorage
from ome.storage.hosts import region_problem
from ome.storage.uris import (
    HuggingFaceUri,
    LocalUri,
    OciUri,
    PvcUri,
    StorageUri,
    parse_uri,
    scheme_of,
)

__all__ = ["ObjectAddress", "object_address", "oci_address", "source_uri"]


@dataclass(frozen=True, slots=True)
class ObjectAddress:
    """Where objects are; an empty namespace is asked for at run time."""

    namespace: str = ""
    bucket: str = ""
    prefix: str = ""
    region: str = ""


def object_address(uri: str) -> ObjectAddress:
    """The object form of an hf, pvc, local or oci URI.

    Raises ``InvalidUri``, and ``UnsupportedStorage`` for the other schemes.
    """
    if scheme_of(uri) == "oci":
        return _oci(uri.removeprefix("oci://"))
    parsed = parse_uri(uri)
    if isinstance(parsed, HuggingFaceUri):
        return ObjectAddress("huggingface", parsed.model_id, parsed.revision)
    if isinstance(parsed, PvcUri):
        return ObjectAddress(parsed.namespace, parsed.claim, parsed.sub_path)
    if isinstance(parsed, LocalUri):
        return ObjectAddress("local", prefix=parsed.path)
    raise UnsupportedStorage(
        f"unsupported storage type for object URI: {parsed.TYPE}; use oci://, hf://, pvc:// or"
        " local://"
    )


def source_uri(uri: str) -> StorageUri:
    """The value of a URI that a model may be downloaded from: for OCI the wider form is enough.

    Raises ``InvalidUri``.
    """
    if not uri.startswith("oci://"):
        return parse_uri(uri)
    address = object_address(uri)
    return OciUri(address.namespace, address.bucket, address.prefix, address.region)


def _oci(rest: str) -> ObjectAddress:
    if rest.startswith("n/"):
        return _marked(rest)
    first, _, after = rest.partition("/")
    namespace, at, region = first.partition("@")
    if not at:
        namespace, region, bucket, prefix = "", "", first, after
    else:
        bucket, _, prefix = after.partition("/")
    if not bucket:
        raise InvalidUri(
            f"invalid URI format, missing bucket name: {rest}; expected oci://[{{namespace}}@"
            "{region}/]{bucket}[/{prefix}]"
        )
    if region_problem(region):
        raise InvalidUri(f"invalid OCI URI format, {region_problem(region)}: {rest}")
    return ObjectAddress(namespace, bucket, prefix, region)


def _marked(rest: str) -> ObjectAddress:
    parts = rest.split("/", 5)
    if len(parts) < 5 or (parts[2], parts[4]) != ("b", "o") or "" in parts[1:4:2]:
        raise InvalidUri(
            "invalid OCI URI format, expected 'oci://n/namespace/b/bucket/o/prefix': " + rest
        )
    return ObjectAddress(parts[1], parts[3], parts[5] if len(parts) > 5 else "")


def oci_address(text: str, *, namespace: str = "", bucket: str = "") -> ObjectAddress:
    """What a store with a default namespace and bucket understands by a URI, a URL or a key.

    The marked form comes first. Raises ``InvalidUri``.
    """
    if text.startswith("https://"):
        return _of_url(text)
    if text.startswith("oci://"):
        rest = text.removeprefix("oci://")
        if rest.startswith("n/") and len(rest.split("/")) >= 5:
            return _marked(rest)
        return _of_short_form(text, rest, namespace, bucket)
    rest = text.removeprefix("/")
    first, slash, after = rest.partition("/")
    if slash:
        return ObjectAddress(namespace, first, after)
    if not bucket:
        raise InvalidUri(f"bucket required for URI: {text}; write {{bucket}}/{{object}}")
    return ObjectAddress(namespace, bucket, first)


def _of_short_form(text: str, rest: str, namespace: str, bucket: str) -> ObjectAddress:
    parts = rest.split("/", 2)
    if len(parts) == 3 and parts[0] != bucket:
        return ObjectAddress(*parts)
    if len(parts) >= 2:
        if not namespace:
            raise InvalidUri(
                f"namespace required for URI: {text}; write oci://n/{{namespace}}/b/{{bucket}}/o/"
                "{object_path}"
            )
        return ObjectAddress(namespace, parts[0], "/".join(parts[1:]))
    if not namespace or not bucket:
        raise InvalidUri(
            f"namespace and bucket required for URI: {text}; write oci://n/{{namespace}}/b/"
            "{bucket}/o/{object_path}"
        )
    return ObjectAddress(namespace, bucket, rest)


def _of_url(text: str) -> ObjectAddress:
    parts = urlsplit(text).path.removeprefix("/").split("/", 5)
    if len(parts) < 6 or (parts[0], parts[2], parts[4]) != ("n", "b", "o"):
        raise InvalidUri(
            f"invalid OCI HTTPS URL format: {text}; expected https://{{host}}/n/{{namespace}}/b/"
            "{bucket}/o/{object_path}"
        )
    return ObjectAddress(parts[1], parts[3], parts[5])
