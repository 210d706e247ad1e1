"""Storage URIs: one frozen value for each scheme, and the strict parser of each. Pure.

Nothing is decoded, trimmed or case-folded, and a trailing slash stays. The first part of an error's
text is what the Go operator says; then come the URI and the grammar of its scheme.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NoReturn
from urllib.parse import urlsplit

from ome.storage.errors import InvalidUri, UnknownScheme
from ome.storage.hosts import account_problem, region_problem

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "SCHEMES",
    "AzureUri",
    "GcsUri",
    "GitHubUri",
    "HttpUri",
    "HuggingFaceUri",
    "LocalUri",
    "OciUri",
    "PvcUri",
    "S3Uri",
    "StorageUri",
    "VendorUri",
    "parse_uri",
    "scheme_of",
]

_DNS_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_DNS_SUBDOMAIN = re.compile(rf"(?=.{{1,253}}\Z){_DNS_LABEL.pattern}(?:\.{_DNS_LABEL.pattern})*")
_HUB_NAME = re.compile(r"[A-Za-z0-9._-]+")
_HUB_NAME_LONGEST = 96
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class OciUri:
    """Objects of OCI Object Storage; the object form may lack a namespace or name a region."""

    namespace: str
    bucket: str
    prefix: str
    region: str = ""

    SCHEME: ClassVar[str] = "oci"
    TYPE: ClassVar[str] = "OCI"
    GRAMMAR: ClassVar[str] = "oci://n/{namespace}/b/{bucket}/o/{object_path}"


@dataclass(frozen=True, slots=True)
class PvcUri:
    """A directory of a claim; an empty namespace is that of the object that carries the URI."""

    namespace: str
    claim: str
    sub_path: str

    SCHEME: ClassVar[str] = "pvc"
    TYPE: ClassVar[str] = "PVC"
    GRAMMAR: ClassVar[str] = "pvc://[{namespace}:]{claim}/{sub-path}"


@dataclass(frozen=True, slots=True)
class VendorUri:
    """A model that a vendor serves; there are no files."""

    vendor: str
    resource_type: str
    resource_path: str

    SCHEME: ClassVar[str] = "vendor"
    TYPE: ClassVar[str] = "VENDOR"
    GRAMMAR: ClassVar[str] = "vendor://{vendor-name}/{resource-type}/{resource-path}"


@dataclass(frozen=True, slots=True)
class HuggingFaceUri:
    """A repository of the Hugging Face Hub at a revision."""

    model_id: str
    revision: str = "main"

    SCHEME: ClassVar[str] = "hf"
    TYPE: ClassVar[str] = "HUGGINGFACE"
    GRAMMAR: ClassVar[str] = "hf://{model-id}[@{revision}]"


@dataclass(frozen=True, slots=True)
class S3Uri:
    """Objects of S3 or of a store that speaks its protocol."""

    bucket: str
    region: str = ""
    prefix: str = ""

    SCHEME: ClassVar[str] = "s3"
    TYPE: ClassVar[str] = "S3"
    GRAMMAR: ClassVar[str] = "s3://{bucket}[@{region}][/{prefix}]"


@dataclass(frozen=True, slots=True)
class AzureUri:
    """Blobs of Azure; ``endpoint`` is the host suffix (``blob.core...``) when the URI has one."""

    account: str
    container: str
    blob: str = ""
    endpoint: str = ""

    SCHEME: ClassVar[str] = "az"
    TYPE: ClassVar[str] = "AZURE"
    GRAMMAR: ClassVar[str] = "az://{account}[.blob.core.windows.net]/{container}[/{blob}]"


@dataclass(frozen=True, slots=True)
class GcsUri:
    """Objects of Google Cloud Storage."""

    bucket: str
    object: str = ""

    SCHEME: ClassVar[str] = "gs"
    TYPE: ClassVar[str] = "GCS"
    GRAMMAR: ClassVar[str] = "gs://{bucket}[/{object}]"


@dataclass(frozen=True, slots=True)
class GitHubUri:
    """The assets of a release."""

    owner: str
    repository: str
    tag: str = "latest"

    SCHEME: ClassVar[str] = "github"
    TYPE: ClassVar[str] = "GITHUB"
    GRAMMAR: ClassVar[str] = "github://{owner}/{repository}[@{tag}]"


@dataclass(frozen=True, slots=True)
class LocalUri:
    """A directory that is on the node; only an absolute path makes sense."""

    path: str

    SCHEME: ClassVar[str] = "local"
    TYPE: ClassVar[str] = "LOCAL"
    GRAMMAR: ClassVar[str] = "local://{path}"


@dataclass(frozen=True, slots=True)
class HttpUri:
    """One file of a web server, verified when the URI names its SHA-256."""

    url: str
    sha256: str = ""

    SCHEME: ClassVar[str] = "https"
    TYPE: ClassVar[str] = "HTTP"
    GRAMMAR: ClassVar[str] = "https://{host}/{path}[#sha256={64 hex digits}]"


StorageUri = (
    OciUri
    | PvcUri
    | VendorUri
    | HuggingFaceUri
    | S3Uri
    | AzureUri
    | GcsUri
    | GitHubUri
    | LocalUri
    | HttpUri
)
"""What ``parse_uri`` returns."""


def scheme_of(uri: str) -> str:
    """The scheme of a storage URI, without ``://``. Raises ``UnknownScheme``."""
    for scheme in _PARSERS:
        if uri.startswith(f"{scheme}://"):
            return scheme
    known = ", ".join(f"{scheme}://" for scheme in SCHEMES)
    raise UnknownScheme(
        f"unknown storage type for URI: {uri}; begin it with one of {known} (lower case)"
    )


