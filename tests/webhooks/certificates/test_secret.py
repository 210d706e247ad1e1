"""A Secret that others made, took over or damaged, and one that we may not write."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import anyio

from ome.errors import OmeError
from ome.kube.resources import MUTATING_WEBHOOKS, SECRETS
from ome.webhooks.certificates.authority import Material, advance
from ome.webhooks.certificates.bundle import INJECTED_BY_CERT_MANAGER
from tests.support.virtual_time import VirtualClock
from tests.webhooks.certificates.world import (
    DAY,
    HOSTS,
    SECRET,
    bundle,
    configuration,
    known,
    on_cluster,
    replica,
)

if TYPE_CHECKING:
    from tests.support.fake_cluster import FakeCluster


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
