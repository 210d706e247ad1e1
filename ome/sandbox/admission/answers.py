"""What a webhook's answer that is not a success is taken to mean."""

from __future__ import annotations

import json

import msgspec

__all__ = ["refusal_of"]

_PREFIX = "failed to call webhook: "
_SAID = {
    400: "the server rejected our request for an unknown reason",
    401: "the server has asked for the client to provide credentials",
    404: "the server could not find the requested resource",
    405: "the server does not allow this method on the requested resource",
    409: "the server reported a conflict",
    422: "the server rejected our request due to an error in our request",
    429: "the server has received too many requests and has asked us to try again later",
    503: "the server is currently unable to handle the request",
    504: "the server was unable to return a response in the time allotted, but may still be"
    " processing the request",
}


class _Status(msgspec.Struct):
    kind: str = ""
    message: str = ""


def refusal_of(status: int, content_type: str, body: bytes) -> str:
    """The text about an answer with this HTTP status."""
    own = _status_message(body)
    if own:
        return _PREFIX + own
    text = body.decode(errors="replace").strip() if content_type.startswith("text/") else "unknown"
    if status in _SAID:
        return _PREFIX + _SAID[status]
    if status == 403:
        return _PREFIX + text
    if status >= 500:
        quoted = json.dumps(text, ensure_ascii=False)
        return (
            f"{_PREFIX}an error on the server ({quoted}) has prevented the request from succeeding"
        )
    return (
        f"{_PREFIX}the server responded with the status code {status} but did not return more"
        " information"
    )


def _status_message(body: bytes) -> str:
    """The message of a ``metav1.Status``; empty for any other body."""
    try:
        found = msgspec.json.decode(body, type=_Status)
    except msgspec.DecodeError:
        return ""
    return found.message if found.kind == "Status" else ""
