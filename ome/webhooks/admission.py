"""AdmissionReview as bytes: what was asked, and the answer in the version that was asked.

No I/O. ``admission.k8s.io/v1`` and ``v1beta1`` have the same shape for all that is used here.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec

from ome.errors import OmeError
from ome.webhooks.registry import Review

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ome.webhooks.registry import Problem

__all__ = ["Answer", "Asked", "NoReview", "allow", "decode", "deny", "encode", "refuse"]

_VERSIONS = ("admission.k8s.io/v1", "admission.k8s.io/v1beta1")
_MAX_CAUSES = 50


class NoReview(OmeError):
    """The body is no AdmissionReview that could be answered; an HTTP 400 says so."""


class _User(msgspec.Struct):
    username: str = ""


class _Kind(msgspec.Struct):
    kind: str = ""


class _Request(msgspec.Struct, rename="camel"):
    uid: str
    operation: str = ""
    kind: _Kind = msgspec.field(default_factory=_Kind)
    sub_resource: str = ""
    namespace: str = ""
    name: str = ""
    user_info: _User = msgspec.field(default_factory=_User)
    object: dict[str, Any] | None = None
    old_object: dict[str, Any] | None = None
    dry_run: bool | None = None


class _AdmissionReview(msgspec.Struct, rename="camel"):
    api_version: str
    kind: str
    request: _Request


_DECODER = msgspec.json.Decoder(_AdmissionReview)
_ENCODER = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Asked:
    """A review with what its answer must repeat; ``problem`` when its request cannot be read."""

    api_version: str
    uid: str
    review: Review | None
    subresource: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered; ``code`` 200 allows, every other denies with reason and message."""

    code: int = HTTPStatus.OK
    reason: str = ""
    message: str = ""
    causes: tuple[tuple[str, str], ...] = ()
    warnings: tuple[str, ...] = ()
    patch: Sequence[dict[str, Any]] = field(default=())

    @property
    def allowed(self) -> bool:
        """Whether the request may go on."""
        return self.code == HTTPStatus.OK


def decode(body: bytes) -> Asked:
    """What was asked. Raises ``NoReview`` when there is nothing that an answer could refer to."""
    try:
        found = _DECODER.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        return _unreadable(body, error)
    if found.kind != "AdmissionReview" or found.api_version not in _VERSIONS:
        raise NoReview(
            f"expected an AdmissionReview of {' or '.join(_VERSIONS)}, not {found.kind!r} of"
            f" {found.api_version!r}"
        )
    asked = found.request
    review = Review(
        asked.operation,
        asked.kind.kind,
        asked.namespace,
        asked.name,
        asked.object,
        asked.old_object,
        asked.user_info.username,
        asked.dry_run or False,
    )
    return Asked(found.api_version, asked.uid, review, asked.sub_resource)


class _Known(msgspec.Struct, rename="camel"):
    api_version: str
    request: _KnownRequest


class _KnownRequest(msgspec.Struct):
    uid: str


def _unreadable(body: bytes, error: Exception) -> Asked:
    """The answerable part of a body whose request does not have the right types."""
    text = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
    try:
        known = msgspec.json.decode(body, type=_Known)
    except (msgspec.DecodeError, RecursionError):
        raise NoReview(f"the body is no AdmissionReview: {text}") from error
    if known.api_version not in _VERSIONS:
        raise NoReview(f"the body is no AdmissionReview: {text}") from error
    return Asked(known.api_version, known.request.uid, None, problem=text)


def allow(
    *, patch: Sequence[dict[str, Any]] = (), warnings: Sequence[str] = (), message: str = ""
) -> Answer:
    """The request may go on, changed by ``patch``."""
    return Answer(message=message, patch=patch, warnings=tuple(map(str, warnings)))


def deny(problems: Sequence[Problem], warnings: Sequence[str] = ()) -> Answer:
    """A rule is broken; every problem is named with its field."""
    text = "; ".join(
        f"{problem.field}: {problem.message}" if problem.field else problem.message
        for problem in problems
    )
    causes = tuple((problem.field, problem.message) for problem in problems[:_MAX_CAUSES])
    return Answer(HTTPStatus.FORBIDDEN, "Forbidden", text, causes, tuple(map(str, warnings)))


def refuse(code: int, message: str, reason: str = "") -> Answer:
    """The request could not be judged."""
    # A success or no code at all would let the object pass, or make the answer unreadable.
    return Answer(code if 400 <= code <= 599 else 500, reason, message)


def encode(asked: Asked, answer: Answer) -> bytes:
    """The AdmissionReview that answers."""
    response: dict[str, Any] = {"uid": asked.uid, "allowed": answer.allowed}
    if answer.allowed and answer.patch:
        response["patchType"] = "JSONPatch"
        response["patch"] = base64.b64encode(_ENCODER.encode(answer.patch)).decode()
    if answer.warnings:
        response["warnings"] = answer.warnings
    status: dict[str, Any] = {"code": answer.code}
    if answer.reason:
        status["reason"] = answer.reason
    if answer.message:
        status["message"] = answer.message
    if answer.causes:
        status["details"] = {
            "causes": [
                {"reason": "FieldValueInvalid", "field": field, "message": message}
                for field, message in answer.causes
            ]
        }
    response["status"] = status
    return _ENCODER.encode(
        {"apiVersion": asked.api_version, "kind": "AdmissionReview", "response": response}
    )
