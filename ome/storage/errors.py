"""What can go wrong between a storage URI and verified files; each kind has a word of its own.

::

    StorageError
    ├── InvalidUri            the URI breaks the grammar of its scheme
    │   └── UnknownScheme     it begins with none of the schemes
    ├── UnsupportedStorage    a scheme whose files are not fetched this way
    ├── MissingExtra          an optional library is not installed
    ├── CredentialsNotFound   the named Secret, or its entry, is not there
    ├── SourceNotFound        no such repository, revision, bucket, object or release
    ├── LocalPathNotFound     local:// names nothing on this node
    ├── AccessDenied          the source refuses these credentials, or wants some
    │   ├── Gated             the owner of the repository must grant access first
    │   └── Disabled          the repository was switched off
    ├── ForbiddenPath         a file would land outside the directory that is allowed
    ├── ForbiddenAddress      the model names the machine itself, or its metadata service
    ├── ChecksumMismatch      the bytes are not those that the source lists
    ├── DiskFull              the file system cannot hold the files
    ├── DiskError             the file system refused
    ├── RateLimited           the source asks to come later; carries the delay
    ├── NetworkError          no answer, or one that broke off
    ├── SourceUnavailable     5xx or 408: the source is in trouble
    ├── HttpError             any other refusal
    └── Unforeseen            an error of ours that no other of these tells

Texts never hold a credential: they name repositories, keys and paths, not request headers.
"""

from __future__ import annotations

from ome.errors import StorageError

__all__ = [
    "AccessDenied",
    "ChecksumMismatch",
    "CredentialsNotFound",
    "Disabled",
    "DiskError",
    "DiskFull",
    "ForbiddenAddress",
    "ForbiddenPath",
    "Gated",
    "HttpError",
    "InvalidUri",
    "LocalPathNotFound",
    "MissingExtra",
    "NetworkError",
    "RateLimited",
    "SourceNotFound",
    "SourceUnavailable",
    "StorageError",
    "Unforeseen",
    "UnknownScheme",
    "UnsupportedStorage",
    "metric_reason",
]


class InvalidUri(StorageError):
    """The URI breaks the grammar of its scheme; the text says where and shows the grammar."""

    reason = "invalid_uri"


class UnknownScheme(InvalidUri):
    """The URI begins with none of the schemes."""

    reason = "unknown_scheme"


class UnsupportedStorage(StorageError):
    """The scheme is known, but has no files that can be fetched this way."""

    reason = "unsupported_storage"


class MissingExtra(StorageError):
    """An optional library is not installed; the text says how to get it."""

    reason = "missing_library"


class CredentialsNotFound(StorageError):
    """The Secret that the model names, or the entry in it, is not there."""

    reason = "credentials_not_found"


class SourceNotFound(StorageError):
    """There is no such repository, revision, bucket, object or release."""

    reason = "not_found"


class LocalPathNotFound(StorageError):
    """``local://`` names nothing in this file system."""

    reason = "local_path_not_found"


class AccessDenied(StorageError):
    """The source refuses these credentials, or wants some."""

    reason = "unauthorized"


class Gated(AccessDenied):
    """The owner of the repository must grant access first."""

    reason = "gated"


class Disabled(AccessDenied):
    """The repository was switched off by its host."""

    reason = "disabled"


class ForbiddenPath(StorageError):
    """A file would land outside the directory that is allowed."""

    reason = "forbidden_path"


class ForbiddenAddress(StorageError):
    """The model names the machine itself, or its metadata service, by whatever way."""

    reason = "forbidden_address"


class ChecksumMismatch(StorageError):
    """The bytes that came are not those that the source lists; they are fetched once more."""

    reason = "checksum_mismatch"
    retryable = True


class DiskFull(StorageError):
    """The file system cannot hold the files."""

    reason = "disk_full"


class DiskError(StorageError):
    """The file system refused: no permission, an I/O error, a file where a directory belongs."""

    reason = "disk_error"


class RateLimited(StorageError):
    """The source asks to come later; ``retry_after`` in seconds, None when it names no time."""

    reason = "rate_limited"
    retryable = True

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class NetworkError(StorageError):
    """No answer came, or it broke off before its end."""

    reason = "network"
    retryable = True


class SourceUnavailable(StorageError):
    """5xx or 408: the source is in trouble."""

    reason = "source_unavailable"
    retryable = True


class HttpError(StorageError):
    """Any other refusal; ``status`` is the HTTP code."""

    reason = "http_error"

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class Unforeseen(StorageError):
    """What nobody thought of: a defect of ours, which is that of one model and of no other."""

    reason = "internal_error"
    retryable = True

    @classmethod
    def of(cls, error: Exception) -> Unforeseen:
        """The error in a line; of a group that has one, that one."""
        while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
            error = error.exceptions[0]
        return cls(
            f"an error of the agent itself, {type(error).__name__}: {error}; see its log, and"
            " report it"
        )


_METRIC_BY_REASON: dict[str, str] = {
    "unknown_scheme": "target_path_error",
    "unsupported_storage": "unsupported_storage",
    "local_path_not_found": "local_path_not_found",
}
_INVALID_BY_SCHEME = {"hf": "invalid_hf_uri", "local": "invalid_local_uri"}


def metric_reason(error: StorageError, scheme: str) -> str:
    """The ``reason`` label of ``model_agent_download_errors_total`` for an error of a scheme."""
    if error.reason in _METRIC_BY_REASON:
        return _METRIC_BY_REASON[error.reason]
    if isinstance(error, InvalidUri):
        return _INVALID_BY_SCHEME.get(scheme, "invalid_uri")
    if isinstance(error, RateLimited):
        return "rate_limit_error"
    if scheme == "hf":
        return "hf_download_error"
    return "md5_verification_error" if isinstance(error, ChecksumMismatch) else "download_error"
