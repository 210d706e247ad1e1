"""An admission webhook with TLS on the loopback that answers as a test says."""

from __future__ import annotations

import base64
import inspect
import ipaddress
import json
import ssl
import tempfile
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import anyio
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator, Callable, Mapping


@dataclass(frozen=True)
class Certificate:
    """A self-signed server certificate; itself the CA to trust."""

    chain: bytes
    key: bytes

    @property
    def bundle(self) -> str:
        """As ``clientConfig.caBundle``."""
        return base64.b64encode(self.chain).decode()


@cache
def certificate(*names: str) -> Certificate:
    """A certificate for 127.0.0.1 and these DNS names."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "webhook under test")])
    now = datetime.now(UTC)
    addresses: list[x509.GeneralName] = [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName(addresses + [x509.DNSName(name) for name in names]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    return Certificate(
        made.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )


@dataclass(frozen=True)
class Seen:
    """One call of the webhook."""

    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    review: dict[str, Any]
    connection: int

    @property
    def request(self) -> dict[str, Any]:
        """The ``AdmissionRequest``."""
        request: dict[str, Any] = self.review["request"]
        return request


@dataclass
class WebhookServer:
    """``answers`` by path: the response to a request, or all of what is sent."""

    port: int
    trust: Certificate
    answers: dict[str, Callable[[dict[str, Any]], Any]] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    connections: list[asyncio.Transport] = field(default_factory=list)

    @property
    def paths(self) -> list[str]:
        """Which paths were called, in order."""
        return [seen.path for seen in self.seen]

    def client(self, path: str) -> dict[str, str]:
        """``clientConfig`` of the url form."""
        return {"url": f"https://127.0.0.1:{self.port}{path}", "caBundle": self.trust.bundle}

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Note the call; a missing path allows, a dict is completed to a review."""
        review = json.loads(await request.read())
        assert request.transport is not None
        self.connections.append(request.transport)
        seen = Seen(request.path, request.query, request.headers, review, id(request.transport))
        self.seen.append(seen)
        answer: Callable[[dict[str, Any]], Any] = self.answers.get(request.path, _allow)
        said = answer(review["request"])
        if inspect.isawaitable(said):
            said = await said
        if isinstance(said, web.StreamResponse):
            return said
        response = {"uid": review["request"]["uid"], **said}
        return web.json_response(
            {"apiVersion": review["apiVersion"], "kind": "AdmissionReview", "response": response}
        )


def _allow(_: dict[str, Any]) -> dict[str, Any]:
    return {"allowed": True}


def patching(*operations: Mapping[str, Any]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """An answer that allows with a JSON patch."""
    patch = base64.b64encode(json.dumps(operations).encode()).decode()
    return lambda _: {"allowed": True, "patchType": "JSONPatch", "patch": patch}


def denying(**status: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """An answer that denies with a status; without fields, with no status at all."""
    return lambda _: {"allowed": False, **({"status": status} if status else {})}


@asynccontextmanager
async def serve_webhook(*names: str) -> AsyncIterator[WebhookServer]:
    """Serve on a free port of 127.0.0.1 with a certificate for it and these DNS names."""
    trust = certificate(*names)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    with tempfile.NamedTemporaryFile() as file:
        file.write(trust.chain + trust.key)
        file.flush()
        tls.load_cert_chain(file.name)
    server = WebhookServer(0, trust)
    application = web.Application(client_max_size=2**24)
    application.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    server.port = runner.addresses[0][1]
    try:
        yield server
    finally:
        with anyio.CancelScope(shield=True):
            await runner.cleanup()
