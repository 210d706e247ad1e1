"""Where a benchmark's results go, and where its own data comes from: arguments and mounts. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ome.storage.errors import InvalidUri, UnknownScheme
from ome.storage.uris import (
    AzureUri,
    GcsUri,
    GitHubUri,
    HuggingFaceUri,
    OciUri,
    PvcUri,
    S3Uri,
    parse_uri,
    scheme_of,
)
from ome.workloads.benchmark.errors import BenchmarkError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.api import StorageSpec

__all__ = ["Place", "dataset", "output"]

_OCI = {
    "auth": "--auth",
    "config_file": "--config-file",
    "profile": "--profile",
    "security_token": "--security-token",
    "region": "--region",
}
_S3 = {
    "aws_access_key_id": "--storage-aws-access-key-id",
    "aws_secret_access_key": "--storage-aws-secret-access-key",
    "aws_profile": "--storage-aws-profile",
}
_AZURE = {
    "azure_account_key": "--storage-azure-account-key",
    "azure_connection_string": "--storage-azure-connection-string",
    "azure_sas_token": "--storage-azure-sas-token",
}
_GCS = {
    "gcp_project_id": "--storage-gcp-project-id",
    "gcp_credentials_path": "--storage-gcp-credentials-path",
}
_GITHUB = {"github_token": "--github-token"}
_NAMES = {
    "oci": "OCI",
    "pvc": "PVC",
    "s3": "S3",
    "az": "Azure",
    "gs": "GCS",
    "github": "GitHub",
    "vendor": "VENDOR",
    "hf": "HUGGINGFACE",
    "local": "LOCAL",
    "https": "HTTP",
    "http": "HTTP",
}
_SUPPORTED = "use oci://, pvc://, s3://, az://, gs:// or github://"
_START = "failed to build storage args"
_RESULTS = "benchmark-output-storage"
_DATA = "benchmark-dataset"
_DATA_PATH = "/mnt/benchmark-dataset"


@dataclass(frozen=True, slots=True)
class Place:
    """Arguments, and the claim behind them when there is one."""

    arguments: tuple[str, ...]
    claim: str = ""
    volume: Mapping[str, Any] | None = None
    mount: Mapping[str, Any] | None = None
    secret: str = ""
    """A Secret whose keys become environment variables of the container; "" for none."""


def output(location: StorageSpec, namespace: str) -> Place:
    """Where the results go; ``namespace`` is the job's. Raises ``BenchmarkError``."""
    uri, given = location.storage_uri, location.parameters or {}
    try:
        parsed = parse_uri(uri)
    except UnknownScheme as error:
        raise BenchmarkError(
            f"{_START}: invalid storage URI: unknown storage type for URI: {uri}; {_SUPPORTED}"
        ) from error
    except InvalidUri as error:
        kind = _NAMES[scheme_of(uri)]
        raise BenchmarkError(f"{_START}: invalid {kind} storage URI: {error}") from error
    secret = location.key or ""
    match parsed:
        case PvcUri():
            return _claim(parsed, namespace)
        case OciUri():
            named = ("--namespace", parsed.namespace, *_bucket(parsed.bucket))
            prefix = ("--storage-prefix", parsed.prefix)
            arguments = (*named, *prefix, *_optional(given, _OCI))
        case S3Uri():
            bucket = (*_bucket(parsed.bucket), *_prefix(parsed.prefix))
            region = given.get("aws_region", parsed.region or None)
            tail = () if region is None else ("--storage-aws-region", region)
            arguments = (*_provider("aws"), *bucket, *_optional(given, _S3), *tail)
        case AzureUri():
            account = given.get("azure_account_name", parsed.account)
            bucket = (*_bucket(parsed.container), *_prefix(parsed.blob))
            named = ("--storage-azure-account-name", account)
            arguments = (*_provider("azure"), *bucket, *named, *_optional(given, _AZURE))
        case GcsUri():
            bucket = (*_bucket(parsed.bucket), *_prefix(parsed.object))
            arguments = (*_provider("gcp"), *bucket, *_optional(given, _GCS))
        case GitHubUri():
            place = ("--github-owner", parsed.owner, "--github-repo", parsed.repository)
            tag = () if parsed.tag == "latest" else ("--github-tag", parsed.tag)
            arguments = (*_provider("github"), *place, *tag, *_optional(given, _GITHUB))
        case _:
            kind = _NAMES[scheme_of(uri)]
            raise BenchmarkError(f"{_START}: unsupported storage type: {kind}; {_SUPPORTED}")
    return Place(("--upload-results", *arguments), secret=secret)


def dataset(location: StorageSpec | None, namespace: str) -> Place:
    """The data that prompts are made from; without it the tool brings its own.

    Raises ``BenchmarkError``.
    """
    if location is None:
        return Place(())
    uri = location.storage_uri
    try:
        parsed = parse_uri(uri)
    except InvalidUri as error:
        raise BenchmarkError(f"spec.dataset.storageUri: {error}") from error
    if isinstance(parsed, HuggingFaceUri) and parsed.revision == "main":
        return Place(("--dataset-path", parsed.model_id))
    if not isinstance(parsed, PvcUri):
        raise BenchmarkError(
            f"spec.dataset.storageUri: data cannot be read from {uri}; use hf://{{dataset}} without"
            " a revision, or pvc://{claim}/{path of a .csv, .txt or .json file}"
        )
    _own_namespace("spec.dataset.storageUri", parsed, namespace)
    source = {"claimName": parsed.claim, "readOnly": True}
    return Place(
        ("--dataset-path", f"{_DATA_PATH}/{parsed.sub_path}"),
        parsed.claim,
        {"name": _DATA, "persistentVolumeClaim": source},
        {"name": _DATA, "mountPath": _DATA_PATH, "readOnly": True},
    )


def _claim(parsed: PvcUri, namespace: str) -> Place:
    _own_namespace("spec.outputLocation.storageUri", parsed, namespace)
    path = f"/{parsed.sub_path}"
    return Place(
        ("--experiment-base-dir", path),
        parsed.claim,
        {"name": _RESULTS, "persistentVolumeClaim": {"claimName": parsed.claim}},
        {"name": _RESULTS, "mountPath": path, "subPath": parsed.sub_path},
    )


def _own_namespace(field: str, parsed: PvcUri, namespace: str) -> None:
    if parsed.namespace not in ("", namespace):
        raise BenchmarkError(
            f"{field}: PVC namespace {parsed.namespace} is not the namespace of the BenchmarkJob;"
            f" a pod mounts claims of its own namespace only, use a claim of {namespace}"
        )


def _provider(name: str) -> tuple[str, ...]:
    return ("--storage-provider", name)


def _bucket(name: str) -> tuple[str, ...]:
    return ("--storage-bucket", name)


def _prefix(prefix: str) -> tuple[str, ...]:
    return ("--storage-prefix", prefix) if prefix else ()


def _optional(given: Mapping[str, str], options: Mapping[str, str]) -> tuple[str, ...]:
    pairs = [(option, given[key]) for key, option in options.items() if key in given]
    return tuple(word for pair in pairs for word in pair)
