"""Our own certificate in a Secret that all replicas share.

Races: replicas that find nothing, or something due, all make the next step and all try to write
it. The first one wins (create, or a replace that carries the resourceVersion); the others read what
it wrote and serve that. What is in the Secret is the truth, never what a replica made. cert-manager
may have begun to keep its own certificate in a Secret that was ours: that is served, for two who
overwrite each other would have callers trust neither. Should nobody renew it, it is ours again.
"""

from __future__ import annotations

import base64
import binascii
import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import structlog
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from ome.errors import AlreadyExists, Conflict, NotFound
from ome.kube.resources import SECRETS
from ome.webhooks.certificates.authority import Material, advance, next_step
from ome.webhooks.certificates.source import (
    AUTHORITY_KEY,
    BUNDLE,
    CERTIFICATE,
    KEY,
    CertificateTrouble,
    Serving,
)

if TYPE_CHECKING:
    import random

    from ome.clock import Clock
    from ome.kube.client import Client
    from ome.kube.resource import ObjectKey

__all__ = ["SecretSource"]

CERTIFICATE_OF_CERT_MANAGER = "cert-manager.io/certificate-name"
"""Annotation of a Secret that cert-manager keeps."""
_ATTEMPTS = 8
_NEGLECTED = 1 / 6
"""The share of its life that is left of a certificate which nobody has renewed."""
log = structlog.get_logger(__name__)


class SecretSource:
    """Reads the certificate from the Secret and makes there what is missing or due."""

    def __init__(
        self,
        client: Client,
        key: ObjectKey,
        hosts: tuple[str, ...],
        clock: Clock,
        rng: random.Random,
        look_every: float = 600.0,
    ) -> None:
        """``hosts`` are the names and addresses that clients use; the last is the common name.

        ``look_every``: seconds between looks at the Secret, as another replica may have renewed.
        """
        self._client = client
        self._key = key
        self._hosts = hosts
        self._clock = clock
        self._rng = rng
        self._look_every = look_every
        self._due = 0.0

    async def current(self) -> Serving:
        """See ``Source``."""
        material = await self._settled()
        if isinstance(material, Serving):
            self._due = math.inf
            return material
        self._due = next_step(material, self._hosts).timestamp()
        return Serving(
            material.chain,
            material.leaf_key,
            material.issuer.public_bytes(serialization.Encoding.PEM),
            material.bundle,
        )

    def wait(self) -> float:
        """See ``Source``; spread, so that replicas do not all come at once."""
        due = max(self._due - self._clock.wall(), 0.0)
        return min(due + self._rng.uniform(0, 5), self._look_every)

    async def _settled(self) -> Material | Serving:
        for _ in range(_ATTEMPTS):
            stored = await self._stored()
            held = None if stored is None else self._parse(stored)
            if stored is not None and held is None and (theirs := _of_cert_manager(stored)):
                if _is_renewed(theirs, self._now()):
                    return theirs
            material = advance(held, self._hosts, self._now())
            if material is held:
                return material
            if await self._write(stored, material):
                log.info(
                    "certificate.written",
                    secret=str(self._key),
                    authorities=len(material.authorities),
                    until=material.leaf.not_valid_after_utc.isoformat(),
                )
                return material
        raise CertificateTrouble(
            f"Secret {self._key} changes all the time: somebody else writes it; find and stop who"
            " does"
        )

    async def _stored(self) -> dict[str, Any] | None:
        try:
            return await self._client.get(SECRETS, self._key)
        except NotFound:
            return None

    def _parse(self, stored: dict[str, Any]) -> Material | None:
        data = stored.get("data") or {}
        if AUTHORITY_KEY not in data:
            raise CertificateTrouble(
                f"Secret {self._key} was not made by the manager (it has no {AUTHORITY_KEY}): mount"
                " it into the manager's pods to serve its certificate, or delete it"
            )
        try:
            bundle, authority_key, chain, key = (
                base64.b64decode(data[name]) for name in (BUNDLE, AUTHORITY_KEY, CERTIFICATE, KEY)
            )
            return Material.parse(bundle, authority_key, chain, key)
        except (KeyError, ValueError, TypeError, binascii.Error) as error:
            if CERTIFICATE_OF_CERT_MANAGER not in _annotations(stored):
                log.warning("certificate.unreadable", secret=str(self._key), why=str(error))
            return None

    async def _write(self, stored: dict[str, Any] | None, material: Material) -> bool:
        """Whether it is in the Secret now; False when somebody was faster."""
        texts = {
            CERTIFICATE: material.chain,
            KEY: material.leaf_key,
            BUNDLE: material.bundle,
            AUTHORITY_KEY: material.authority_key,
        }
        data = {name: base64.b64encode(text).decode() for name, text in texts.items()}
        try:
            if stored is None:
                metadata = {"name": self._key.name, "namespace": self._key.namespace}
                await self._client.create(
                    SECRETS,
                    {
                        "apiVersion": "v1",
                        "kind": "Secret",
                        "type": "kubernetes.io/tls",
                        "metadata": metadata,
                        "data": data,
                    },
                )
            else:
                await self._client.replace(SECRETS, {**stored, "data": data})
        except NotFound as error:
            if stored is not None:  # deleted since it was read
                return False
            raise CertificateTrouble(
                f"Secret {self._key} cannot be made: {error}; create the namespace, or start the"
                " manager with --namespace of the one that it is installed in"
            ) from error
        except (AlreadyExists, Conflict):
            return False
        return True

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.wall(), UTC)


def _annotations(stored: dict[str, Any]) -> dict[str, Any]:
    return stored["metadata"].get("annotations") or {}


def _of_cert_manager(stored: dict[str, Any]) -> Serving | None:
    """The certificate that cert-manager keeps in the Secret."""
    data = stored.get("data") or {}
    if CERTIFICATE_OF_CERT_MANAGER not in _annotations(stored):
        return None
    try:
        chain, key = (base64.b64decode(data[name]) for name in (CERTIFICATE, KEY))
        return Serving(chain, key, b"", base64.b64decode(data.get(BUNDLE) or ""))
    except (KeyError, ValueError, TypeError):
        return None


def _is_renewed(serving: Serving, now: datetime) -> bool:
    try:
        leaf = x509.load_pem_x509_certificate(serving.chain)
    except ValueError:
        return False
    life = leaf.not_valid_after_utc - leaf.not_valid_before_utc
    return now < leaf.not_valid_after_utc - life * _NEGLECTED
