"""Against a real API server, through a Service: what users see, and that nobody sees a rotation.

All configurations are scoped to a namespace (or a label) of the test's own.
"""

from __future__ import annotations

import base64
import os
import random
import uuid
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from prometheus_client import CollectorRegistry

from ome.api import names
from ome.cli.webhooks import make_webhooks
from ome.clock import SystemClock
from ome.controllers import ControllerContext
from ome.controllers.resources import (
    BASE_MODELS,
    CLUSTER_BASE_MODELS,
    INFERENCE_SERVICES,
    SERVING_RUNTIMES,
)
from ome.errors import ApiError, NotFound, TransportError
from ome.informers.registry import Informers
from ome.kube import Applier, Client, EventRecorder
from ome.kube.http import connect
from ome.kube.resource import ObjectKey
from ome.kube.resources import (
    ENDPOINT_SLICES,
    MUTATING_WEBHOOKS,
    NAMESPACES,
    PODS,
    SECRETS,
    SERVICES,
    VALIDATING_WEBHOOKS,
)
from ome.webhooks.certificates.authority import (
    AUTHORITY_LIFE,
    PUBLISH,
    Material,
    advance,
    next_step,
)
from ome.webhooks.serving import WebhookSettings, service_hosts
from ome.webhooks.table import client_config, configurations
from tests import cluster
from tests.e2e.harness import HERE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from ome.kube.transport import Transport
    from ome.webhooks.serving import Webhooks

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]


class Place:
    """A namespace, a model and the configurations of one test."""

    def __init__(self, administrator: Transport, manager: Transport) -> None:
        self.client = _client(administrator)
        self._manager = manager
        self.name = f"wh-{uuid.uuid4().hex[:8]}"
        self.secret = ObjectKey(self.name, names.WEBHOOK_SECRET)

    async def prepare(self) -> None:
        await self.client.create(NAMESPACES, {"metadata": {"name": self.name}, **_of(NAMESPACES)})
        await self.client.create(
            SERVICES,
            {
                **_of(SERVICES),
                "metadata": {"name": names.WEBHOOK_SERVICE, "namespace": self.name},
                "spec": {"ports": [{"name": "https", "port": 443}]},
            },
        )
        await self.client.create(
            CLUSTER_BASE_MODELS,
            {
                **_of(CLUSTER_BASE_MODELS),
                "metadata": {"name": self.name},
                "spec": {"storage": {"storageUri": "hf://example/live"}},
            },
        )

    async def register(self, *, versions: tuple[str, ...] = ("v1", "v1beta1")) -> None:
        """Send reviews of this namespace to our Service."""
        scope = {"matchLabels": {"kubernetes.io/metadata.name": self.name}}
        made = configurations(client_config(self.name), prefix=f"{self.name}.", namespaces=scope)
        for document in made:
            for webhook in document["webhooks"]:
                webhook["admissionReviewVersions"] = list(versions)
                if webhook["rules"][0]["resources"] == ["clusterservingruntimes"]:
                    webhook["objectSelector"] = {"matchLabels": {"webhook-test": self.name}}
            await self.client.create(_resource(document), document)

    async def clean(self) -> None:
        for resource in (MUTATING_WEBHOOKS, VALIDATING_WEBHOOKS):
            for document in await self.client.list(resource):
                if document["metadata"]["name"].startswith(f"{self.name}."):
                    await self.client.delete(resource, ObjectKey("", document["metadata"]["name"]))
        for resource in (CLUSTER_BASE_MODELS, NAMESPACES):
            try:
                await self.client.delete(resource, ObjectKey("", self.name))
            except NotFound:
                continue

    def service(self, name: str, **spec: Any) -> dict[str, Any]:
        return {
            **_of(INFERENCE_SERVICES),
            "metadata": {"name": name, "namespace": self.name},
            "spec": {
                "model": {"name": self.name},
                "engine": {"runner": {"name": "ome-container", "image": "example.test/server:1"}},
                **spec,
            },
        }

    @asynccontextmanager
    async def replica(self) -> AsyncIterator[Webhooks]:
        """A replica that is ready and has its place in the Service; it leaves as pods do."""
        client, clock, rng = _client(self._manager), SystemClock(), random.Random()
        informers = Informers(client, clock, rng)
        context = ControllerContext(
            client,
            informers,
            Applier(client, names.FIELD_MANAGER, names.ANNOTATION_APPLIED_HASH),
            EventRecorder(client, names.EVENT_COMPONENT, clock),
            clock,
            rng,
            self.name,
        )
        address = place_address()
        settings = WebhookSettings(self.name, 0, host=address, prefix=f"{self.name}.", linger=2)
        webhooks = make_webhooks(context, settings, CollectorRegistry())
        async with anyio.create_task_group() as group:
            await group.start(informers.run)
            async with anyio.create_task_group() as serving:
                serving.start_soon(webhooks.run)
                await until(lambda: webhooks.problem() is None)
                slice_ = await self.join(address, webhooks.port)
                yield webhooks
                with anyio.CancelScope(shield=True):
                    await self.client.delete(ENDPOINT_SLICES, slice_)
                serving.cancel_scope.cancel()
            group.cancel_scope.cancel()

    async def join(self, address: str, port: int) -> ObjectKey:
        """Have the Service lead there as well."""
        key = ObjectKey(self.name, f"replica-{port}")
        labels = {"kubernetes.io/service-name": names.WEBHOOK_SERVICE}
        await self.client.create(
            ENDPOINT_SLICES,
            {
                **_of(ENDPOINT_SLICES),
                "metadata": {"name": key.name, "namespace": self.name, "labels": labels},
                "addressType": "IPv4",
                "ports": [{"name": "https", "port": port}],
                "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
            },
        )
        return key


