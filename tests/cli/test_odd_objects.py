"""No object that an API server takes gets anything but words out of OME.

Each property runs over worlds of a few objects with odd values in them. What a person is told of
them is tested where it is told; here nothing may panic, fail in a way of its own, or not end.
"""

from __future__ import annotations

import copy
import json
import random
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from ome.api import KINDS
from ome.cli import main
from ome.cli.assembly import Settings, operate
from ome.cli.plan import told_as
from ome.cli.render.cluster import read_all
from ome.cli.render.effects import effects
from ome.cli.render.plans import render
from ome.cli.render.room import Room
from ome.controllers import resources
from ome.kube import Client, Resource
from ome.kube.resources import DEPLOYMENTS
from ome.webhooks.admission import decode, encode
from ome.webhooks.documents import Documents
from ome.webhooks.judge import judge
from ome.webhooks.table import TABLE
from tests.support.fake_cluster import FakeCluster
from tests.support.odd_objects import CASES, NAMESPACE, OPERATOR, worlds
from tests.support.tiers import SLOW
from tests.support.virtual_time import VirtualClock, run_virtual

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

World = list[dict[str, Any]]
PLURALS = {"Pod": "pods", **{kind.KIND: kind.PLURAL for kind in KINDS}}
SERVED = [held for held in vars(resources).values() if isinstance(held, Resource)]
BUGS = {"reconcile.panic", "informer.fault", "informer.handler_failed", "index.failed"}
BUGS |= {"webhook.panic"}
pytestmark = pytest.mark.timeout(300)
odd = partial(
    settings,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def cluster_of(documents: Iterable[dict[str, Any]]) -> FakeCluster:
    cluster = FakeCluster(*SERVED, clock=VirtualClock())
    for resource in SERVED:
        if resource.group != "ome.io":
            cluster.install(resource)
    for name in ("default", NAMESPACE, OPERATOR):
        cluster.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    for document in documents:
        cluster.put(document)
    return cluster


async def reconcile(cluster: FakeCluster, edit: World) -> None:
    """Have the whole operator at work on a cluster, and on it again after an edit."""
    manager = partial(operate, cluster, Settings(OPERATOR), VirtualClock(), random.Random(1))
    async with anyio.create_task_group() as group:
        group.start_soon(partial(manager, signals=False))
        await anyio.sleep(30)
        for document in edit:
            cluster.put(document)
        await anyio.sleep(100)
        group.cancel_scope.cancel()


async def plan(cluster: FakeCluster, edit: World) -> None:
    """What ``ome plan`` does once it has a client."""
    client = Client(cluster, clock=VirtualClock(), rng=random.Random(1))
    wanted = [item for item in edit if item["apiVersion"].startswith("ome.io/")]
    held = await read_all(client, OPERATOR, wanted)
    after = [*held.documents, *held.edit]
    before = render(after, held.documents, held.settings, held.children)
    changed = render(after, after, held.settings, held.children)
    found = effects(before, changed, held.children, Room(held.nodes, held.pods))
    told_as(list(found), "table")


def pods_in(cluster: FakeCluster) -> Iterable[dict[str, Any]]:
    for workload in cluster.objects(DEPLOYMENTS):
        template = workload["spec"]["template"]
        metadata = {**template["metadata"], "namespace": NAMESPACE}
        yield {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


@odd(max_examples=300 if SLOW else 8)
@given(worlds(), st.sampled_from(CASES), st.booleans())
def test_reconciling_planning_and_pods(world: World, sound: World, first: bool) -> None:
    async def life() -> None:
        held, edit = (world, sound) if first else (sound, world)
        cluster = cluster_of(copy.deepcopy(held))
        await reconcile(cluster, copy.deepcopy(edit))
        await plan(cluster, world)
        lookup = Lookup([*held, *edit], namespace=NAMESPACE)
        for pod in pods_in(cluster):
            await review(pod, lookup)

    with capture_logs() as logs:
        run_virtual(life)
    assert [entry for entry in logs if entry["event"] in BUGS] == []


class Lookup(Documents):
    async def fetch(self) -> bool:
        return False


async def review(given: dict[str, Any], lookup: Lookup) -> None:
    """What each webhook of its kind says of an object, from bytes to bytes."""
    metadata = {"kind": {"kind": given["kind"]}, "object": given}
    metadata |= {name: given["metadata"].get(name, "") for name in ("name", "namespace")}
    for operation, old in (("CREATE", None), ("UPDATE", {**given, "spec": {}})):
        request = {"uid": "u", "operation": operation, "oldObject": old, **metadata}
        asked = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}
        body = decode(json.dumps(asked).encode())
        assert body.review is not None
        for entry in TABLE:
            if entry.resource == PLURALS.get(given["kind"]):
                encode(body, await judge(entry.route(), body, lookup, lambda: None))


@odd(max_examples=1000 if SLOW else 20)
@given(worlds(6))
def test_admission(world: World) -> None:
    async def every() -> None:
        lookup = Lookup(world, namespace=NAMESPACE)
        for document in world:
            await review(document, lookup)

    with capture_logs() as logs:
        anyio.run(every)
    assert [entry for entry in logs if entry["event"] in BUGS] == []


@odd(max_examples=300 if SLOW else 10)
@given(worlds(6))
def test_commands(tmp_path: Path, world: World) -> None:
    path = tmp_path / "world.json"
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": world}))
    names = [item["metadata"]["name"] for item in world if item["kind"] == "InferenceService"]
    at = ("-n", NAMESPACE)
    commands = [("validate", str(path)), ("render", "-f", str(path), *at)]
    commands += [("explain", "-f", str(path), *at, f"isvc/{name}") for name in names]
    for command in commands:
        with pytest.raises(SystemExit):
            main(command)
