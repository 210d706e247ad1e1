"""The transport over aiohttp with the credentials of a kubeconfig or of a pod.

Credentials are loaded again when they are due, by the one request that finds them so; the others go
on with what there is. A 401 has them renewed at once and the request sent once more: it was refused
before it did anything. When TLS material changes, new requests get new connections; running watches
keep theirs until they end.
"""

from __future__ import annotations

import os
from contextlib import asynccontextmanager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import aiohttp
import anyio
import structlog
from yarl import URL

from ome.clock import SystemClock
from ome.errors import NotLeading, TransportError, UserError
from ome.kube.credentials import source_of
from ome.kube.gathering import Gathering
from ome.kube.transport import NotSent, Response

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator, Iterator, Mapping
    from types import TracebackType

    from ome.clock import Clock
    from ome.kube.credentials import TLS, Access, CredentialSource
    from ome.kube.request import Request

__all__ = ["KubernetesTransport", "connect"]

_CONNECT_SECONDS = 10.0
_CLOSE_SECONDS = 1.0
_RENEW_SECONDS = 10.0
"""A server that refuses us for good does not make us run a plugin with each request."""
_BUFFER = 2**18
_NO_TIME = 0.001
"""To aiohttp 0 means for ever."""
_EXACT = float("inf")
"""aiohttp rounds long timeouts up to whole seconds, which no deadline of ours allows."""
_log = structlog.get_logger("ome.kube")


async def connect(
    kubeconfig: str | None = None,
    context: str | None = None,
    *,
    clock: Clock | None = None,
    connection_limit: int = 512,
) -> KubernetesTransport:
    """A transport to the API server of a kubeconfig, or of the pod that we run in.

    It connects with the first request; close it by ``async with``. ``connection_limit`` bounds
    requests and watches together. Raises ``UserError`` for unreadable configuration.
    """
    clock = clock or SystemClock()
    transport = KubernetesTransport(
        source_of(kubeconfig, context, clock), clock, connection_limit=connection_limit
    )
    await transport.open()
    return transport


