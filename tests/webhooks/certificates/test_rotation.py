"""Replicas with one Secret and the configurations, for years of virtual time."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import anyio
import pytest
from cryptography import x509

from ome.errors import Conflict, Forbidden, NotFound, TransportError
from ome.kube.resources import MUTATING_WEBHOOKS, SECRETS
from ome.webhooks.certificates.authority import Material, advance
from tests.support.virtual_time import VirtualClock
from tests.webhooks.certificates.world import (
    DAY,
    HOSTS,
    SECRET,
    StillInformer,
    bundle,
    configuration,
    known,
    on_cluster,
    replica,
)

if TYPE_CHECKING:
    from tests.support.fake_cluster import FakeCluster


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
