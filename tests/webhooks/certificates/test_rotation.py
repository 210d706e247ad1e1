"""Replicas with one Secret and the configurations, for years of virtual time."""

from __future__ import annotations

import base64
import random
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import anyio
import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from prometheus_client import CollectorRegistry

from ome.errors import Conflict, Forbidden, NotFound, OmeError, TransportError
from ome.informers.projection import WholeObject
from ome.informers.registry import Informers
from ome.kube import Applier, Client
from ome.kube.resource import ObjectKey
from ome.kube.resources import MUTATING_WEBHOOKS, SECRETS
from ome.webhooks.certificates import Certificates
from ome.webhooks.certificates.authority import Material, advance
from ome.webhooks.certificates.bundle import (
    INJECTED_BY_CERT_MANAGER,
    Configurations,
    Wanted,
)
from ome.webhooks.certificates.secret import SecretSource
from ome.webhooks.certificates.source import FileSource, provided_by_files
from ome.webhooks.metrics import WebhookMetrics
from tests.support.fake_cluster import FakeCluster
from tests.support.virtual_time import VirtualClock, run_virtual

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

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


def test_replicas_that_start_together_share_one_certificate() -> None:
    async def scenario(cluster: FakeCluster) -> None:
        async with replica(cluster, 1) as one, replica(cluster, 2) as other:
            await anyio.sleep(30)
            assert one.problem() is None
            assert other.problem() is None
            assert one.chain == other.chain
            assert known(one.chain, bundle(cluster))
            assert bundle(cluster, 1) == b"\n"
        assert len([write for write in cluster.writes if write.resource == SECRETS]) == 1

    on_cluster(configuration())(scenario)


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_through_two_years_every_certificate_shown_is_known_to_callers() -> None:
    async def scenario(cluster: FakeCluster) -> None:
        chains: set[bytes] = set()
        longest = 0
        still = StillInformer(cluster)
        async with (
            replica(cluster, 1, still=still) as one,
            replica(cluster, 2, still=still) as other,
        ):
            await anyio.sleep(30)
            for _ in range(2 * 365):
                await anyio.sleep(DAY)
                trusted = bundle(cluster)
                longest = max(longest, len(x509.load_pem_x509_certificates(trusted)))
                for each in (one, other):
                    assert known(each.chain, trusted)
                    leaf = x509.load_pem_x509_certificate(each.chain)
                    now = datetime.fromtimestamp(VirtualClock().wall(), UTC)
                    assert now < leaf.not_valid_after_utc
                    chains.add(each.chain)
        assert longest == 2
        assert 12 <= len(chains) <= 16

    on_cluster(configuration())(scenario)


def test_a_new_leaf_waits_until_callers_know_its_authority() -> None:
    async def scenario(cluster: FakeCluster) -> None:
        async with replica(cluster) as certificates:
            await anyio.sleep(30)
            before = certificates.chain
            cluster.fail("patch", MUTATING_WEBHOOKS, Forbidden("not now", status=403), times=10_000)
            # Somebody rotates both at once, against all rules.
            clock = VirtualClock()
            fresh = advance(None, HOSTS, datetime.fromtimestamp(clock.wall(), UTC))
            put_secret(cluster, fresh)
            await anyio.sleep(1200)
            assert certificates.chain == before
            assert certificates.problem() is None  # it was in place once

    on_cluster(configuration())(scenario)


def put_secret(cluster: FakeCluster, material: Material) -> None:
    texts = {
        "tls.crt": material.chain,
        "tls.key": material.leaf_key,
        "ca.crt": material.bundle,
        "ca.key": material.authority_key,
    }
    cluster.put(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": SECRET.name, "namespace": SECRET.namespace},
            "data": {name: base64.b64encode(text).decode() for name, text in texts.items()},
        }
    )


def test_a_configuration_that_comes_late_or_is_overwritten_is_filled_in_at_once() -> None:
    async def scenario(cluster: FakeCluster) -> None:
        async with replica(cluster) as certificates:
            await anyio.sleep(100)
            assert "MutatingWebhookConfiguration inferenceservice.ome.io is not installed" in (
                certificates.problem() or ""
            )
            cluster.put(configuration())
            await anyio.sleep(3)
            assert certificates.problem() is None
            cluster.put(configuration())  # as an upgrade of the chart would
            await anyio.sleep(3)
            assert known(certificates.chain, bundle(cluster))

    on_cluster()(scenario)


