"""Validating webhooks: at once, all awaited; conditions, dry runs, warnings, exemptions."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from ome.kube.resource import Resource
from ome.sandbox.refusal import Refused
from ome.sandbox.schema.cel import CelError
from tests.sandbox.admission.support import Cluster, configmap, webhook, write
from tests.support.webhook_server import WebhookServer, denying, serve_webhook

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping


@pytest.fixture
async def server() -> AsyncIterator[WebhookServer]:
    async with serve_webhook() as server:
        yield server


async def test_called_at_once_and_the_first_in_order_is_reported(server: WebhookServer) -> None:
    async def slowly(_: dict[str, Any]) -> dict[str, Any]:
        await anyio.sleep(0.2)
        return {"allowed": False, "status": {"message": "slow", "code": 403}}

    cluster = Cluster()
    for name in "abc":
        cluster.register("Validating", name, webhook(f"{name}.x.io", server.client(f"/{name}")))
    server.answers |= {"/a": slowly, "/b": denying(message="quick"), "/c": slowly}
    started = time.monotonic()
    async with cluster.webhooks() as webhooks:
        with pytest.raises(Refused) as caught:
            await webhooks.validate(write())
    assert caught.value.message == 'admission webhook "a.x.io" denied the request: slow'
    assert caught.value.code == 403
    assert sorted(server.paths) == ["/a", "/b", "/c"]
    assert time.monotonic() - started < 0.39


async def test_mutating_ones_are_not_called(server: WebhookServer) -> None:
    cluster = Cluster()
    cluster.register("Mutating", "m", webhook("m", server.client("/m")))
    cluster.register("Validating", "v", webhook("v", server.client("/v")))
    async with cluster.webhooks() as webhooks:
        assert await webhooks.validate(write()) == []
    assert server.paths == ["/v"]


async def test_configurations_are_never_sent(server: WebhookServer) -> None:
    cluster = Cluster()
    cluster.register("Validating", "v", webhook("v", server.client("/v")))
    resource = Resource(
        "admissionregistration.k8s.io", "v1", "X", "validatingwebhookconfigurations", False
    )
    async with cluster.webhooks() as webhooks:
        assert await webhooks.validate(write(resource=resource, namespace="")) == []
    assert server.paths == []


async def test_a_changed_configuration_counts_at_once(server: WebhookServer) -> None:
    cluster = Cluster()
    async with cluster.webhooks() as webhooks:
        await webhooks.validate(write())
        cluster.register("Validating", "v", webhook("v", server.client("/one")))
        await webhooks.validate(write())
        cluster.configurations.clear()
        cluster.register("Validating", "v", webhook("v", server.client("/two")))
        await webhooks.validate(write())
    assert server.paths == ["/one", "/two"]


BROKEN = CelError("no such key: x")


async def called(server: WebhookServer, policy: str, one: Any, two: Any) -> bool:
    """Whether a webhook is called whose conditions have these values."""
    values = {"first": one, "second": two}
    cluster = Cluster()
    conditions = [{"name": name, "expression": name} for name in values]
    entry = webhook("v", server.client("/v"), matchConditions=conditions, failurePolicy=policy)
    cluster.register("Validating", "v", entry)

    def evaluate(expression: str, _: Mapping[str, Any]) -> Any:
        value = values[expression]
        if isinstance(value, CelError):
            raise value
        return value

    async with cluster.webhooks(evaluate) as webhooks:
        await webhooks.validate(write())
    return bool(server.paths)


@pytest.mark.parametrize(
    ("one", "two", "wanted"),
    [(True, True, True), (True, False, False), (BROKEN, False, False), (False, BROKEN, False)],
)
@pytest.mark.parametrize("policy", ["Fail", "Ignore"])
async def test_conditions_must_all_hold(
    server: WebhookServer, policy: str, one: Any, two: Any, wanted: bool
) -> None:
    assert await called(server, policy, one, two) is wanted


@pytest.mark.parametrize(
    ("two", "said"),
    [
        (True, "expression 'first' resulted in error: no such key: x"),
        (
            CelError("no such key: y"),
            "[expression 'first' resulted in error: no such key: x,"
            " expression 'second' resulted in error: no such key: y]",
        ),
    ],
)
async def test_a_condition_that_cannot_be_evaluated_follows_the_policy(
    server: WebhookServer, two: Any, said: str
) -> None:
    with pytest.raises(Refused) as caught:
        await called(server, "Fail", BROKEN, two)
    refused = caught.value
    assert (refused.code, refused.details) == (403, {"name": "c", "kind": "configmaps"})
    assert refused.message == f'configmaps "c" is forbidden: {said}'
    assert not await called(server, "Ignore", BROKEN, two)


async def test_what_conditions_may_look_at(server: WebhookServer) -> None:
    cluster = Cluster()
    conditions = [{"name": "any", "expression": "any"}]
    entry = webhook("v", server.client("/v"), matchConditions=conditions)
    cluster.register("Validating", "v", entry)
    looked_at: dict[str, Any] = {}

    def evaluate(_: str, variables: Mapping[str, Any]) -> bool:
        looked_at.update(variables)
        return True

    async with cluster.webhooks(evaluate) as webhooks:
        await webhooks.validate(write())
    assert looked_at["object"] == configmap(a="1")
    assert looked_at["oldObject"] is None
    request = dict(server.seen[0].request)
    for name in ("uid", "object", "oldObject"):
        del request[name]
    assert looked_at["request"] == request


@pytest.mark.parametrize(
    ("side_effects", "called"),
    [("None", True), ("NoneOnDryRun", True), ("Some", False), ("Unknown", False)],
)
async def test_a_dry_run_needs_webhooks_without_side_effects(
    server: WebhookServer, side_effects: str, called: bool
) -> None:
    cluster = Cluster()
    entry = webhook("v.x.io", server.client("/v"), sideEffects=side_effects)
    cluster.register("Validating", "v", {**entry, "failurePolicy": "Ignore"})
    async with cluster.webhooks() as webhooks:
        if called:
            await webhooks.validate(write(dry_run=True))
        else:
            with pytest.raises(Refused, match="does not support dry run") as caught:
                await webhooks.validate(write(dry_run=True))
            assert caught.value.code == 400
        assert len(server.seen) == called
        await webhooks.validate(write())
    assert len(server.seen) == called + 1


async def test_warnings_come_in_order_and_with_a_refusal_too(server: WebhookServer) -> None:
    cluster = Cluster()
    entries = [webhook(name, server.client(f"/{name}")) for name in "ab"]
    cluster.register("Validating", "v", *entries)
    server.answers["/a"] = lambda _: {"allowed": True, "warnings": ["one", "tw\no", 'th"ree']}
    server.answers["/b"] = lambda _: {"allowed": True, "warnings": ["one", "four"]}
    async with cluster.webhooks() as webhooks:
        assert await webhooks.validate(write()) == ["one", 'th"ree', "four"]
        server.answers["/b"] = lambda _: {"allowed": False, "warnings": ["four"]}
        with pytest.raises(Refused) as caught:
            await webhooks.validate(write())
    assert caught.value.headers == {"Warning": r'299 - "one", 299 - "th\"ree", 299 - "four"'}
