"""An audit log as kube-apiserver writes it at level Metadata: one JSON object in a line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import msgspec

from ome.clock import rfc3339_micro

if TYPE_CHECKING:
    from typing import BinaryIO

    from ome.clock import Clock
    from ome.sandbox.apiserver.calls import Answer, Call, Target

__all__ = ["Audit"]


class Audit:
    """Writes entries to a file that the caller opened and closes."""

    def __init__(self, file: BinaryIO, clock: Clock) -> None:
        self._file = file
        self._clock = clock
        self._encode = msgspec.json.Encoder().encode

    def write(
        self, call: Call, target: Target | None, verb: str, answer: Answer, started: float
    ) -> None:
        """Note a call once it is answered; of a watch, once it has begun."""
        query = f"?{urlencode(call.query, quote_via=quote)}" if call.query else ""
        entry: dict[str, Any] = {
            "kind": "Event",
            "apiVersion": "audit.k8s.io/v1",
            "level": "Metadata",
            "stage": "ResponseStarted" if answer.stream else "ResponseComplete",
            "requestURI": call.path + query,
            "verb": verb,
            "user": {"username": call.user.name, "groups": call.user.groups},
            "userAgent": call.headers.get("user-agent", ""),
            "responseStatus": {"code": answer.status},
            "requestReceivedTimestamp": rfc3339_micro(started),
            "stageTimestamp": rfc3339_micro(self._clock.wall()),
        }
        if target is not None:
            entry["objectRef"] = {
                "resource": target.plural,
                "namespace": target.namespace,
                "name": target.name,
                "apiGroup": target.group,
                "apiVersion": target.version,
                "subresource": target.subresource,
            }
        self._file.write(self._encode(entry) + b"\n")
        self._file.flush()
