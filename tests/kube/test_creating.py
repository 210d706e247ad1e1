"""The proof that a first write only creates."""

from __future__ import annotations

import random

import pytest

from ome.errors import (
    ApiError,
    Forbidden,
    InternalError,
    Invalid,
    ServerTimeout,
    ServiceUnavailable,
    Unauthorized,
    UserError,
)
from ome.kube import Client
from ome.kube.creating import prove_creating
from tests.support.fake_api import FakeTransport
from tests.support.fake_cluster import FakeCluster
from tests.support.virtual_time import VirtualClock


def client_of(transport: FakeCluster | FakeTransport) -> Client:
    return Client(transport, clock=VirtualClock(), rng=random.Random(1))


async def test_the_proof_leaves_no_trace() -> None:
    cluster = FakeCluster(clock=VirtualClock())
    cluster.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}})

    await prove_creating(client_of(cluster))

    assert cluster.writes == []


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (Forbidden("namespaces is forbidden"), "forbidden; grant get and patch"),
        (Invalid("odd"), "expected 409 Conflict, got odd"),
    ],
)
async def test_a_proof_that_cannot_be_made_says_why(error: Exception, says: str) -> None:
    cluster = FakeCluster(clock=VirtualClock())
    cluster.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}})
    cluster.fail("apply", None, error)

    with pytest.raises(UserError, match=says):
        await prove_creating(client_of(cluster))


@pytest.mark.parametrize(
    "error",
    [
        Unauthorized("expired"),
        InternalError("oops"),
        ServiceUnavailable("away"),
        ServerTimeout("late"),
    ],
)
async def test_a_server_in_trouble_proves_nothing_and_may_be_asked_again(error: ApiError) -> None:
    cluster = FakeCluster(clock=VirtualClock())
    cluster.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}})
    cluster.fail("apply", None, error)

    with pytest.raises(type(error)):
        await prove_creating(client_of(cluster))


async def test_a_server_that_would_overwrite_is_refused() -> None:
    transport = FakeTransport()
    transport.answer({})
    transport.answer({})

    with pytest.raises(UserError, match="was accepted where 409 Conflict was expected"):
        await prove_creating(client_of(transport))