def parse_uri(uri: str) -> StorageUri:
    """The value of a storage URI. Raises ``InvalidUri``; never touches network or files."""
    scheme = scheme_of(uri)
    return _PARSERS[scheme](uri, uri.removeprefix(f"{scheme}://"))


def _wrong(uri: str, problem: str, grammar: str) -> NoReturn:
    raise InvalidUri(f"{problem}; got {uri!r}, expected {grammar}")


def _oci(uri: str, rest: str) -> OciUri:
    parts = rest.split("/", 5)
    if len(parts) < 6 or (parts[0], parts[2], parts[4]) != ("n", "b", "o") or "" in parts[1:4:2]:
        raise InvalidUri(f"invalid OCI storage URI format. Expected: {OciUri.GRAMMAR}; got {uri!r}")
    return OciUri(parts[1], parts[3], parts[5])


def _pvc(uri: str, rest: str) -> PvcUri:
    first, slash, sub_path = rest.partition("/")
    namespace, colon, claim = first.partition(":")
    if not colon:
        namespace, claim = "", first
    problem = ""
    if not rest:
        problem = "missing content after prefix"
    elif not slash:
        problem = "missing subpath"
    elif colon and not namespace:
        problem = "empty namespace before colon"
    elif colon and not claim:
        problem = "empty PVC name after colon"
    elif ":" in claim:
        problem = "multiple colons not allowed in namespace:pvc-name"
    elif colon and not _DNS_LABEL.fullmatch(namespace):
        problem = (
            f'invalid namespace "{namespace}" (must be lowercase alphanumeric with hyphens,'
            " max 63 chars)"
        )
    elif not claim:
        problem = "missing PVC name"
    elif not _DNS_SUBDOMAIN.fullmatch(claim):
        problem = (
            f'invalid PVC name "{claim}" (must be lowercase alphanumeric with hyphens and dots,'
            " max 253 chars)"
        )
    elif not sub_path:
        problem = "missing subpath"
    if problem:
        _wrong(uri, f"invalid PVC storage URI format: {problem}", PvcUri.GRAMMAR)
    return PvcUri(namespace, claim, sub_path)


def _vendor(uri: str, rest: str) -> VendorUri:
    parts = rest.split("/", 2)
    if not rest:
        problem = "invalid vendor storage URI format: missing vendor name"
        _wrong(uri, problem, VendorUri.GRAMMAR)
    if len(parts) < 3 or "" in parts:
        raise InvalidUri(
            f"invalid vendor storage URI format. Expected: {VendorUri.GRAMMAR}; got {uri!r}"
        )
    return VendorUri(*parts)


def _hugging_face(uri: str, rest: str) -> HuggingFaceUri:
    model_id, _, revision = rest.partition("@")
    problem = ""
    if not rest:
        problem = "missing model ID"
    elif not model_id:
        problem = "model ID cannot be empty"
    else:
        problem = _hub_id_problem(model_id)
    if problem:
        _wrong(uri, f"invalid Hugging Face storage URI format: {problem}", HuggingFaceUri.GRAMMAR)
    return HuggingFaceUri(model_id, revision or "main")


