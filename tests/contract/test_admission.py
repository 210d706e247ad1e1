"""Admission webhooks: whom the server asks, in which order, and what it makes of the answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest
from aiohttp import web

from tests.contract.harness import CONFIGMAPS, MERGE_PATCH, Answer, Api, configmap
from tests.support.webhook_server import WebhookServer, denying, patching, serve_webhook

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

pytestmark = pytest.mark.cluster

CONFIGURATIONS = "/apis/admissionregistration.k8s.io/v1/{kind}webhookconfigurations"
SECRETS = "/api/v1/namespaces/{ns}/secrets"


def rule(*resources: str) -> dict[str, Any]:
    return {
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "operations": ["CREATE", "UPDATE", "DELETE"],
        "resources": list(resources),
    }


class Hooks:
    """A webhook server and its configurations, which concern only the test's namespace."""

    def __init__(self, api: Api, server: WebhookServer) -> None:
        self.api = api
        self.server = server
        self.registered: list[str] = []

    @property
    def paths(self) -> list[str]:
        return self.server.paths

    def entry(self, name: str, **more: Any) -> dict[str, Any]:
        """The webhook ``<name>.contract.ome.io``, at ``/<name>``, for ConfigMaps."""
        return {
            "name": f"{name}.contract.ome.io",
            "clientConfig": self.server.client(f"/{name}"),
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "timeoutSeconds": 5,
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": self.api.ns}},
            "rules": [rule("configmaps")],
            **more,
        }

    async def create(self, kind: str, *entries: Mapping[str, Any]) -> Answer:
        name = f"{self.api.ns}-{len(self.registered)}"
        path = CONFIGURATIONS.format(kind=kind.lower())
        body = {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": f"{kind}WebhookConfiguration",
            "metadata": {"name": name},
            "webhooks": list(entries),
        }
        answer = await self.api.create(path, body)
        if answer.status == 201:
            self.registered.append(f"{path}/{name}")
        return answer

    async def register(self, kind: str, *entries: Mapping[str, Any]) -> None:
        """Create a configuration and wait until the server follows it.

        Its first webhook asks for Secrets only, so that a test's own are not called meanwhile.
        """
        probe = self.entry(f"probe{len(self.registered)}", rules=[rule("secrets")])
        created = await self.create(kind, probe, *entries)
        assert created.status == 201, created
        path = probe["clientConfig"]["url"].rpartition("/")[2]
        with anyio.fail_after(15):
            while f"/{path}" not in self.paths:
                await self.api.create(SECRETS, {"metadata": {"name": "probe"}}, dryRun="All")
                await anyio.sleep(0.05)
        self.server.seen.clear()


@pytest.fixture
async def hooks(api: Api) -> AsyncIterator[Hooks]:
    async with serve_webhook() as server:
        hooks = Hooks(api, server)
        yield hooks
        for path in hooks.registered:
            await api.delete(path)


