"""Our own authority and serving certificate, as values that step through time.

``advance`` gives what must hold at a time from what held before, one step after the other:

    nothing            -> an authority and a certificate of it
    authority is old   -> a new one joins the bundle; clients get to know it
    a minute later     -> a certificate of the new authority
    its last certificate ended -> the old authority leaves the bundle

So whichever certificate a replica still serves, its authority is in the bundle, and whichever
bundle a client still has, it knows the authority of the certificate that it is shown.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

__all__ = ["AUTHORITY_LIFE", "LEAF_LIFE", "PUBLISH", "Material", "advance", "next_step"]

AUTHORITY_LIFE = timedelta(days=730)
LEAF_LIFE = timedelta(days=90)
PUBLISH = timedelta(seconds=60)
"""How long a new authority is in the bundle before it signs."""
_BACKDATED = timedelta(minutes=5)
"""Certificates hold from before they were made, for clocks that are behind ours."""
_RENEW_AT = 2 / 3
_COMMON_NAME = "ome-webhook-ca"


@dataclass(frozen=True)
class Material:
    """Authorities (oldest first) with the key of the newest, and the serving certificate."""

    authorities: tuple[x509.Certificate, ...]
    authority_key: bytes
    leaf: x509.Certificate
    leaf_key: bytes

    @cached_property
    def bundle(self) -> bytes:
        """What clients must trust, PEM."""
        return b"".join(_pem(authority) for authority in self.authorities)

    @cached_property
    def chain(self) -> bytes:
        """What the server shows, PEM."""
        return _pem(self.leaf)

    @cached_property
    def issuer(self) -> x509.Certificate:
        """The authority of the serving certificate."""
        return next(item for item in self.authorities if _signed(self.leaf, item))

    @classmethod
    def parse(cls, bundle: bytes, authority_key: bytes, chain: bytes, leaf_key: bytes) -> Material:
        """The material from its PEM texts. Raises ``ValueError`` when it does not hold together."""
        material = cls(
            tuple(x509.load_pem_x509_certificates(bundle)),
            authority_key,
            x509.load_pem_x509_certificate(chain),
            leaf_key,
        )
        newest = material.authorities[-1]
        if _public(_load_key(authority_key)) != newest.public_key():
            raise ValueError("the authority's key is of another certificate")
        if _public(_load_key(leaf_key)) != material.leaf.public_key():
            raise ValueError("the serving key is of another certificate")
        if not any(_signed(material.leaf, item) for item in material.authorities):
            raise ValueError("the serving certificate is of no authority in the bundle")
        return material


def advance(held: Material | None, hosts: tuple[str, ...], now: datetime) -> Material:
    """What must hold now; ``held`` itself when nothing is due. The last of ``hosts`` is the CN."""
    if held is None or now >= held.authorities[-1].not_valid_after_utc:
        authority, key = _authority(now)
        leaf, leaf_key = _leaf(authority, key, hosts, now)
        return Material((authority,), key, leaf, leaf_key)
    authorities, key = held.authorities, held.authority_key
    leaf, leaf_key = held.leaf, held.leaf_key
    if now >= _renewal(authorities[-1]):
        authority, key = _authority(now)
        authorities = (*authorities, authority)
    if now >= _leaf_due(held, authorities, hosts):
        leaf, leaf_key = _leaf(authorities[-1], key, hosts, now)
    kept = tuple(
        item
        for place, item in enumerate(authorities)
        if _signed(leaf, item) or now < _last_use(authorities, place)
    )
    if kept == held.authorities and leaf is held.leaf:
        return held
    return Material(kept, key, leaf, leaf_key)


def next_step(material: Material, hosts: tuple[str, ...]) -> datetime:
    """When ``advance`` will next change the material."""
    authorities = material.authorities
    steps = [_renewal(authorities[-1]), _leaf_due(material, authorities, hosts)]
    steps += [_last_use(authorities, place) for place in range(len(authorities) - 1)]
    return min(steps)


def _renewal(certificate: x509.Certificate) -> datetime:
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return begin + (end - begin) * _RENEW_AT


def _leaf_due(
    held: Material, authorities: tuple[x509.Certificate, ...], hosts: tuple[str, ...]
) -> datetime:
    """When the newest authority signs a certificate."""
    newest = authorities[-1]
    published = _made(newest) + (PUBLISH if len(authorities) > 1 else timedelta())
    if not _signed(held.leaf, newest):
        # One that has ended helps nobody: better a certificate that some do not know yet.
        return min(published, held.leaf.not_valid_after_utc)
    if _hosts(held.leaf) != set(hosts):
        return published
    return max(published, _renewal(held.leaf))


def _last_use(authorities: tuple[x509.Certificate, ...], place: int) -> datetime:
    """When the last certificate of an authority has ended."""
    authority = authorities[place]
    if place == len(authorities) - 1:
        return authority.not_valid_after_utc
    followed = _made(authorities[place + 1]) + PUBLISH + LEAF_LIFE
    return min(authority.not_valid_after_utc, followed)


def _made(certificate: x509.Certificate) -> datetime:
    return certificate.not_valid_before_utc + _BACKDATED


def _authority(now: datetime) -> tuple[x509.Certificate, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _COMMON_NAME)])
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        _builder(name, name, key.public_key(), now, AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        # Authorities share their name: the key identifiers say which of them signed.
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return certificate, _key_pem(key)


def _leaf(
    authority: x509.Certificate, authority_key: bytes, hosts: tuple[str, ...], now: datetime
) -> tuple[x509.Certificate, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[-1][:64])])
    signer = _load_key(authority_key)
    certificate = (
        _builder(subject, authority.subject, key.public_key(), now, LEAF_LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([_name(host) for host in hosts]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
        .sign(signer, hashes.SHA256())
    )
    return certificate, _key_pem(key)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    now: datetime,
    life: timedelta,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now.astimezone(UTC) - _BACKDATED)
        .not_valid_after(now.astimezone(UTC) + life)
    )


def _name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _hosts(leaf: x509.Certificate) -> set[str]:
    try:
        held = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return set()
    return {str(entry.value) for entry in held}


def _signed(leaf: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        leaf.verify_directly_issued_by(authority)
    except Exception:  # the library's own kinds for a wrong name, key type or signature
        return False
    return True


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _load_key(pem: bytes) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(pem, None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("the key is not of an elliptic curve")
    return key


def _public(key: ec.EllipticCurvePrivateKey) -> ec.EllipticCurvePublicKey:
    return key.public_key()
