"""A namespace of a test's own, on a real API server or on the fake."""

from __future__ import annotations

import os
import random
import uuid
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from ome.clock import SystemClock
from ome.kube import Client, ObjectKey
from ome.kube.http import connect
from ome.kube.resources import NAMESPACES
from tests.support.fake_cluster import FakeCluster

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ome.kube import Transport

on_both = pytest.mark.parametrize(
    "server", ["fake", pytest.param("real", marks=pytest.mark.cluster)]
)
OWNER_UID = str(uuid.uuid4())


@asynccontextmanager
async def namespace(server: str = "real") -> AsyncIterator[tuple[Client, str]]:
    name = f"kube-{uuid.uuid4().hex[:8]}"
    place = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    async with connected(server) as transport:
        client = Client(transport, clock=SystemClock(), rng=random.Random(1))
        await client.create(NAMESPACES, place)
        try:
            yield client, name
        finally:
            await client.delete(NAMESPACES, ObjectKey("", name))


@asynccontextmanager
async def connected(server: str) -> AsyncIterator[Transport]:
    if server == "real":
        async with await connect(os.environ["KUBECONFIG"]) as transport:
            yield transport
    else:
        cluster = FakeCluster()
        cluster.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}})
        yield cluster


def configmap(ns: str, name: str, uid: str = OWNER_UID, **data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": ns, "ownerReferences": [owner(uid)]},
        "data": data,
    }


def owner(uid: str = OWNER_UID) -> dict[str, Any]:
    # An owner of a kind that does not exist: the garbage collector lets such objects be.
    return {
        "apiVersion": "absent.ome.io/v1",
        "kind": "Owner",
        "name": "o",
        "uid": uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def deployment(ns: str, name: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": ns, "ownerReferences": [owner()]},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "paused": True,
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {
                    "containers": [
                        {
                            "name": "main",
                            "image": "example.test/a:1",
                            "resources": {"limits": {"cpu": "1000m", "memory": "1024Mi"}},
                            "ports": [{"containerPort": 8080}],
                            "env": [{"name": "EMPTY", "value": ""}],
                        }
                    ],
                    "nodeSelector": {"never": "there"},
                    "hostNetwork": False,
                },
            },
            **spec,
        },
    }