def place_address() -> str:
    """Where webhooks listen: a real server refuses the loopback in an EndpointSlice."""
    return os.environ["OME_CONTROL_PLANE_ADDRESS"] if cluster.is_real() else "127.0.0.1"


def _client(transport: Transport) -> Client:
    return Client(transport, clock=SystemClock(), rng=random.Random())


def _of(resource: Any) -> dict[str, Any]:
    return {"apiVersion": resource.api_version, "kind": resource.kind}


def _resource(document: dict[str, Any]) -> Any:
    mutating = document["kind"] == MUTATING_WEBHOOKS.kind
    return MUTATING_WEBHOOKS if mutating else VALIDATING_WEBHOOKS


@asynccontextmanager
async def a_place() -> AsyncIterator[Place]:
    # Replicas may do what the manager's own user may, and no more.
    cluster.apply((HERE / "rbac.yaml").read_text())
    user = cluster.user_kubeconfig()
    async with await connect(None) as administrator, await connect(user) as manager:
        place = Place(administrator, manager)
        try:
            await place.prepare()
            yield place
        finally:
            with anyio.CancelScope(shield=True):
                await place.clean()


async def until(holds: Callable[[], bool]) -> None:
    with anyio.fail_after(90):
        while True:
            if holds():
                return
            await anyio.sleep(0.1)


async def reaching(place: Place) -> None:
    """Wait until the API server sends reviews: it learns of configurations and Services late."""
    bad = place.service("Bad", model={"name": "no-such-model"})
    bad["metadata"]["name"] = "probe"
    with anyio.fail_after(90):
        while True:
            try:
                await place.client.create(INFERENCE_SERVICES, bad, dry_run=True)
            except ApiError as error:
                if "denied the request" in str(error):
                    return
            await anyio.sleep(0.2)


@pytest.mark.parametrize("versions", [("v1", "v1beta1"), ("v1beta1",)])
async def test_what_users_see(versions: tuple[str, ...]) -> None:
    async with a_place() as place:
        early = place.service("early", model={"name": "none"}, engine={})
        await place.client.create(INFERENCE_SERVICES, early)
        await place.register(versions=versions)
        async with place.replica():
            await reaching(place)
            await a_label_is_no_edit(place)
            with pytest.raises(ApiError) as caught:
                await place.client.create(
                    INFERENCE_SERVICES, place.service("chat", model={"name": "none"})
                )
            assert caught.value.status == 403
            assert "inferenceservice.ome-webhook-server.validator" in str(caught.value)
            assert 'referenced model "none" not found' in str(caught.value)
            made = await place.client.create(INFERENCE_SERVICES, place.service("chat"))
            assert made["spec"]["engine"]["minReplicas"] == 1
            assert made["spec"]["engine"]["maxReplicas"] == 3
            assert made["metadata"]["annotations"]["ome.io/deploymentMode"] == "RawDeployment"
            await pods_are_mutated(place)
            await files_of_one_folder_are_taken(place)
            await a_deletion_is_never_blocked(place)


async def a_label_is_no_edit(place: Place) -> None:
    """A service that was stored before there was a webhook."""
    key = ObjectKey(place.name, "early")
    labelled = {"metadata": {"labels": {"team": "a"}}}
    found = await place.client.merge_patch(INFERENCE_SERVICES, key, labelled)
    assert found["spec"]["engine"] == {}
    with pytest.raises(ApiError, match='referenced model "none" not found'):
        await place.client.merge_patch(
            INFERENCE_SERVICES, key, {"spec": {"engine": {"maxReplicas": 4}}}
        )


