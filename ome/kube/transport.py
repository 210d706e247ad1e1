"""What sends requests: the protocol that the real transport and the fakes of tests have.

A transport adds credentials and knows nothing of retries, typed errors or objects: any answer of
the server is a ``Response``, whatever its code.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from ome.errors import TransportError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from contextlib import AbstractAsyncContextManager

    from ome.kube.request import Request

__all__ = ["ByteStream", "NotSent", "Response", "Transport"]


class NotSent(TransportError):
    """No connection could be made: the request has certainly not taken effect."""


@dataclass(frozen=True, slots=True)
class Response:
    """A complete answer; header names are lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)


class ByteStream(Protocol):
    """An answer whose body is still coming."""

    @property
    def status(self) -> int:
        """The HTTP code."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers; names are lower case."""
        ...

    def __aiter__(self) -> AsyncIterator[bytes]:
        """The body's chunks as they arrive, of any size; ends when the server ends the body.

        Raises ``TransportError`` when the connection breaks.
        """
        ...


class Transport(Protocol):
    """Sends requests to one API server."""

    @property
    def host(self) -> str:
        """``host:port`` of the server, for messages and metrics."""
        ...

    async def send(self, request: Request) -> Response:
        """Send and give the whole answer within ``request.timeout`` seconds.

        Raises ``NotSent`` when no connection was made, ``TransportError`` when it broke or no
        answer came in time; then a write may have taken effect. Cancelling closes the connection.
        """
        ...

    def stream(self, request: Request) -> AbstractAsyncContextManager[ByteStream]:
        """Send and give the answer once its headers are there (within ``request.timeout``).

        The body has no deadline: the reader keeps one. Leaving the context closes the connection.
        Raises as ``send`` does.
        """
        ...
