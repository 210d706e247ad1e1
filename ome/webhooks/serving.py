"""The webhooks of one replica: certificate, server and configurations, from start to stop.

Stop: a Service goes on sending for a moment after a replica began to leave. So the server answers
on for some seconds, closing each connection with its answer, and only then closes its port.
"""

from __future__ import annotations

import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import structlog

from ome.api import names
from ome.informers.projection import WholeObject
from ome.kube.resource import ObjectKey
from ome.kube.resources import MUTATING_WEBHOOKS, VALIDATING_WEBHOOKS
from ome.reconciler.health import EVERYWHERE, HttpServer
from ome.webhooks.certificates import Certificates
from ome.webhooks.certificates.bundle import Configurations, Wanted
from ome.webhooks.certificates.secret import SecretSource
from ome.webhooks.certificates.source import FileSource, provided_by_files
from ome.webhooks.server import webhook_app
from ome.webhooks.table import TABLE, routes

if TYPE_CHECKING:
    import random

    from ome.clock import Clock
    from ome.informers.registry import Informers
    from ome.kube.apply import Applier
    from ome.kube.client import Client
    from ome.webhooks.certificates.source import Source
    from ome.webhooks.lookup import Lookups
    from ome.webhooks.metrics import WebhookMetrics

__all__ = ["WebhookSettings", "Webhooks", "default_folder", "service_hosts"]

_LINGER = 3.0
_KEEP_ALIVE = 150.0
"""Longer than the API server keeps an idle connection (90 s), so that it is the one to close it."""

log = structlog.get_logger("webhooks")


def default_folder() -> Path:
    """Where certificates of others are mounted."""
    return Path(tempfile.gettempdir()) / "k8s-webhook-server" / "serving-certs"


def service_hosts(namespace: str) -> tuple[str, ...]:
    """The names of the operator's Service; the last is the one that the API server calls."""
    service = f"{names.WEBHOOK_SERVICE}.{namespace}.svc"
    return (
        names.WEBHOOK_SERVICE,
        f"{names.WEBHOOK_SERVICE}.{namespace}",
        f"{service}.cluster",
        f"{service}.cluster.local",
        service,
    )


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """Where webhooks are served and under which names."""

    namespace: str
    """The operator's own, where its Secret and Service are."""
    port: int = 9443
    """0 lets the system choose."""
    host: str = EVERYWHERE
    folder: Path | None = None
    """Where others put a certificate; None is the usual place."""
    secret: str = names.WEBHOOK_SECRET
    extra_hosts: tuple[str, ...] = ()
    """Further names or addresses in our own certificate."""
    prefix: str = ""
    """What the names of the configurations begin with."""
    linger: float = _LINGER


class Webhooks:
    """Serves admission until cancelled; one for each process, leader or not."""

    def __init__(
        self,
        settings: WebhookSettings,
        lookups: Lookups,
        *,
        informers: Informers,
        client: Client,
        applier: Applier,
        metrics: WebhookMetrics,
        clock: Clock,
        rng: random.Random,
    ) -> None:
        """Declares the informers of the configurations: before ``informers`` runs, if possible."""
        self._settings = settings
        self._informers = informers
        self._clock = clock
        self._draining = False
        self.port = 0
        """Where it listens; 0 before it does."""
        configurations = Configurations(_wanted(informers, settings.prefix), applier)
        source = _source(settings, client, clock, rng)
        self.certificates = Certificates(source, configurations, metrics, clock)
        self._app = webhook_app(routes(), lookups.reading, metrics, clock, lambda: self._draining)

    def problem(self) -> str | None:
        """Why reviews cannot be sent here yet, None when they can."""
        problem = self.certificates.problem()
        return problem or (None if self.port else "the webhook server has not started")

    async def run(self) -> None:
        """Serve. Raises ``PortInUse``."""
        settings = self._settings
        server = HttpServer(
            self._app,
            settings.host,
            settings.port,
            self.certificates.context,
            keep_alive=_KEEP_ALIVE,
        )
        # An empty cache would refuse what it merely does not know yet.
        await self._synced()
        async with anyio.create_task_group() as group:
            group.start_soon(self.certificates.run)
            await self.certificates.loaded.wait()
            self.port = await server.start()
            log.info("webhooks.listening", host=settings.host, port=self.port)
            try:
                await anyio.sleep_forever()
            finally:
                with anyio.CancelScope(shield=True):
                    self._draining = True
                    await self._clock.sleep(settings.linger)
                    await server.stop()

    async def _synced(self) -> None:
        while not self._informers.synced:
            with suppress(TimeoutError):
                await self._informers.wait_synced()


def _source(settings: WebhookSettings, client: Client, clock: Clock, rng: random.Random) -> Source:
    folder = settings.folder or default_folder()
    if provided_by_files(folder):
        return FileSource(folder)
    hosts = (*settings.extra_hosts, *service_hosts(settings.namespace))
    key = ObjectKey(settings.namespace, settings.secret)
    return SecretSource(client, key, hosts, clock, rng)


def _wanted(informers: Informers, prefix: str) -> list[Wanted]:
    by_kind = {
        resource.kind: informers.informer(resource, WholeObject)
        for resource in (MUTATING_WEBHOOKS, VALIDATING_WEBHOOKS)
    }
    served: dict[tuple[str, str], set[str]] = {}
    for entry in TABLE:
        served.setdefault((entry.kind, entry.configuration), set()).add(entry.name)
    return [
        Wanted(by_kind[kind], prefix + name, frozenset(webhooks))
        for (kind, name), webhooks in served.items()
    ]