class KubernetesTransport:
    """See ``ome.kube.transport.Transport``; an async context manager that closes it."""

    def __init__(
        self, source: CredentialSource, clock: Clock, *, connection_limit: int = 512
    ) -> None:
        self._source = source
        self._clock = clock
        self._limit = connection_limit
        self._loading = anyio.Lock()
        self._access: Access | None = None
        self._host = ""
        self._pool: _Pool | None = None
        self._tried_renewal = float("-inf")
        self._next_load = 0.0

    @property
    def host(self) -> str:
        """``host:port`` of the server."""
        return self._host

    async def open(self) -> None:
        """Load credentials for the first time. Raises ``UserError``."""
        await self._load(renew=False)
        if not self._current.tls.verified:
            _log.warning("kube.tls_not_verified", host=self.host)

    async def close(self) -> None:
        """Close all connections; requests on their way fail."""
        if self._pool is not None:
            pool, self._pool = self._pool, None
            await pool.close()

    async def __aenter__(self) -> KubernetesTransport:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with anyio.CancelScope(shield=True):
            await self.close()

    async def send(self, request: Request) -> Response:
        """See ``Transport.send``."""
        async with self._answer(request, whole=True) as response:
            with _failures(self.host):
                body = await response.read()
            return Response(response.status, _lowered(response.headers), body)

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[_Body]:
        """See ``Transport.stream``."""
        async with self._answer(request, whole=False) as response:
            yield _Body(response, self.host)

    @property
    def _current(self) -> Access:
        assert self._access is not None, "open the transport first"
        return self._access

    @asynccontextmanager
    async def _answer(
        self, request: Request, *, whole: bool
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer with its body still to come; after a 401 once more with new credentials.

        All of it is bounded by the request's timeout, the body only of an answer that is ``whole``.
        """
        deadline = self._clock.monotonic() + request.timeout
        for last in (False, True):
            access, pool = await self._ready(deadline)
            left = max(deadline - self._clock.monotonic(), _NO_TIME)
            total = left if whole else None
            timeout = aiohttp.ClientTimeout(
                total=total, sock_connect=_CONNECT_SECONDS, ceil_threshold=_EXACT
            )
            async with pool.used():
                # A scope for the beginning of an answer that may go on for hours; others have
                # aiohttp's own deadline, which costs less.
                with _failures(self.host), nullcontext() if whole else anyio.fail_after(left):
                    response = await pool.request(request, access, timeout)
                try:
                    if last or response.status != 401 or not await self._renew(access, deadline):
                        yield response
                        return
                finally:
                    pool.leave(response)

    async def _ready(self, deadline: float) -> tuple[Access, _Pool]:
        due = self._clock.monotonic() >= self._next_load
        if due and not self._loading.locked():
            # What we have may do for a while; a 401 will tell. So whoever comes after one that
            # failed, or had no time to wait for a slow plugin, goes on with it.
            self._next_load = self._clock.monotonic() + _RENEW_SECONDS
            try:
                with self._until(deadline):
                    await self._load(renew=False)
            except UserError as error:
                _log.warning("kube.credentials_not_read", host=self.host, error=str(error))
        if self._pool is None:
            raise NotSent(f"the connection to {self.host} is closed")
        return self._current, self._pool

    async def _renew(self, refused: Access, deadline: float) -> bool:
        """Whether there are other credentials than those that were refused."""
        with self._until(deadline):
            return await self._renewed(refused)

    async def _renewed(self, refused: Access) -> bool:
        async with self._loading:
            if self._current is not refused:
                return True
            now = self._clock.monotonic()
            if now - self._tried_renewal < _RENEW_SECONDS:
                return False
            self._tried_renewal = now
            try:
                access = await self._source.load(renew=True)
            except UserError as error:
                _log.warning("kube.credentials_not_renewed", host=self.host, error=str(error))
                return False
            await self._install(access)
            return access.authorization != refused.authorization or access.tls is not refused.tls

    @contextmanager
    def _until(self, deadline: float) -> Iterator[None]:
        """Bounds the waiting for credentials. Raises ``TransportError``."""
        left = max(deadline - self._clock.monotonic(), 0.0)
        with _failures(self.host), anyio.fail_after(left):
            yield

    async def _load(self, *, renew: bool) -> None:
        async with self._loading:
            await self._install(await self._source.load(renew=renew))

    async def _install(self, access: Access) -> None:
        self._access = access
        self._host = URL(access.server).authority
        self._next_load = access.reload_at
        old = self._pool
        if old is None or old.tls is not access.tls:
            self._pool = _Pool(access.tls, self._limit)
            if old is not None:
                await old.retire()


class _Pool:
    """Connections made with the same TLS material; closed when retired and no longer used."""

    def __init__(self, tls: TLS, limit: int) -> None:
        self.tls = tls
        self._users = 0
        self._closing: set[asyncio.Future[None]] = set()
        self._retired = False
        self.session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=limit, ssl=tls.context or True),
            cookie_jar=aiohttp.DummyCookieJar(),
            read_bufsize=_BUFFER,
        )

    async def request(
        self, request: Request, access: Access, timeout: aiohttp.ClientTimeout
    ) -> aiohttp.ClientResponse:
        headers = {"Accept": request.accept, "User-Agent": request.user_agent or "ome"}
        if access.authorization:
            headers["Authorization"] = access.authorization
        headers.update(request.headers)
        if request.body is not None:
            headers["Content-Type"] = request.content_type
        guarded = request.body is not None and request.guard is not None
        return await self.session.request(
            request.method,
            URL(access.server + request.target, encoded=True),
            data=_Guarded(request) if guarded else request.body,
            headers=headers,
            timeout=timeout,
            allow_redirects=False,  # a redirect would carry the token elsewhere
            proxy=self.tls.proxy,
            server_hostname=self.tls.server_name,
        )

    @asynccontextmanager
    async def used(self) -> AsyncIterator[None]:
        """Keeps the connections open inside."""
        self._users += 1
        try:
            yield
        finally:
            self._users -= 1
            await self._close_if_done()

    async def retire(self) -> None:
        """No new requests will come."""
        self._retired = True
        await self._close_if_done()

    async def _close_if_done(self) -> None:
        if self._retired and self._users == 0:
            await self.close()

    def leave(self, response: aiohttp.ClientResponse) -> None:
        """Be done with an answer; the connection of one that is not at its end is closed.

        Without the farewell of TLS: a session does not wait for it, and it may take its time.
        """
        protocol = None if response.connection is None else response.connection.protocol
        if protocol is None or protocol.transport is None:
            response.close()
            return
        transport, closed = protocol.transport, protocol.closed
        response.close()
        transport.abort()
        if closed is not None:
            self._closing.add(closed)
            closed.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """Close all connections."""
        with anyio.CancelScope(shield=True):  # closing sockets waits for nobody
            await self.session.close()
            with anyio.move_on_after(_CLOSE_SECONDS):
                while self._closing:  # noqa: ASYNC110  # a moment, once, at the end
                    await anyio.sleep(0.001)


class _Guarded(aiohttp.BytesPayload):
    """A body that asks its guard when it is about to leave, together with the headers.

    Before that a connection may have been made, a token fetched, or the process been stopped.
    """

    def __init__(self, request: Request) -> None:
        super().__init__(request.body or b"", content_type=request.content_type)
        self._request = request

    async def write_with_length(
        self, writer: aiohttp.abc.AbstractStreamWriter, content_length: int | None
    ) -> None:
        if self._request.guard is not None:
            self._request.guard.admit()
        await super().write_with_length(writer, content_length)


class _Body:
    """An answer whose body is still coming."""

    def __init__(self, response: aiohttp.ClientResponse, host: str) -> None:
        self.status = response.status
        self.headers = _lowered(response.headers)
        self._host = host

        def transport() -> asyncio.Transport | None:
            return None if response.connection is None else response.connection.transport

        self._pieces = Gathering(response.content.readany, transport)

    def __aiter__(self) -> _Body:
        return self

    async def __anext__(self) -> bytes:
        with _failures(self._host):
            chunk = await self._pieces.next()
        if not chunk:
            raise StopAsyncIteration
        return chunk


class _failures:
    """Turns what goes wrong inside into errors of ours."""

    def __init__(self, host: str) -> None:
        self._host = host

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        match error:
            case aiohttp.ClientConnectorError() | aiohttp.ClientProxyConnectionError():
                raise NotSent(f"cannot reach {self._host}: {_reason(error)}") from error
            case aiohttp.ConnectionTimeoutError():
                raise NotSent(
                    f"cannot reach {self._host}: no connection in {_CONNECT_SECONDS:g} s"
                ) from error
            case aiohttp.ClientError(__cause__=NotLeading() as fenced):
                raise fenced from None
            case TimeoutError():
                raise TransportError(f"no answer from {self._host} in time") from error
            case aiohttp.ClientError() | OSError():
                raise TransportError(
                    f"the connection to {self._host} broke: {_reason(error)}"
                ) from error
            case _:
                pass


def _reason(error: BaseException) -> str:
    """In one line."""
    inner = getattr(error, "certificate_error", None) or getattr(error, "os_error", None) or error
    number = getattr(inner, "errno", None)
    told = os.strerror(number) if number and number > 1 else ""  # 1: OpenSSL's own
    text = getattr(inner, "verify_message", "") or told or str(inner)
    return str(text or type(error).__name__).split("\n", 1)[0]


def _lowered(headers: Mapping[str, Any]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
