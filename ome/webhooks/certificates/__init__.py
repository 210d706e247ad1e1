"""The serving certificate: made or read, served, renewed, and known to those who call us."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import anyio
import structlog
from cryptography import x509

from ome.errors import OmeError
from ome.reconciler.tls import load_pair, server_context

if TYPE_CHECKING:
    from ome.clock import Clock
    from ome.webhooks.certificates.bundle import Configurations
    from ome.webhooks.certificates.source import Source
    from ome.webhooks.metrics import WebhookMetrics

__all__ = ["Certificates"]

_RETRY = 15.0
"""Seconds until another look when something is not in place; a change is seen at once."""
_PAUSE = 1.0
"""The shortest time between two rounds, whatever changes."""

log = structlog.get_logger(__name__)


class Certificates:
    """Keeps ``context`` and the webhook configurations in step.

    A new certificate is served only when every configuration knows its authority, so a rotation
    never shows callers a certificate that they cannot verify. The first one is served at once:
    nobody calls before it is there.
    """

    def __init__(
        self, source: Source, configurations: Configurations, metrics: WebhookMetrics, clock: Clock
    ) -> None:
        self.context = server_context()
        self.loaded = anyio.Event()
        self._source = source
        self._configurations = configurations
        self._metrics = metrics
        self._clock = clock
        self._shown: tuple[bytes, bytes] | None = None
        self._in_place = False
        self._problem = "the serving certificate is not there yet"

    def problem(self) -> str | None:
        """Why the webhooks cannot be called, None when they can.

        Once all was in place it stays None: replicas that leave the Service because somebody edits
        a configuration would help nobody.
        """
        return None if self._in_place else self._problem

    @property
    def chain(self) -> bytes:
        """The certificate that new connections are shown; empty before the first."""
        return self._shown[0] if self._shown else b""

    async def run(self) -> None:
        """Go on until cancelled."""
        while True:
            change = self._configurations.change
            problem = await self._round()
            if problem is not None and problem != self._problem:
                log.warning("certificate.not_in_place", why=problem)
            self._problem = problem or ""
            self._in_place = self._in_place or problem is None
            seconds = self._source.wait() if problem is None else _RETRY
            await self._clock.sleep(_PAUSE)
            with anyio.move_on_after(seconds - _PAUSE):
                await change.wait()

    async def _round(self) -> str | None:
        """One look at everything; what is not in place."""
        try:
            serving = await self._source.current()
        except OmeError as error:  # also a write that only the leader may make
            self._metrics.certificate_errors.inc()
            return str(error)
        problems = await self._configurations.ensure(serving)
        pair = (serving.chain, serving.key)
        # The first one is shown whatever they know: nobody can have called before.
        if pair != self._shown and (
            self._shown is None or self._configurations.trust(serving.issuer)
        ):
            try:
                load_pair(self.context, *pair)
            except ssl.SSLError as error:
                self._metrics.certificate_errors.inc()
                return (
                    f"the serving certificate cannot be used ({error.reason or error}): it or its"
                    " key is no plain PEM, or they do not belong together; replace both"
                )
            self._shown = pair
            self._metrics.certificates.inc()
            self._metrics.certificate_expiry.set(_ends(serving.chain))
            log.info("certificate.loaded")
            self.loaded.set()
        return "; ".join(problems) or None


def _ends(chain: bytes) -> float:
    """When the first certificate of a chain ends, in seconds since the epoch."""
    return x509.load_pem_x509_certificate(chain).not_valid_after_utc.timestamp()