def _hub_id_problem(model_id: str) -> str:
    names = model_id.split("/")
    if len(names) > 2 or "" in names:
        return f'model ID "{model_id}" must be {{name}} or {{org}}/{{name}}'
    if len(model_id) > _HUB_NAME_LONGEST:
        return f"model ID has {len(model_id)} characters, at most {_HUB_NAME_LONGEST} are allowed"
    if any(not _HUB_NAME.fullmatch(name) or name in (".", "..") for name in names):
        return f'model ID "{model_id}" may hold only letters, digits, dot, underscore and hyphen'
    if any(name.strip(".-") != name or "--" in name or ".." in name for name in names):
        return (
            f'model ID "{model_id}" is none that the Hub takes: names neither begin nor end with a'
            ' dot or hyphen, and hold no ".." or "--"'
        )
    if model_id.endswith(".git"):
        return f'model ID "{model_id}" may not end with ".git"'
    return ""


def _s3(uri: str, rest: str) -> S3Uri:
    first, _, prefix = rest.partition("/")
    bucket, _, region = first.partition("@")
    if not bucket:
        problem = "bucket name cannot be empty" if rest else "missing bucket name"
        _wrong(uri, f"invalid S3 storage URI format: {problem}", S3Uri.GRAMMAR)
    if region_problem(region):
        _wrong(uri, f"invalid S3 storage URI format: {region_problem(region)}", S3Uri.GRAMMAR)
    return S3Uri(bucket, region, prefix)


def _azure(uri: str, rest: str) -> AzureUri:
    first, slash, path = rest.partition("/")
    account, dot, suffix = first.partition(".blob.core.")
    container, _, blob = path.partition("/")
    problem = ""
    if not rest:
        problem = "missing account name"
    elif not slash:
        problem = "missing container name"
    elif not account or not container:
        problem = "account name and container name are required"
    else:
        problem = account_problem(first)
    if problem:
        _wrong(uri, f"invalid Azure storage URI format: {problem}", AzureUri.GRAMMAR)
    return AzureUri(account, container, blob, f"blob.core.{suffix}" if dot else "")


def _gcs(uri: str, rest: str) -> GcsUri:
    bucket, _, name = rest.partition("/")
    if not bucket:
        problem = "bucket name cannot be empty" if rest else "missing bucket name"
        _wrong(uri, f"invalid GCS storage URI format: {problem}", GcsUri.GRAMMAR)
    return GcsUri(bucket, name)


def _github(uri: str, rest: str) -> GitHubUri:
    place, _, tag = rest.partition("@")
    owner, slash, repository = place.partition("/")
    problem = ""
    if not rest:
        problem = "missing owner/repository"
    elif not slash or "/" in repository:
        problem = "expected owner/repository"
    elif not owner or not repository:
        problem = "owner and repository are required"
    if problem:
        _wrong(uri, f"invalid GitHub storage URI format: {problem}", GitHubUri.GRAMMAR)
    return GitHubUri(owner, repository, tag or "latest")


def _local(uri: str, rest: str) -> LocalUri:
    if not rest:
        _wrong(uri, "invalid local storage URI format: missing path", LocalUri.GRAMMAR)
    return LocalUri(rest)


def _http(uri: str, _rest: str) -> HttpUri:
    url, marker, fragment = uri.partition("#")
    sha256 = fragment.removeprefix("sha256=")
    problem = _url_problem(url)
    if not problem and marker and (sha256 == fragment or not _SHA256.fullmatch(sha256)):
        problem = "after # only sha256= and 64 lower-case hex digits may follow"
    if problem:
        shown = "a URL with a user name" if "@" in url else uri
        _wrong(shown, f"invalid HTTP storage URI format: {problem}", HttpUri.GRAMMAR)
    return HttpUri(url, sha256)


def _url_problem(url: str) -> str:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError as error:
        return str(error)
    if not host:
        return "missing host"
    if "@" in parts.netloc:
        return "no user name or password may stand in the URL; name a Secret in storage.key"
    if not parts.path.strip("/") or parts.path.endswith("/"):
        return "the path must name a file"
    return ""


_PARSERS: dict[str, Callable[[str, str], StorageUri]] = {
    "oci": _oci,
    "pvc": _pvc,
    "vendor": _vendor,
    "hf": _hugging_face,
    "s3": _s3,
    "az": _azure,
    "gs": _gcs,
    "github": _github,
    "local": _local,
    "https": _http,
    "http": _http,
}
SCHEMES = tuple(_PARSERS)
"""Every scheme, as it stands before ``://``."""
