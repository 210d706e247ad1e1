"""Answers that are none, and connections; texts measured on kube-apiserver v1.36.3."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from aiohttp import web

from ome.sandbox.refusal import Refused
from tests.sandbox.admission.support import Cluster, webhook, write
from tests.support.webhook_server import WebhookServer, denying, serve_webhook

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from ome.sandbox.admission import Webhooks

PREFIX = 'Internal error occurred: failed calling webhook "w.x.io": '
CALL = "failed to call webhook: "
INVALID = "received invalid webhook response: "
UID = "{uid}"


@pytest.fixture
async def server() -> AsyncIterator[WebhookServer]:
    async with serve_webhook("hooks.prod.svc") as server:
        yield server


async def refusal(webhooks: Webhooks, kind: str = "Validating") -> Refused:
    with pytest.raises(Refused) as caught:
        await (webhooks.validate if kind == "Validating" else webhooks.mutate)(write())
    return caught.value


async def failure(webhooks: Webhooks, kind: str = "Validating") -> str:
    """What is said after the fixed beginning of a call that failed."""
    refused = await refusal(webhooks, kind)
    assert (refused.code, refused.reason) == (500, "InternalError")
    assert refused.details == {"causes": [{"message": refused.message.partition(": ")[2]}]}
    assert refused.message.startswith(PREFIX)
    return refused.message.removeprefix(PREFIX)


@pytest.mark.parametrize(
    ("status", "code", "reason", "message"),
    [
        ({}, 400, "", " without explanation"),
        ({"message": "no way"}, 400, "", ": no way"),
        ({"message": "m", "code": 403, "reason": "Forbidden"}, 403, "Forbidden", ": m"),
        ({"reason": "Forbidden"}, 400, "Forbidden", ": Forbidden"),
        ({"message": "m", "code": 200, "status": "Success"}, 400, "", ": m"),
        ({"message": "m", "code": 999}, 999, "", ": m"),
        ({"code": 422}, 422, "", " without explanation"),
    ],
)
@pytest.mark.parametrize("policy", ["Fail", "Ignore"])
async def test_denials(
    server: WebhookServer,
    policy: str,
    status: dict[str, Any],
    code: int,
    reason: str,
    message: str,
) -> None:
    cluster = Cluster()
    entry = webhook("w.x.io", server.client("/w"), failurePolicy=policy)
    cluster.register("Validating", "c", entry)
    server.answers["/w"] = denying(**status)
    async with cluster.webhooks() as webhooks:
        refused = await refusal(webhooks)
    assert (refused.code, refused.reason) == (code, reason)
    assert refused.message == f'admission webhook "w.x.io" denied the request{message}'
    assert refused.details == {}


async def test_details_of_a_denial_are_passed_on(server: WebhookServer) -> None:
    cluster = Cluster()
    cluster.register("Validating", "c", webhook("w.x.io", server.client("/w")))
    details = {"causes": [{"field": "x", "message": "y", "reason": "FieldValueInvalid"}]}
    server.answers["/w"] = denying(message="m", code=422, reason="Invalid", details=details)
    async with cluster.webhooks() as webhooks:
        assert (await refusal(webhooks)).details == details


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (400, "the server rejected our request for an unknown reason"),
        (401, "the server has asked for the client to provide credentials"),
        (403, "bad"),
        (404, "the server could not find the requested resource"),
        (405, "the server does not allow this method on the requested resource"),
        (409, "the server reported a conflict"),
        (413, "the server responded with the status code 413 but did not return more information"),
        (422, "the server rejected our request due to an error in our request"),
        (
            429,
            "the server has received too many requests and has asked us to try again later",
        ),
        (500, 'an error on the server ("bad") has prevented the request from succeeding'),
        (502, 'an error on the server ("bad") has prevented the request from succeeding'),
        (503, "the server is currently unable to handle the request"),
        (
            504,
            "the server was unable to return a response in the time allotted, but may still be"
            " processing the request",
        ),
        (307, "the server responded with the status code 307 but did not return more information"),
    ],
)
async def test_statuses(server: WebhookServer, status: int, said: str) -> None:
    cluster = Cluster()
    cluster.register("Validating", "c", webhook("w.x.io", server.client("/w")))
    server.answers["/w"] = lambda _: web.Response(
        status=status, text="bad", headers={"Location": "/elsewhere"}
    )
    async with cluster.webhooks() as webhooks:
        assert await failure(webhooks) == CALL + said
    assert server.paths == ["/w"]


def review(**response: Any) -> Callable[[dict[str, Any]], web.Response]:
    return lambda request: web.json_response(
        {
            "apiVersion": "admission.k8s.io/v1",
            "kind": "AdmissionReview",
            "response": {"uid": request["uid"], "allowed": True, **response},
        }
    )


def raw(body: Any) -> Callable[[dict[str, Any]], web.Response]:
    def answer(request: dict[str, Any]) -> web.Response:
        return web.json_response(text=json.dumps(body).replace(UID, request["uid"]))

    return answer


@pytest.mark.parametrize(
    ("kind", "answer", "said"),
    [
        ("Validating", raw({}), "webhook response was absent"),
        (
            "Validating",
            raw({"response": {"uid": UID, "allowed": True}}),
            "expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got /, Kind=",
        ),
        (
            "Validating",
            review(patch="W10=", patchType="JSONPatch"),
            "validating webhook may not return response.patch",
        ),
        (
            "Validating",
            review(patchType="JSONPatch"),
            "validating webhook may not return response.patchType",
        ),
        (
            "Mutating",
            review(patch="W10="),
            "webhook returned response.patch but not response.patchType",
        ),
        (
            "Mutating",
            review(patchType="JSONPatch"),
            "webhook returned response.patchType but not response.patch",
        ),
        (
            "Mutating",
            review(patch="W10=", patchType=""),
            'webhook returned invalid response.patchType of ""',
        ),
    ],
)
async def test_invalid_answers(
    server: WebhookServer, kind: str, answer: Callable[[dict[str, Any]], Any], said: str
) -> None:
    cluster = Cluster()
    cluster.register(kind, "c", webhook("w.x.io", server.client("/w")))
    server.answers["/w"] = answer
    async with cluster.webhooks() as webhooks:
        assert await failure(webhooks, kind) == INVALID + said


async def test_the_uid_must_come_back(server: WebhookServer) -> None:
    cluster = Cluster()
    cluster.register("Validating", "c", webhook("w.x.io", server.client("/w")))
    server.answers["/w"] = review(uid="other")
    async with cluster.webhooks() as webhooks:
        said = await failure(webhooks)
    assert said == f'{INVALID}expected response.uid="{server.seen[0].request["uid"]}", got "other"'


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            lambda _: web.Response(content_type="application/json"),
            "0-length response with status code: 200 and content type: application/json",
        ),
        (lambda _: web.Response(text="hello"), "JSON is malformed"),
        (raw([]), "Expected `object`, got `array`"),
        (review(allowed="yes"), "Expected `bool`, got `str` - at `$.response.allowed`"),
        (review(patch="%%"), "Invalid base64 encoded string - at `$.response.patch`"),
        (
            lambda _: web.json_response({"kind": "Status", "message": "own"}, status=500),
            "own",
        ),
        (lambda _: web.Response(body=b" " * (3 * 2**20 + 1)), "answer larger than 3145728 bytes"),
    ],
)
async def test_unreadable_answers(
    server: WebhookServer, answer: Callable[[dict[str, Any]], Any], said: str
) -> None:
    cluster = Cluster()
    cluster.register("Mutating", "c", webhook("w.x.io", server.client("/w")))
    server.answers["/w"] = answer
    async with cluster.webhooks() as webhooks:
        assert (await failure(webhooks, "Mutating")).startswith(CALL + said)


@pytest.mark.parametrize(
    ("response", "said"),
    [
        ({"patch": "e30=", "patchType": "JSONPatch"}, "received undecodable patch in webhook"),
        ({"patch": "ew==", "patchType": "JSONPatch"}, "received undecodable patch in webhook"),
        ({"patch": "W3t9XQ==", "patchType": "Merge"}, 'unsupported patch type "Merge"'),
    ],
)
async def test_unusable_patches(server: WebhookServer, response: dict[str, Any], said: str) -> None:
    cluster = Cluster()
    cluster.register("Mutating", "c", webhook("w.x.io", server.client("/w")))
    server.answers["/w"] = review(**response)
    async with cluster.webhooks() as webhooks:
        assert (await failure(webhooks, "Mutating")).startswith(said)


@pytest.mark.parametrize("patch", ["W10=", "bnVsbA=="])
async def test_an_empty_patch_of_any_type_is_fine(server: WebhookServer, patch: str) -> None:
    cluster = Cluster()
    cluster.register("Mutating", "c", webhook("w.x.io", server.client("/w")))
    server.answers["/w"] = review(patch=patch, patchType="Merge")
    async with cluster.webhooks() as webhooks:
        assert (await webhooks.mutate(write()))[0] == write().object


async def never(_: dict[str, Any]) -> dict[str, Any]:
    await anyio.sleep(5)
    return {}


@pytest.mark.parametrize("policy", ["Fail", "Ignore"])
async def test_a_deadline(server: WebhookServer, policy: str) -> None:
    cluster = Cluster()
    client = server.client("/w")
    entry = webhook("w.x.io", client, failurePolicy=policy, timeoutSeconds=1)
    cluster.register("Validating", "c", entry)
    server.answers["/w"] = never
    async with cluster.webhooks() as webhooks:
        if policy == "Ignore":
            assert await webhooks.validate(write()) == []
        else:
            said = f'{CALL}Post "{client["url"]}?timeout=1s": context deadline exceeded'
            assert await failure(webhooks) == said


async def test_who_cannot_be_trusted_is_not_asked(server: WebhookServer) -> None:
    cluster = Cluster()
    client = {"url": server.client("/w")["url"]}
    cluster.register("Validating", "c", webhook("w.x.io", client))
    async with cluster.webhooks() as webhooks:
        assert await failure(webhooks) == (
            f'{CALL}Post "{client["url"]}?timeout=5s": tls: failed to verify certificate: x509:'
            " certificate signed by unknown authority"
        )
    assert server.paths == []


async def test_a_certificate_for_another_name(server: WebhookServer) -> None:
    cluster = Cluster()
    url = f"https://localhost:{server.port}/w"
    client = {"url": url, "caBundle": server.trust.bundle}
    cluster.register("Validating", "c", webhook("w.x.io", client))
    async with cluster.webhooks() as webhooks:
        said = await failure(webhooks)
    start = f'{CALL}Post "{url}?timeout=5s": tls: failed to verify certificate: x509: '
    assert said.startswith(start)


async def test_nobody_listens() -> None:
    cluster = Cluster()
    cluster.register("Validating", "c", webhook("w.x.io", {"url": "https://127.0.0.1:1/x"}))
    async with cluster.webhooks() as webhooks:
        assert await failure(webhooks) == (
            f'{CALL}Post "https://127.0.0.1:1/x?timeout=5s": dial tcp 127.0.0.1:1: connect:'
            " connection refused"
        )


async def test_a_bundle_that_is_no_certificate(server: WebhookServer) -> None:
    cluster = Cluster()
    client = {**server.client("/w"), "caBundle": "bm9uZQ=="}
    cluster.register("Validating", "c", webhook("w.x.io", client))
    async with cluster.webhooks() as webhooks:
        assert await failure(webhooks) == "unable to load root certificates from caBundle"


async def test_a_service_is_called_under_its_own_name(server: WebhookServer) -> None:
    cluster = Cluster()
    service = {"namespace": "prod", "name": "hooks", "path": "/w"}
    client = {"service": service, "caBundle": server.trust.bundle}
    cluster.register("Validating", "c", webhook("w.x.io", client))
    async with cluster.webhooks() as webhooks:
        assert await failure(webhooks) == (
            f'{CALL}Post "https://hooks.prod.svc:443/w?timeout=5s":'
            ' no endpoints available for service "hooks"'
        )
        cluster.services["prod", "hooks", 443] = f"https://127.0.0.1:{server.port}"
        assert await webhooks.validate(write()) == []
        other = {**client, "service": {**service, "name": "others"}}
        cluster.services["prod", "others", 443] = f"https://127.0.0.1:{server.port}"
        cluster.configurations.clear()
        cluster.register("Validating", "c", webhook("w.x.io", other))
        assert "failed to verify certificate" in await failure(webhooks)
    assert server.paths == ["/w"]
    assert server.seen[0].headers["Host"] == "hooks.prod.svc:443"


async def test_a_connection_is_used_again(server: WebhookServer) -> None:
    cluster = Cluster()
    cluster.register("Validating", "c", webhook("w.x.io", server.client("/w")))
    async with cluster.webhooks() as webhooks:
        for _ in range(5):
            await webhooks.validate(write())
    assert len({seen.connection for seen in server.seen}) == 1


async def test_a_kept_connection_that_was_closed_is_replaced(server: WebhookServer) -> None:
    cluster = Cluster()
    cluster.register("Validating", "c", webhook("w.x.io", server.client("/w")))
    calls: list[str] = []

    def closing_once(request: dict[str, Any]) -> Any:
        calls.append(request["uid"])
        if len(calls) == 2:
            server.connections[-1].abort()
        return {"allowed": True}

    server.answers["/w"] = closing_once
    async with cluster.webhooks() as webhooks:
        for _ in range(2):
            assert await webhooks.validate(write()) == []
    assert [calls.index(uid) for uid in calls] == [0, 1, 1]
