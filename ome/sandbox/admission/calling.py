"""The HTTPS request to a webhook."""

from __future__ import annotations

import base64
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp
import anyio

from ome.sandbox.admission.answers import refusal_of
from ome.sandbox.admission.failures import CallFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ome.sandbox.admission.configuration import Webhook

__all__ = ["Caller"]

_MOST_BYTES = 3 * 1024 * 1024
"""The largest answer that is read; a patch is about as large as an object may be."""


@dataclass(frozen=True, slots=True)
class _Endpoint:
    """``url`` is how the webhook is called in messages, ``address`` where it is reached."""

    url: str
    address: str
    host: str = ""
    tls_name: str | None = None


class Caller:
    """Posts reviews. Connections are kept, by the CA that vouches for the webhook.

    Redirects are not followed: they would lead the server to where its user cannot go.
    """

    def __init__(self, resolve: Callable[[str, str, int], str | None]) -> None:
        self._resolve = resolve
        self._sessions: dict[str, aiohttp.ClientSession] = {}

    async def close(self) -> None:
        """Close the kept connections."""
        sessions, self._sessions = self._sessions, {}
        with anyio.CancelScope(shield=True):
            for session in sessions.values():
                await session.close()

    async def post(self, webhook: Webhook, review: bytes, traceparent: str) -> bytes:
        """The body of the answer. Raises ``CallFailed``, at the latest after its timeout."""
        endpoint = self._endpoint(webhook)
        try:
            with anyio.fail_after(webhook.seconds):
                return await self._send(webhook, endpoint, review, traceparent)
        except TimeoutError as error:
            raise _unreachable(endpoint.url, "context deadline exceeded") from error
        except (aiohttp.ClientError, OSError) as error:
            raise _unreachable(endpoint.url, _cause(error)) from error

    async def _send(
        self, webhook: Webhook, endpoint: _Endpoint, review: bytes, traceparent: str
    ) -> bytes:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if endpoint.host:
            headers["Host"] = endpoint.host
        if traceparent:
            headers["traceparent"] = traceparent
        session = self._session(webhook.client.get("caBundle") or "")
        request: Mapping[str, Any] = {
            "data": review,
            "headers": headers,
            "server_hostname": endpoint.tls_name,
            "allow_redirects": False,
        }
        try:
            return await self._exchange(session, endpoint, request)
        except aiohttp.ServerDisconnectedError:
            # A kept connection that the webhook closed just now; a new one is worth a try.
            return await self._exchange(session, endpoint, request)

    async def _exchange(
        self, session: aiohttp.ClientSession, endpoint: _Endpoint, request: Mapping[str, Any]
    ) -> bytes:
        async with session.post(endpoint.address, **request) as response:
            body = await _read(response)
        if not 200 <= response.status <= 206:
            raise CallFailed(refusal_of(response.status, response.content_type, body))
        if not body:
            raise CallFailed(
                f"failed to call webhook: 0-length response with status code: {response.status}"
                f" and content type: {response.headers.get('Content-Type', '')}"
            )
        return body

    def _endpoint(self, webhook: Webhook) -> _Endpoint:
        query = f"?timeout={webhook.seconds}s"
        service = webhook.client.get("service")
        if not service:
            url = webhook.client["url"] + query
            return _Endpoint(url, url)
        return self._service_endpoint(service, query)

    def _service_endpoint(self, service: Mapping[str, Any], query: str) -> _Endpoint:
        name, namespace = service["name"], service["namespace"]
        port, path = service.get("port") or 443, "/" + (service.get("path") or "").lstrip("/")
        tls_name = f"{name}.{namespace}.svc"
        host = f"{tls_name}:{port}"
        url = f"https://{host}{path}{query}"
        base = self._resolve(namespace, name, port)
        if base is None:
            raise _unreachable(url, f'no endpoints available for service "{name}"')
        return _Endpoint(url, f"{base.rstrip('/')}{path}{query}", host, tls_name)

    def _session(self, bundle: str) -> aiohttp.ClientSession:
        session = self._sessions.get(bundle)
        if session is None:
            session = self._sessions[bundle] = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=_trusting(bundle)),
                timeout=aiohttp.ClientTimeout(total=None),
                headers={"User-Agent": "kube-apiserver-admission"},
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return session


def _trusting(bundle: str) -> ssl.SSLContext:
    if not bundle:
        return ssl.create_default_context()
    try:
        return ssl.create_default_context(cadata=base64.b64decode(bundle).decode("ascii"))
    except (ValueError, ssl.SSLError) as error:
        raise CallFailed("unable to load root certificates from caBundle") from error


async def _read(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > _MOST_BYTES:
            raise CallFailed(f"failed to call webhook: answer larger than {_MOST_BYTES} bytes")
    return bytes(body)


def _unreachable(url: str, cause: str) -> CallFailed:
    return CallFailed(f'failed to call webhook: Post "{url}": {cause}')


def _cause(error: Exception) -> str:
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return f"tls: failed to verify certificate: x509: {_distrust(error)}"
        case aiohttp.ClientConnectorDNSError():
            return f"dial tcp: lookup {error.host}: no such host"
        case aiohttp.ClientConnectorError(os_error=ConnectionRefusedError()):
            return f"dial tcp {error.host}:{error.port}: connect: connection refused"
        case aiohttp.ServerDisconnectedError():
            return "EOF"
        case _:
            return str(error)


def _distrust(error: aiohttp.ClientConnectorCertificateError) -> str:
    inner = error.certificate_error
    if not isinstance(inner, ssl.SSLCertVerificationError):
        return str(inner)
    if inner.verify_code in _UNKNOWN_AUTHORITY:
        return "certificate signed by unknown authority"
    return inner.verify_message


_UNKNOWN_AUTHORITY = frozenset({18, 19, 20, 21})
"""OpenSSL: self-signed leaf, self-signed in chain, no local issuer, leaf cannot be verified."""
