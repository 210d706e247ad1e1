"""A transport that lets the server check every write and keep none.

Reviews of tokens and permissions are no writes, whatever their method; they go as they are.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from ome.kube.request import Request
    from ome.kube.transport import ByteStream, Response, Transport

__all__ = ["DryRun", "Rehearsed"]

_REVIEWS = ("authentication.k8s.io", "authorization.k8s.io")


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """A write that was not made; ``refusal`` is empty when the server would have taken it."""

    method: str
    path: str
    refusal: str = ""


class DryRun:
    """Sends through another transport, writes as ``dryRun=All``, and tells of each once."""

    def __init__(self, inner: Transport, told: Callable[[Rehearsed], None]) -> None:
        self._inner = inner
        self._told = told
        self._known: set[Rehearsed] = set()

    @property
    def host(self) -> str:
        """As of the other transport."""
        return self._inner.host

    async def send(self, request: Request) -> Response:
        """Raises as a transport does."""
        if not request.writes or any(f"/{group}/" in request.path for group in _REVIEWS):
            return await self._inner.send(request)
        response = await self._inner.send(_checked(request))
        entry = Rehearsed(request.method, request.path, _refusal(response))
        if entry not in self._known:
            self._known.add(entry)
            self._told(entry)
        return response

    def stream(self, request: Request) -> AbstractAsyncContextManager[ByteStream]:
        """As of the other transport; what is streamed is read."""
        return self._inner.stream(request)


def _checked(request: Request) -> Request:
    """The same write, for the server to check only.

    Of a deletion the server reads the options from the body when there is one, and then nothing of
    the query: there it would be carried out.
    """
    body = request.body
    if request.method == "DELETE" and body:
        body = json.dumps({**json.loads(body), "dryRun": ["All"]}).encode()
    return replace(request, query=(*request.query, ("dryRun", "All")), body=body, guard=None)


def _refusal(response: Response) -> str:
    if response.status < 400:
        return ""
    try:
        return str(json.loads(response.body)["message"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {response.status}"
