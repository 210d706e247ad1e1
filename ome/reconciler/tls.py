"""TLS for our own servers: contexts, and a certificate for clients that do not verify one."""

from __future__ import annotations

import ssl
import tempfile
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

__all__ = ["load_pair", "self_signed_context", "server_context"]

_VALID = timedelta(days=365)


def self_signed_context(name: str) -> ssl.SSLContext:
    """A server context with a fresh key and a certificate that it signs itself, for a year."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + _VALID)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    context = server_context()
    load_pair(
        context,
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )
    return context


def server_context() -> ssl.SSLContext:
    """A server context without a certificate: TLS 1.2 or later, HTTP/1.1."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


def load_pair(context: ssl.SSLContext, chain: bytes, key: bytes) -> None:
    """Serve this certificate from the next handshake on; connections that stand keep theirs.

    Raises ``ssl.SSLError`` when the two do not belong together, and then nothing has changed.
    """
    # The standard library loads keys from files only; this one is gone before we return.
    with tempfile.NamedTemporaryFile() as file:
        file.write(key + b"\n" + chain)
        file.flush()
        # Without a password OpenSSL would ask the terminal for that of an encrypted key.
        server_context().load_cert_chain(file.name, password="")
        context.load_cert_chain(file.name, password="")
