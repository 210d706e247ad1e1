"""What an exception means to the reflector."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ome.errors import (
    ApiError,
    BadRequest,
    Expired,
    Forbidden,
    Invalid,
    NotFound,
    TransportError,
    Unauthorized,
)
from ome.informers.framing import LineTooLong
from ome.informers.steps import Failed, Fault, Garbled, Gone, Missing, Refused, Unserved

if TYPE_CHECKING:
    from ome.informers.report import Reporter
    from ome.informers.steps import Outcome

__all__ = ["Nonsense", "NotStreamed", "StaleStream", "outcome_of"]


class Nonsense(Exception):
    """A line of a watch that is no event."""


class NotStreamed(Exception):
    """A streaming list came without the bookmark that ends it."""


class StaleStream(Exception):
    """A streaming list is older than what was seen."""


def outcome_of(
    error: Exception, verb: str, report: Reporter, *, progress: bool, streaming: bool
) -> Outcome:
    """The outcome that an exception of a list or watch stands for; says what must be said."""
    match _cause(error):
        case Expired():
            return Gone(progress)
        case NotFound():
            return Missing()
        case Forbidden() | Unauthorized() as refused:
            report.refused(verb, str(refused))
            return Refused()
        case BadRequest() | Invalid() | NotStreamed() if streaming:
            return Unserved()
        case Nonsense() | LineTooLong() as garbled:
            report.garbled(str(garbled))
            return Garbled(progress)
        case ApiError() as failed:
            report.failed(verb, failed)
            return Failed(failed.retry_after, progress)
        case TransportError() | OSError() | StaleStream() as failed:
            report.failed(verb, failed)
            return Failed(progress=progress)
        case fault:
            report.fault(fault)
            return Fault()


def _cause(error: Exception) -> Exception:
    """The one exception in a group of one, which a client's task group may wrap it in."""
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error