def test_a_namespace_that_is_missing_is_not_blamed_on_somebody_who_writes() -> None:
    async def scenario(cluster: FakeCluster) -> None:
        missing = NotFound('namespaces "ome" not found', status=404)
        cluster.fail("create", SECRETS, missing, times=1)
        async with replica(cluster) as certificates:
            await anyio.sleep(1)
            problem = certificates.problem()
            assert problem is not None
            assert 'namespaces "ome" not found' in problem
            assert "--namespace" in problem
            await anyio.sleep(60)  # it was created
            assert certificates.problem() is None

    on_cluster(configuration())(scenario)


def test_a_conflict_or_an_api_server_that_is_away_is_tried_again() -> None:
    async def scenario(cluster: FakeCluster) -> None:
        cluster.fail("create", SECRETS, TransportError("away"), times=2)
        cluster.fail("patch", MUTATING_WEBHOOKS, Conflict("changed", status=409), times=2)
        async with replica(cluster) as certificates:
            await anyio.sleep(120)
            assert certificates.problem() is None

    on_cluster(configuration())(scenario)


def test_a_replica_that_may_not_write_serves_what_another_made() -> None:
    async def scenario(cluster: FakeCluster) -> None:
        refused = OmeError("this replica does not lead: the write was not sent")
        cluster.fail("create", SECRETS, refused, times=3)
        cluster.fail("patch", MUTATING_WEBHOOKS, refused, times=3)
        async with replica(cluster, 1) as follower:
            await anyio.sleep(10)
            assert "does not lead" in (follower.problem() or "")
            async with replica(cluster, 2) as leader:
                await anyio.sleep(120)
                assert leader.problem() is None
                assert follower.problem() is None
                assert follower.chain == leader.chain

    on_cluster(configuration())(scenario)


def test_a_secret_of_others_is_left_alone_and_said() -> None:
    async def scenario(cluster: FakeCluster) -> None:
        theirs = cluster.put(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": SECRET.name, "namespace": SECRET.namespace},
                "data": {"tls.crt": "eA==", "tls.key": "eA=="},
            }
        )
        async with replica(cluster) as certificates:
            await anyio.sleep(60)
            assert "was not made by the manager" in (certificates.problem() or "")
        assert cluster.object(SECRETS, SECRET) == theirs

    on_cluster(configuration())(scenario)


def test_a_damaged_secret_of_ours_is_made_anew() -> None:
    async def scenario(cluster: FakeCluster) -> None:
        cluster.put(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": SECRET.name, "namespace": SECRET.namespace},
                "data": {"ca.key": "eA==", "tls.crt": "!"},
            }
        )
        async with replica(cluster) as certificates:
            await anyio.sleep(30)
            assert certificates.problem() is None

    on_cluster(configuration())(scenario)


def taken_over(cluster: FakeCluster, days_ago: float) -> tuple[dict[str, Any], Material]:
    """cert-manager wrote its certificate into our Secret; the key of our authority stays there."""
    ours = cluster.object(SECRETS, SECRET)
    assert ours is not None
    since = datetime.fromtimestamp(VirtualClock().wall() - days_ago * DAY, UTC)
    made = advance(None, HOSTS, since)
    texts = {"tls.crt": made.chain, "tls.key": made.leaf_key, "ca.crt": made.bundle}
    data = {name: base64.b64encode(text).decode() for name, text in texts.items()}
    notes = {"cert-manager.io/certificate-name": "serving-cert"}
    metadata = {**ours["metadata"], "annotations": notes}
    return cluster.put({**ours, "metadata": metadata, "data": {**ours["data"], **data}}), made


def test_a_secret_that_cert_manager_took_over_is_left_to_it_and_served() -> None:
    """As when the chart's ``certManager.enabled`` is set where the manager had its own."""

    async def scenario(cluster: FakeCluster) -> None:
        async with replica(cluster, 1) as first, replica(cluster, 2) as second:
            await anyio.sleep(120)
            theirs, made = taken_over(cluster, days_ago=70)
            await anyio.sleep(700)
            assert first.chain == second.chain == made.chain
            assert known(first.chain, bundle(cluster))
            assert first.problem() is None
            assert cluster.object(SECRETS, SECRET) == theirs

    on_cluster(configuration())(scenario)


def test_one_that_cert_manager_does_not_renew_is_ours_again() -> None:
    async def scenario(cluster: FakeCluster) -> None:
        async with replica(cluster, 1) as first, replica(cluster, 2) as second:
            await anyio.sleep(120)
            _, made = taken_over(cluster, days_ago=80)
            await anyio.sleep(1300)
            assert first.chain == second.chain != made.chain
            assert known(first.chain, bundle(cluster))

    on_cluster(configuration())(scenario)


