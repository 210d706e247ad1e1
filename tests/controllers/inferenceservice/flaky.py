"""A cluster on which one call about the service fails, and what is left when all is over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import anyio

from ome.errors import (
    AlreadyExists,
    Conflict,
    Forbidden,
    InternalError,
    Invalid,
    ServerTimeout,
    ServiceUnavailable,
    TooManyRequests,
    TransportError,
)
from tests.support.fake_answers import refusal
from tests.support.fake_api import in_time
from tests.support.fake_cluster import FakeCluster

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.errors import ApiError
    from ome.kube.request import Request
    from ome.kube.transport import Response


@dataclass(frozen=True)
class Fault:
    """How a call ends; without ``answer`` none comes. ``done`` says that it took effect.

    ``tries`` is how often it fails when it is sent anew, ``hangs`` that the connection stays open.
    """

    answer: ApiError | None = None
    done: bool = False
    tries: int = 1
    hangs: bool = False


FAULTS: Mapping[str, Fault] = {
    "403": Fault(Forbidden("not allowed for now")),
    "409-changed": Fault(Conflict("the object has been modified", reason="Conflict")),
    "409-exists": Fault(AlreadyExists("exists already", reason="AlreadyExists")),
    "422": Fault(Invalid("a webhook did not like it")),
    "429": Fault(TooManyRequests("slow down", retry_after=1.0), tries=20),
    "500": Fault(InternalError("etcd is away")),
    "500-done": Fault(InternalError("etcd is slow"), done=True),
    "503": Fault(ServiceUnavailable("starting"), tries=4),
    "504-done": Fault(ServerTimeout("took too long"), done=True),
    "reset": Fault(),
    "lost": Fault(done=True),
    "hangs": Fault(hangs=True),
    "hangs-done": Fault(done=True, hangs=True),
}


class Flaky(FakeCluster):
    """Fails the call of one number among those about the service; repeats of it do not count."""

    number = -1
    fault = Fault()
    calls = 0
    _failing: tuple[str, str, object] | None = None
    _failed = 0

    async def send(self, request: Request) -> Response:
        if "/namespaces/demo/" not in request.path or "/events" in request.path:
            return await super().send(request)
        call = (request.method, request.path, request.body)
        if call != self._failing or self._failed >= self.fault.tries:
            self._failing = None
            self.calls += 1
            if self.calls - 1 != self.number:
                return await super().send(request)
            self._failing = call
        self._failed += 1
        return await self._fail(request)

    async def _fail(self, request: Request) -> Response:
        if self.fault.done:
            await super().send(request)
        if self.fault.hangs:
            with in_time(request):
                await anyio.sleep_forever()
        if self.fault.answer is None:
            raise TransportError("connection reset")
        return refusal(self.fault.answer)


def plain(document: dict[str, Any]) -> dict[str, Any]:
    """An object without what differs from life to life."""
    metadata = {
        name: value
        for name, value in document["metadata"].items()
        if name in ("name", "labels", "annotations", "finalizers")
    }
    status = dict(document.get("status") or {})
    status["conditions"] = [
        {name: value for name, value in item.items() if name != "lastTransitionTime"}
        for item in status.get("conditions") or ()
    ]
    return {**document, "metadata": metadata, "status": status}
