"""From a review to its answer: the rules that hold for every handler stand here.

- An object on its way out is allowed unchanged, so no webhook ever blocks a finalizer's removal.
  (That an update which changes nothing a validator reads passes, is the validators' own part.)
- A refusal is given only after the server was asked for what the caches did not have.
- Whatever a handler raises becomes an answer; unexpected exceptions are logged, and their text
  (never their traceback) is sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol

import structlog

from ome.errors import AdmissionDenied, ApiError, OmeError
from ome.telemetry.tracing import traceparent
from ome.webhooks.admission import Answer, allow, deny, refuse
from ome.webhooks.patch import json_patch
from ome.webhooks.reading import leaving
from ome.webhooks.registry import Lookup, Undecodable
from ome.webhooks.tracemark import mark

if TYPE_CHECKING:
    from collections.abc import Callable

    from ome.webhooks.admission import Asked
    from ome.webhooks.registry import Defaulter, Review, Validator

__all__ = ["Reads", "Route", "judge"]

_FETCHES = 3
"""A model that was fetched may lead to runtimes, and these to classes, that the caches lack too."""

log = structlog.get_logger(__name__)


class Reads(Lookup, Protocol):
    """A ``Lookup`` that can fetch what it did not find."""

    async def fetch(self) -> bool:
        """Read what was missed since the last time; whether the server has any of it."""
        ...


@dataclass(frozen=True, slots=True)
class Route:
    """What is served at a path: a defaulter or a validator."""

    path: str
    default: Defaulter | None = None
    validate: Validator | None = None
    traced: bool = False
    """Whether objects that are defaulted there remember the trace of their request."""
    passed: str = ""
    """What an answer says that allows."""


async def judge(route: Route, asked: Asked, lookup: Reads, panicked: Callable[[], None]) -> Answer:
    """The answer to a review; ``panicked`` is called for an unexpected exception.

    Raises nothing but a cancellation.
    """
    review = asked.review
    if review is None:
        return refuse(HTTPStatus.BAD_REQUEST, f"the review cannot be read: {asked.problem}")
    if asked.subresource or review.operation not in ("CREATE", "UPDATE"):
        return allow()
    if review.object is None:
        return refuse(HTTPStatus.BAD_REQUEST, f"{review.operation} without an object")
    if leaving(review):
        return allow()
    answer = _attempt(route, review, lookup, panicked)
    for _ in range(_FETCHES):
        if answer.allowed:
            break
        try:
            found = await lookup.fetch()
        except Exception as error:
            return _failure(route, error, panicked)
        if not found:
            break
        answer = _attempt(route, review, lookup, panicked)
    return answer


def _attempt(route: Route, review: Review, lookup: Lookup, panicked: Callable[[], None]) -> Answer:
    try:
        if route.default is not None:
            assert review.object is not None
            document = route.default(review, lookup)
            if route.traced:
                mark(review, document, traceparent())
            return allow(patch=json_patch(review.object, document))
        if route.validate is None:
            return allow()
        verdict = route.validate(review, lookup)
        if verdict.problems:
            return deny(verdict.problems, verdict.warnings)
        return allow(warnings=verdict.warnings, message=route.passed)
    except Exception as error:
        return _failure(route, error, panicked)


def _failure(route: Route, error: Exception, panicked: Callable[[], None]) -> Answer:
    if isinstance(error, AdmissionDenied):
        return Answer(HTTPStatus.FORBIDDEN, "Forbidden", str(error), error.causes)
    if isinstance(error, Undecodable):
        return refuse(HTTPStatus.BAD_REQUEST, str(error))
    if isinstance(error, RecursionError):
        return refuse(HTTPStatus.BAD_REQUEST, "the object is nested too deeply")
    if isinstance(error, ApiError):
        return refuse(error.status, str(error), error.reason)
    if isinstance(error, OmeError):
        return refuse(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))
    panicked()
    log.error("webhook.panic", path=route.path, exc_info=error)
    text = f"panic: {str(error) or type(error).__name__} [recovered]"
    return refuse(HTTPStatus.INTERNAL_SERVER_ERROR, text)