def test_what_cert_manager_fills_in_is_left_to_it_and_a_mix_up_is_said() -> None:
    async def scenario(cluster: FakeCluster) -> None:
        async with replica(cluster) as certificates:
            await anyio.sleep(60)
            assert bundle(cluster) == b"\n"
            assert "is filled in by cert-manager" in (certificates.problem() or "")

    on_cluster(configuration(annotations={INJECTED_BY_CERT_MANAGER: "ome/serving-cert"}))(scenario)


def write_files(folder: Path, material: Material) -> None:
    folder.mkdir(exist_ok=True)
    for name, text in (
        ("tls.crt", material.chain),
        ("tls.key", material.leaf_key),
        ("ca.crt", material.bundle),
    ):
        (folder / name).write_bytes(text)


def test_files_are_read_again_when_they_change(tmp_path: Path) -> None:
    async def scenario(cluster: FakeCluster) -> None:
        first, second = (advance(None, HOSTS, datetime.now(UTC)) for _ in range(2))
        write_files(tmp_path, first)
        async with replica(cluster, source=FileSource(tmp_path)) as certificates:
            await anyio.sleep(5)
            assert certificates.chain == first.chain
            assert bundle(cluster) == first.bundle
            assert certificates.problem() is None
            (tmp_path / "tls.crt").unlink()
            await anyio.sleep(30)
            assert certificates.chain == first.chain
            write_files(tmp_path, second)
            await anyio.sleep(60)
            assert certificates.chain == second.chain
            assert bundle(cluster) == second.bundle
            # A key that does not belong to the certificate: half of a renewal.
            (tmp_path / "tls.key").write_bytes(first.leaf_key)
            await anyio.sleep(30)
            assert certificates.chain == second.chain

    on_cluster(configuration())(scenario)


def test_a_key_with_a_password_is_said_and_ends_nothing(tmp_path: Path) -> None:
    async def scenario(cluster: FakeCluster) -> None:
        material = advance(None, HOSTS, datetime.now(UTC))
        write_files(tmp_path, material)
        key = serialization.load_pem_private_key(material.leaf_key, None)
        locked = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
        (tmp_path / "tls.key").write_bytes(locked)
        async with replica(cluster, source=FileSource(tmp_path)) as certificates:
            await anyio.sleep(30)
            assert "key is no plain PEM" in (certificates.problem() or "")
            (tmp_path / "tls.key").write_bytes(material.leaf_key)
            await anyio.sleep(30)
            assert certificates.problem() is None

    on_cluster(configuration())(scenario)


def test_files_without_an_authority_need_cert_managers_bundle(tmp_path: Path) -> None:
    async def scenario(cluster: FakeCluster) -> None:
        material = advance(None, HOSTS, datetime.now(UTC))
        write_files(tmp_path, material)
        (tmp_path / "ca.crt").unlink()
        async with replica(cluster, source=FileSource(tmp_path)) as certificates:
            await anyio.sleep(30)
            assert "does not have the CA bundle yet" in (certificates.problem() or "")
            filled = configuration()
            for webhook in filled["webhooks"]:
                text = base64.b64encode(material.bundle).decode()
                webhook["clientConfig"]["caBundle"] = text
            cluster.put(filled)
            await anyio.sleep(30)
            assert certificates.problem() is None

    on_cluster(configuration())(scenario)


def test_our_own_secret_mounted_as_files_is_still_ours(tmp_path: Path) -> None:
    assert not provided_by_files(tmp_path)
    write_files(tmp_path, advance(None, HOSTS, datetime.now(UTC)))
    assert provided_by_files(tmp_path)
    (tmp_path / "ca.key").write_text("x")
    assert not provided_by_files(tmp_path)


def test_nobody_asks_the_server_while_nothing_is_due() -> None:
    async def scenario(cluster: FakeCluster) -> None:
        async with replica(cluster):
            await anyio.sleep(30)
            before = len(cluster.requests)
            await anyio.sleep(3600)
            asked = [
                request
                for request in cluster.requests[before:]
                if "watch" not in str(request.query)
            ]
            assert {request.path for request in asked} <= {
                "/api/v1/namespaces/ome/secrets/ome-webhook-server-cert"
            }
            assert len(asked) <= 7

    on_cluster(configuration())(scenario)
