"""Replicas with one Secret and the configurations, in virtual time."""

from __future__ import annotations

import base64
import random
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import msgspec
from cryptography import x509
from prometheus_client import CollectorRegistry

from ome.informers.projection import WholeObject
from ome.informers.registry import Informers
from ome.kube import Applier, Client
from ome.kube.resource import ObjectKey
from ome.kube.resources import MUTATING_WEBHOOKS
from ome.webhooks.certificates import Certificates
from ome.webhooks.certificates.bundle import Configurations, Wanted
from ome.webhooks.certificates.secret import SecretSource
from ome.webhooks.metrics import WebhookMetrics
from tests.support.fake_cluster import FakeCluster
from tests.support.virtual_time import VirtualClock, run_virtual

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from ome.webhooks.certificates.source import Source

SECRET = ObjectKey("ome", "ome-webhook-server-cert")
NAME = ObjectKey("", "inferenceservice.ome.io")
HOSTS = ("hook.ome.svc",)
DAY = 86_400.0


def configuration(**metadata: Any) -> dict[str, Any]:
    def webhook(name: str) -> dict[str, Any]:
        return {"name": name, "clientConfig": {"url": "https://x", "caBundle": "Cg=="}}

    return {
        "apiVersion": MUTATING_WEBHOOKS.api_version,
        "kind": MUTATING_WEBHOOKS.kind,
        "metadata": {"name": NAME.name, **metadata},
        "webhooks": [webhook("ours"), webhook("theirs")],
    }


def bundle(cluster: FakeCluster, place: int = 0) -> bytes:
    found = cluster.object(MUTATING_WEBHOOKS, NAME)
    assert found is not None
    return base64.b64decode(found["webhooks"][place]["clientConfig"]["caBundle"])


class StillInformer:
    """Stands for an informer without its watch, whose minutes would be many in two years."""

    resource = MUTATING_WEBHOOKS

    def __init__(self, cluster: FakeCluster) -> None:
        self.store = self
        self._cluster = cluster
        self._handlers: list[Callable[[Any, Any], None]] = []

    def get(self, key: ObjectKey) -> WholeObject | None:
        return _whole(self._cluster.object(MUTATING_WEBHOOKS, key))

    def add_handler(self, handler: Callable[[Any, Any], None]) -> None:
        self._handlers.append(handler)

    def observed(self, document: Any) -> None:
        for handler in self._handlers:
            handler(None, _whole(document))


def _whole(document: Any) -> WholeObject:
    return msgspec.json.decode(msgspec.json.encode(document), type=WholeObject)


@asynccontextmanager
async def replica(
    cluster: FakeCluster,
    seed: int = 1,
    source: Source | None = None,
    still: StillInformer | None = None,
) -> AsyncIterator[Certificates]:
    clock, rng = VirtualClock(), random.Random(seed)
    client = Client(cluster, clock=clock, rng=rng)
    informers = Informers(client, clock, rng)
    watched: Any = still or informers.informer(MUTATING_WEBHOOKS, WholeObject)
    wanted = Wanted(watched, NAME.name, frozenset({"ours"}))
    look_every = DAY if still else 600.0
    applier = Applier(client, "ome-controller", "ome.io/applied-hash")
    certificates = Certificates(
        source or SecretSource(client, SECRET, HOSTS, clock, rng, look_every),
        Configurations([wanted], applier),
        WebhookMetrics(CollectorRegistry()),
        clock,
    )
    async with anyio.create_task_group() as group:
        await group.start(informers.run)
        await informers.wait_synced()
        group.start_soon(certificates.run)
        yield certificates
        group.cancel_scope.cancel()


def on_cluster(
    *objects: dict[str, Any],
) -> Callable[[Callable[[FakeCluster], Awaitable[None]]], None]:
    def run(scenario: Callable[[FakeCluster], Awaitable[None]]) -> None:
        async def main() -> None:
            cluster = FakeCluster(clock=VirtualClock())
            for obj in objects:
                cluster.put(obj)
            await scenario(cluster)

        run_virtual(main)

    return run


def known(chain: bytes, trusted: bytes) -> bool:
    leaf = x509.load_pem_x509_certificate(chain)
    for authority in x509.load_pem_x509_certificates(trusted):
        try:
            leaf.verify_directly_issued_by(authority)
        except Exception:
            continue
        return True
    return False