def appending(text: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """An answer that adds to ``data.a``."""

    def answer(request: dict[str, Any]) -> dict[str, Any]:
        value = request["object"]["data"]["a"] + text
        return patching({"op": "replace", "path": "/data/a", "value": value})(request)

    return answer


async def test_validating_webhooks_see_what_mutating_ones_made(hooks: Hooks) -> None:
    await hooks.register("Validating", hooks.entry("check"))
    await hooks.register("Mutating", hooks.entry("one"), hooks.entry("two"))
    hooks.server.answers |= {"/one": appending("1"), "/two": appending("2")}
    made = await hooks.api.create(CONFIGMAPS, configmap("c", a="0"))
    assert (made.status, made.body["data"]) == (201, {"a": "012"})
    assert hooks.paths == ["/one", "/two", "/check"]
    assert hooks.server.seen[-1].request["object"]["data"] == {"a": "012"}
    assert (await hooks.api.get(CONFIGMAPS + "/c")).body["data"] == {"a": "012"}


async def test_what_a_webhook_is_told(hooks: Hooks) -> None:
    await hooks.register("Validating", hooks.entry("check", timeoutSeconds=7))
    written = await hooks.api.create(CONFIGMAPS, configmap("c", a="1"), fieldManager="me")
    await hooks.api.cached(CONFIGMAPS + "/c", written)
    written = await hooks.api.patch(CONFIGMAPS + "/c", {"data": {"a": "2"}}, MERGE_PATCH)
    await hooks.api.cached(CONFIGMAPS + "/c", written)
    await hooks.api.delete(CONFIGMAPS + "/c")
    made, changed, deleted = (seen.request for seen in hooks.server.seen)
    assert dict(hooks.server.seen[0].query) == {"timeout": "7s"}
    assert hooks.server.seen[0].review["apiVersion"] == "admission.k8s.io/v1"
    assert (
        made["kind"] == made["requestKind"] == {"group": "", "version": "v1", "kind": "ConfigMap"}
    )
    assert made["resource"] == {"group": "", "version": "v1", "resource": "configmaps"}
    assert (made["name"], made["namespace"]) == ("c", hooks.api.ns)
    assert [r["operation"] for r in (made, changed, deleted)] == ["CREATE", "UPDATE", "DELETE"]
    assert [r["options"]["kind"] for r in (made, changed, deleted)] == [
        "CreateOptions",
        "UpdateOptions",
        "DeleteOptions",
    ]
    assert made["options"]["fieldManager"] == "me"
    assert made["oldObject"] is None
    assert made["dryRun"] is False
    assert changed["oldObject"]["data"] == {"a": "1"}
    assert changed["object"]["data"] == {"a": "2"}
    assert deleted["object"] is None
    assert deleted["oldObject"]["data"] == {"a": "2"}


async def test_called_again_when_a_later_webhook_changed_the_object(hooks: Hooks) -> None:
    again = {"reinvocationPolicy": "IfNeeded"}
    await hooks.register(
        "Mutating",
        hooks.entry("one", **again),
        hooks.entry("two"),
        hooks.entry("three", **again),
        hooks.entry("four", **again),
    )
    hooks.server.answers["/three"] = appending("3")
    made = await hooks.api.create(CONFIGMAPS, configmap("c", a="0"))
    assert made.body["data"] == {"a": "03"}
    assert hooks.paths == ["/one", "/two", "/three", "/four", "/one"]


@pytest.mark.parametrize("kind", ["Mutating", "Validating"])
@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            lambda _: web.Response(status=500, text="boom"),
            'failed to call webhook: an error on the server ("boom") has prevented the request'
            " from succeeding",
        ),
        (
            lambda _: web.Response(status=404),
            "failed to call webhook: the server could not find the requested resource",
        ),
        (
            lambda _: web.json_response({}),
            "received invalid webhook response: webhook response was absent",
        ),
    ],
)
async def test_a_failure_follows_the_policy(
    hooks: Hooks, kind: str, answer: Callable[[Any], Any], said: str
) -> None:
    strict = {"objectSelector": {"matchLabels": {"strict": "yes"}}}
    await hooks.register(
        kind,
        hooks.entry("ignored", failurePolicy="Ignore"),
        hooks.entry("strict", failurePolicy="Fail", **strict),
    )
    hooks.server.answers |= {"/ignored": answer, "/strict": answer}
    assert (await hooks.api.create(CONFIGMAPS, configmap("fine"))).status == 201
    refused = await hooks.api.create(CONFIGMAPS, configmap("c", {"strict": "yes"}))
    message = f'failed calling webhook "strict.contract.ome.io": {said}'
    assert (refused.status, refused.reason) == (500, "InternalError")
    assert refused.message == f"Internal error occurred: {message}"
    assert refused.body["details"] == {"causes": [{"message": message}]}


async def test_a_webhook_that_is_late_has_failed(hooks: Hooks) -> None:
    async def late(_: dict[str, Any]) -> dict[str, Any]:
        await anyio.sleep(5)
        return {}

    entry = hooks.entry("late", timeoutSeconds=1, failurePolicy="Fail")
    await hooks.register("Validating", entry)
    hooks.server.answers["/late"] = late
    refused = await hooks.api.create(CONFIGMAPS, configmap("c"))
    assert refused.message == (
        'Internal error occurred: failed calling webhook "late.contract.ome.io": failed to call'
        f' webhook: Post "{entry["clientConfig"]["url"]}?timeout=1s": context deadline exceeded'
    )


async def test_nobody_listens_and_nobody_is_trusted(hooks: Hooks) -> None:
    def asked(name: str, url: str) -> dict[str, Any]:
        labelled = {"matchLabels": {"ask": name}}
        return hooks.entry(name, clientConfig={"url": url}, objectSelector=labelled)

    await hooks.register(
        "Validating",
        asked("absent", "https://127.0.0.1:1/x"),
        asked("stranger", hooks.server.client("/x")["url"]),
    )
    refused = await hooks.api.create(CONFIGMAPS, configmap("c", {"ask": "absent"}))
    assert refused.message.endswith("dial tcp 127.0.0.1:1: connect: connection refused")
    refused = await hooks.api.create(CONFIGMAPS, configmap("c", {"ask": "stranger"}))
    assert refused.message.endswith("x509: certificate signed by unknown authority")
    assert hooks.paths == []


@pytest.mark.parametrize(
    ("status", "code", "reason", "message"),
    [
        ({}, 400, "", " without explanation"),
        ({"message": "no way"}, 400, "", ": no way"),
        ({"message": "m", "code": 403, "reason": "Forbidden"}, 403, "Forbidden", ": m"),
        ({"reason": "Conflict", "code": 409}, 409, "Conflict", ": Conflict"),
        ({"message": "m", "code": 200}, 400, "", ": m"),
    ],
)
async def test_denials(
    hooks: Hooks, status: dict[str, Any], code: int, reason: str, message: str
) -> None:
    await hooks.register("Validating", hooks.entry("check", failurePolicy="Ignore"))
    hooks.server.answers["/check"] = denying(**status)
    refused = await hooks.api.create(CONFIGMAPS, configmap("c"))
    assert (refused.status, refused.reason) == (code, reason)
    assert refused.body["code"] == code
    denied = 'admission webhook "check.contract.ome.io" denied the request'
    assert refused.message == denied + message
    assert (await hooks.api.get(CONFIGMAPS + "/c")).status == 404


