"""One exception tree for everything OME raises on purpose.

::

    OmeError
    ├── UserError                what the person at the keyboard can mend (flags, files); exit 2
    │   └── ClusterUnavailable   a command's cluster refused or did not answer; exit 3
    ├── ApiError                 the API server refused, by reason
    │   ├── BadRequest           400
    │   ├── Unauthorized         401
    │   ├── Forbidden            403
    │   ├── NotFound             404
    │   ├── MethodNotSupported   405
    │   ├── Conflict             409 Conflict
    │   ├── AlreadyExists        409 AlreadyExists
    │   ├── Expired              410 (Gone, Expired: list again)
    │   ├── RequestTooLarge      413
    │   ├── UnsupportedMediaType 415
    │   ├── Invalid              422
    │   ├── TooManyRequests      429
    │   ├── InternalError        500
    │   ├── ServiceUnavailable   503
    │   └── ServerTimeout        504
    ├── TransportError           no answer from the API server; a write may have taken effect
    ├── NotLeading               a write that was not sent: this replica does not lead (any more)
    ├── StorageError             files of a model could not be found, fetched or verified; its
    │                            branches are drawn in ome/storage/errors.py
    ├── NotOurs                  an object of the wanted name belongs to somebody else
    ├── TerminalError            a reconcile that retrying cannot mend
    ├── RetryAfter               a reconcile that wants to run again after a delay
    ├── SelectionError           nothing fits; carries the verdicts
    └── AdmissionDenied          a manifest is refused; carries the causes

Errors of libraries are chained as the cause and never leak to callers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "AdmissionDenied",
    "AlreadyExists",
    "ApiError",
    "BadRequest",
    "ClusterUnavailable",
    "Conflict",
    "Expired",
    "Forbidden",
    "InternalError",
    "Invalid",
    "MethodNotSupported",
    "NotFound",
    "NotLeading",
    "NotOurs",
    "OmeError",
    "RequestTooLarge",
    "RetryAfter",
    "SelectionError",
    "ServerTimeout",
    "ServiceUnavailable",
    "StorageError",
    "TerminalError",
    "TooManyRequests",
    "TransportError",
    "Unauthorized",
    "UnsupportedMediaType",
    "UserError",
    "api_error",
]


class OmeError(Exception):
    """The root: every deliberate error of OME is one."""


class UserError(OmeError):
    """A mistake that the user can mend; its text is the whole message, in a line or two."""

    exit_code: ClassVar[int] = 2


class ClusterUnavailable(UserError):
    """A command that reads a cluster was refused there, or got no answer in its time."""

    exit_code = 3


class ApiError(OmeError):
    """The API server answered with a failure ``Status``.

    ``status`` is the HTTP code, ``reason`` the machine-readable reason of the Status (may be
    empty), ``details`` its details object, ``retry_after`` the seconds that the server asked to
    wait (header or details), None when it did not.
    """

    code: ClassVar[int] = 0

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        reason: str = "",
        details: Mapping[str, Any] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = self.code if status is None else status
        self.reason = reason
        self.details: Mapping[str, Any] = details or {}
        self.retry_after = retry_after


class BadRequest(ApiError):
    """400: the request itself is malformed."""

    code = 400


class Unauthorized(ApiError):
    """401: the credentials are missing, expired or unknown."""

    code = 401


class Forbidden(ApiError):
    """403: the user may not do this; the message names the verb and the resource."""

    code = 403


class NotFound(ApiError):
    """404: no such object, or no such resource (its CRD is not installed)."""

    code = 404


class MethodNotSupported(ApiError):
    """405: the resource does not know this verb."""

    code = 405


class Conflict(ApiError):
    """409: the object changed since it was read, or another manager owns a field."""

    code = 409


class AlreadyExists(ApiError):
    """409: an object of this name exists."""

    code = 409


class Expired(ApiError):
    """410: the resourceVersion or continue token is too old; list again."""

    code = 410


class RequestTooLarge(ApiError):
    """413: the object is larger than the server accepts."""

    code = 413


class UnsupportedMediaType(ApiError):
    """415: the server does not take this content type here."""

    code = 415


class Invalid(ApiError):
    """422: the object breaks a rule; ``details["causes"]`` lists fields."""

    code = 422


class TooManyRequests(ApiError):
    """429: the server sheds load; see ``retry_after``."""

    code = 429


class InternalError(ApiError):
    """500: the server failed."""

    code = 500


class ServiceUnavailable(ApiError):
    """503: the server is starting, stopping or overloaded."""

    code = 503


class ServerTimeout(ApiError):
    """504: the server gave up; a write may have taken effect."""

    code = 504


class TransportError(OmeError):
    """No complete answer came back: a write may or may not have taken effect."""


class StorageError(OmeError):
    """Files of a model could not be found, fetched or verified.

    ``reason`` is one word for a status, ``retryable`` whether the same attempt may go well later.
    """

    reason: ClassVar[str] = "download_error"
    retryable: ClassVar[bool] = False


class NotLeading(OmeError):
    """A write was not sent because this replica does not lead, or not any more."""


class NotOurs(OmeError):
    """An object that we would make exists and is not owned by the object we make it for."""

    def __init__(self, kind: str, namespace: str, name: str, owner: str) -> None:
        super().__init__(f"{kind} {name} exists and is not owned by {owner}")
        self.kind = kind
        self.namespace = namespace
        self.name = name


class TerminalError(OmeError):
    """Retrying cannot mend this; the key runs again only when something it watches changes."""


class RetryAfter(OmeError):
    """Run the key again after ``delay`` seconds; not counted as an error."""

    def __init__(self, delay: float, message: str = "") -> None:
        super().__init__(message or f"retry after {delay:g} s")
        self.delay = delay


class SelectionError(OmeError):
    """Nothing fits; ``verdicts`` says for each candidate what excluded it."""

    def __init__(self, message: str, verdicts: Sequence[Any] = ()) -> None:
        super().__init__(message)
        self.verdicts = tuple(verdicts)


class AdmissionDenied(OmeError):
    """A manifest is refused; ``causes`` holds one (field, message) for each thing wrong."""

    def __init__(self, message: str, causes: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(message)
        self.causes = tuple(causes)


_BY_CODE: Mapping[int, type[ApiError]] = {
    kind.code: kind
    for kind in (
        BadRequest,
        Unauthorized,
        Forbidden,
        NotFound,
        MethodNotSupported,
        Conflict,
        Expired,
        RequestTooLarge,
        UnsupportedMediaType,
        Invalid,
        TooManyRequests,
        InternalError,
        ServiceUnavailable,
        ServerTimeout,
    )
}


def api_error(
    message: str,
    *,
    status: int,
    reason: str = "",
    details: Mapping[str, Any] | None = None,
    retry_after: float | None = None,
) -> ApiError:
    """The member of the tree for an HTTP code and a Status reason; never raises."""
    kind = _BY_CODE.get(status, ApiError)
    if kind is Conflict and reason == "AlreadyExists":
        kind = AlreadyExists
    return kind(message, status=status, reason=reason, details=details, retry_after=retry_after)