async def pods_are_mutated(place: Place) -> None:
    containers = [{"name": "ome-container", "image": "example.test/server:1"}]
    for name, labels, changed in (
        ("ours", {names.LABEL_INFERENCE_SERVICE: "chat"}, True),
        ("theirs", {"app": "web"}, False),
    ):
        sent = {
            **_of(PODS),
            "metadata": {
                "name": name,
                "namespace": place.name,
                "labels": labels,
                "annotations": {names.ANNOTATION_RDMA_AUTO_INJECT: "true"},
            },
            "spec": {"containers": containers},
        }
        pod = await place.client.create(PODS, sent, dry_run=True)
        variables = pod["spec"]["containers"][0].get("env") or []
        assert len(variables) == (21 if changed else 0)
        assert (names.ANNOTATION_METRIC_AGGREGATION in pod["metadata"]["annotations"]) is changed
        mounts = [item["name"] for item in pod["spec"]["containers"][0].get("volumeMounts") or ()]
        assert mounts.count("dshm") == (1 if changed else 0)


async def files_of_one_folder_are_taken(place: Place) -> None:
    """Model, runtime and service one right after the other, before a watch has told of them."""
    for number in range(10):
        name = f"folder-{number}"
        format_ = {
            "modelFormat": {"name": "safetensors"},
            "modelFramework": {"name": "transformers"},
            "modelArchitecture": f"{place.name}-{number}",
        }
        metadata = {"name": name, "namespace": place.name}
        storage = {"storageUri": "hf://example/folder"}
        entry = {**format_, "autoSelect": True}
        for resource, spec in (
            (BASE_MODELS, {**format_, "storage": storage}),
            (SERVING_RUNTIMES, {"supportedModelFormats": [entry]}),
            (INFERENCE_SERVICES, {"model": {"name": name}, "engine": {}}),
        ):
            body = {**_of(resource), "metadata": metadata, "spec": spec}
            rehearsed = resource is INFERENCE_SERVICES  # nobody is there to release it
            await place.client.create(resource, body, dry_run=rehearsed)


async def a_deletion_is_never_blocked(place: Place) -> None:
    """The service's model goes first; its finalizer can still be put on and taken off."""
    key = ObjectKey(place.name, "chat")
    await place.client.merge_patch(
        INFERENCE_SERVICES, key, {"metadata": {"finalizers": ["example.test/hold"]}}
    )
    await place.client.delete(CLUSTER_BASE_MODELS, ObjectKey("", place.name))
    await anyio.sleep(0.5)
    await place.client.delete(INFERENCE_SERVICES, key)
    await place.client.merge_patch(INFERENCE_SERVICES, key, {"metadata": {"finalizers": None}})
    with pytest.raises(NotFound):
        await place.client.get(INFERENCE_SERVICES, key)


def aged(hosts: tuple[str, ...], remaining: timedelta) -> Material:
    """A material whose second authority will sign in ``remaining``."""
    joins = datetime.now(UTC) - PUBLISH + remaining
    # Its first authority is due a few minutes before; nobody looks until ``joins``.
    now = joins - AUTHORITY_LIFE * (2 / 3) - timedelta(minutes=10)
    material = advance(None, hosts, now)
    while (step := next_step(material, hosts)) < joins - timedelta(hours=1):
        material = advance(material, hosts, step)
    return advance(material, hosts, joins)


@pytest.mark.slow
async def test_nobody_sees_a_rotation_or_a_rolling_restart() -> None:
    async with a_place() as place:
        material = aged(service_hosts(place.name), timedelta(seconds=20))
        assert len(material.authorities) == 2
        await put_secret(place, material)
        await place.register()
        failures: list[str] = []
        created = 0

        async def create() -> None:
            nonlocal created
            while True:
                body = place.service(f"load-{created}")
                try:
                    await place.client.create(INFERENCE_SERVICES, body, dry_run=True)
                except (ApiError, TransportError) as error:
                    failures.append(str(error))
                created += 1
                await anyio.sleep(0.05)

        async with place.replica() as first, place.replica() as second:
            await reaching(place)
            assert first.certificates.chain == second.certificates.chain == material.chain
            async with anyio.create_task_group() as load:
                load.start_soon(create)
                both = (first.certificates, second.certificates)
                await until(lambda: all(each.chain != material.chain for each in both))
                assert first.certificates.chain == second.certificates.chain
                before = created
                for _ in range(2):  # one replica after the other comes and goes
                    async with place.replica():
                        await anyio.sleep(2)
                # As many as a busy machine takes its time for.
                await until(lambda: created > max(before + 20, 100))
                load.cancel_scope.cancel()
        assert failures == []


async def put_secret(place: Place, material: Material) -> None:
    texts = {
        "tls.crt": material.chain,
        "tls.key": material.leaf_key,
        "ca.crt": material.bundle,
        "ca.key": material.authority_key,
    }
    await place.client.create(
        SECRETS,
        {
            **_of(SECRETS),
            "type": "kubernetes.io/tls",
            "metadata": {"name": place.secret.name, "namespace": place.secret.namespace},
            "data": {name: base64.b64encode(text).decode() for name, text in texts.items()},
        },
    )
