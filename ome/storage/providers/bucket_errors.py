"""What the library of the object stores (obstore) says went wrong, in our words. Pure.

Its texts are looked into and never repeated: they may quote signed URLs.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from obstore.exceptions import (
    BaseError,
    NotFoundError,
    PermissionDeniedError,
    UnauthenticatedError,
)

from ome.storage.errors import (
    AccessDenied,
    CredentialsNotFound,
    HttpError,
    NetworkError,
    RateLimited,
    SourceNotFound,
    SourceUnavailable,
    StorageError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["bucket_errors"]

_NO_BUCKET = ("NoSuchBucket", "ContainerNotFound", "The specified bucket does not exist")
_STATUS = re.compile(r"\b(?:status|HTTP)\D{0,20}\b([45]\d\d)\b")
_IDENTITY = re.compile(r"https?://(169\.254\.\d+\.\d+|\[fd00:ec2::[\w:]+\]|metadata\.google\.\w+)")
"""Where a machine asks who it is."""
_HOST = re.compile(r"Error performing \w+ https?://([^/\s?]+)")
_CODE = re.compile(r"<Code>(\w{1,60})</Code>")
_REGION = re.compile(r"<Region>([a-z0-9-]{1,40})</Region>")
_ELSEWHERE = ("incorrectly configured region", "AuthorizationHeaderMalformed", "PermanentRedirect")
_NOT_LET_IN = frozenset(
    {
        "AuthenticationFailed",
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidIdentityToken",
        "InvalidToken",
        "TokenRefreshRequired",
    }
)
"""Codes of answers whose status says only that something was wrong with the request."""


@contextmanager
def bucket_errors(where: str) -> Iterator[None]:
    """The library's errors as ``StorageError``; ``where`` is the address that was asked for."""
    try:
        yield
    except (BaseError, OSError, ValueError) as error:
        raise _translated(error, where) from None


def _translated(error: Exception, where: str) -> StorageError:
    text = str(error)
    found = _STATUS.search(text)
    status = int(found[1]) if found else 0
    if _IDENTITY.search(text):
        return _of_identity(status, where)
    if any(words in text for words in _ELSEWHERE):
        return _of_region(text, where)
    if isinstance(error, (NotFoundError, FileNotFoundError)) or status == 404:
        # Only a bucket that is missing makes a list fail.
        bucket = any(code in text for code in _NO_BUCKET)
        return SourceNotFound(f"{where}: {'bucket not found' if bucket else 'not found'}")
    code = _CODE.search(text)
    said = f" (HTTP {status}{f', {code[1]}' if code else ''})" if status else ""
    denied = status in (401, 403) or bool(code and code[1] in _NOT_LET_IN)
    # The credentials themselves were refused by who gives out tokens for them.
    denied = denied or ("token request" in text and 400 <= status < 500)
    if denied or isinstance(error, (PermissionDeniedError, UnauthenticatedError)):
        return AccessDenied(
            f"{where}: access denied{said}; check the Secret that spec.storage.key names, or the"
            " rights of the node's identity"
        )
    if status == 429 or "SlowDown" in text:
        return RateLimited(f"{where}: Rate limit exceeded (HTTP {status or 503})")
    if status >= 500:
        return SourceUnavailable(f"{where}: HTTP {status}, the store is in trouble")
    return NetworkError(f"{where}: {_unreachable(text) or type(error).__name__}{said}")


def _of_identity(status: int, where: str) -> StorageError:
    """No credentials were given, and the machine has none either, or cannot tell them now."""
    if status == 429 or status >= 500:
        return SourceUnavailable(f"{where}: HTTP {status} from the node's metadata service")
    return CredentialsNotFound(
        f"{where}: no credentials: none are given by spec.storage.key, and the node has no identity"
        " that the store could know; name a Secret there, or give the agent's pods an identity"
    )


def _of_region(text: str, where: str) -> StorageError:
    region = _REGION.search(text)
    there = f"in region {region[1]}" if region else "in another region"
    return HttpError(
        f"{where}: the bucket is {there}; write s3://{{bucket}}@{{region}}/{{prefix}}, or set"
        " spec.storage.parameters.region",
        301,
    )


def _unreachable(text: str) -> str:
    """Why there was no answer, when the library knows."""
    host = _HOST.search(text)
    name = host[1] if host else "the store"
    if "dns error" in text:
        return f"the name {name} cannot be resolved"
    if "kind: Connect" in text:
        return f"no connection to {name}"
    if "kind: Timeout" in text:
        return f"no answer from {name} in time"
    return "the answer is no list of objects" if "invalid list response" in text else ""