async def test_a_patch_that_does_not_apply_is_an_error_despite_ignore(hooks: Hooks) -> None:
    await hooks.register("Mutating", hooks.entry("patch", failurePolicy="Ignore"))
    hooks.server.answers["/patch"] = patching({"op": "add", "path": "/x/y", "value": 1})
    refused = await hooks.api.create(CONFIGMAPS, configmap("c"))
    assert (refused.status, refused.reason) == (500, "InternalError")
    assert refused.message.startswith("Internal error occurred: ")


async def test_conditions(hooks: Hooks) -> None:
    def entry(name: str, *expressions: str, policy: str = "Fail") -> dict[str, Any]:
        conditions = [{"name": f"c{n}", "expression": e} for n, e in enumerate(expressions)]
        return hooks.entry(name, matchConditions=conditions, failurePolicy=policy)

    await hooks.register(
        "Validating",
        entry("yes", "object.metadata.name.startsWith('c')", "request.operation == 'CREATE'"),
        entry("no", "oldObject != null", "object.absent == 1"),
        entry("broken", "object.absent == 1", policy="Ignore"),
        entry("groups", "'system:authenticated' in request.userInfo.groups"),
    )
    assert (await hooks.api.create(CONFIGMAPS, configmap("c"))).status == 201
    assert sorted(hooks.paths) == ["/groups", "/yes"]


async def test_a_condition_that_cannot_be_evaluated_forbids(hooks: Hooks) -> None:
    condition = {"name": "broken", "expression": "object.absent == 1"}
    await hooks.register("Validating", hooks.entry("check", matchConditions=[condition]))
    refused = await hooks.api.create(CONFIGMAPS, configmap("c"))
    assert (refused.status, refused.reason) == (403, "Forbidden")
    assert refused.message == (
        "configmaps \"c\" is forbidden: expression 'object.absent == 1' resulted in error:"
        " no such key: absent"
    )
    assert hooks.paths == []


async def test_an_object_selector_looks_at_both_states(hooks: Hooks) -> None:
    selector = {"matchLabels": {"watched": "yes"}}
    await hooks.register("Validating", hooks.entry("check", objectSelector=selector))
    labelled = [{"watched": "no"}, {"watched": "yes"}, {"watched": "no"}, {"watched": "never"}]
    counts = []
    for number, labels in enumerate(labelled):
        if number == 0:
            written = await hooks.api.create(CONFIGMAPS, configmap("c", labels))
        else:
            written = await hooks.api.put(CONFIGMAPS + "/c", configmap("c", labels))
        await hooks.api.cached(CONFIGMAPS + "/c", written)
        counts.append(len(hooks.paths))
    assert counts == [0, 1, 2, 2]


async def test_dry_runs(hooks: Hooks) -> None:
    refused = await hooks.create("Validating", hooks.entry("some", sideEffects="Some"))
    assert refused.status == 422
    assert "webhooks[0].sideEffects: Unsupported value" in refused.message
    await hooks.register("Validating", hooks.entry("check", sideEffects="NoneOnDryRun"))
    assert (await hooks.api.create(CONFIGMAPS, configmap("c"), dryRun="All")).status == 201
    assert hooks.server.seen[0].request["dryRun"] is True
    assert hooks.server.seen[0].request["options"]["dryRun"] == ["All"]
    hooks.server.answers["/check"] = denying(message="not even dry")
    assert (await hooks.api.create(CONFIGMAPS, configmap("c"), dryRun="All")).status == 400


async def test_warnings_reach_the_client(hooks: Hooks) -> None:
    await hooks.register("Mutating", hooks.entry("first"))
    await hooks.register("Validating", hooks.entry("second"))
    hooks.server.answers["/first"] = lambda _: {"allowed": True, "warnings": ["one", "tw\no"]}
    hooks.server.answers["/second"] = lambda _: {"allowed": True, "warnings": ["one", 'thr"ee']}
    made = await hooks.api.create(CONFIGMAPS, configmap("c"))
    assert made.warnings == ('299 - "one"', '299 - "thr\\"ee"')
    hooks.server.answers["/second"] = lambda _: {"allowed": False, "warnings": ["denied"]}
    refused = await hooks.api.create(CONFIGMAPS, configmap("d"))
    assert ", ".join(refused.warnings) == '299 - "one", 299 - "denied"'


async def test_configurations_themselves_are_not_sent(hooks: Hooks) -> None:
    everything = {**rule("*/*"), "apiGroups": ["admissionregistration.k8s.io"]}
    labelled = {"matchLabels": {"asked": hooks.api.ns}}
    entry = hooks.entry("all", rules=[everything], objectSelector=labelled, namespaceSelector={})
    await hooks.register("Validating", entry)
    body = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": hooks.api.ns, "labels": labelled["matchLabels"]},
    }
    path = CONFIGURATIONS.format(kind="mutating")
    assert (await hooks.api.create(path, body, dryRun="All")).status == 201
    assert hooks.paths == []
