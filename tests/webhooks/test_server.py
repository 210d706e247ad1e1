"""The server over HTTP: whatever is sent, the answer is well formed or a 4xx."""

from __future__ import annotations

import base64
import io
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from ome.clock import SystemClock
from ome.webhooks import pod as pods
from ome.webhooks.judge import Route
from ome.webhooks.metrics import WebhookMetrics
from ome.webhooks.registry import Review, Verdict
from ome.webhooks.server import BODY_LIMIT, webhook_app
from tests.support.tiers import examples
from tests.webhooks.support import SETTINGS, PlainLookup, pod, weight

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ome.webhooks.registry import Lookup

POD = "/mutate-pods"
OTHER = "/validate-other"
JSON = {"Content-Type": "application/json"}


class Reading(PlainLookup):
    def __init__(self) -> None:
        super().__init__(SETTINGS, {"tuned": weight()})
        self.slow = 0.0

    async def fetch(self) -> bool:
        await anyio.sleep(self.slow)
        return False


def careless(review: Review, lookup: Lookup) -> Verdict:
    """A validator that trusts what it is given, as none should."""
    assert review.object is not None
    return Verdict(warnings=(str(review.object["spec"]["model"]["name"]),))


@asynccontextmanager
async def serving(
    reading: Reading | None = None, draining: bool = False
) -> AsyncIterator[tuple[TestClient[Any, Any], CollectorRegistry]]:
    registry = CollectorRegistry()
    routes = [Route(POD, default=pods.default), Route(OTHER, validate=careless, passed="Passed")]
    lookup = reading or Reading()
    app = webhook_app(
        routes, lambda: lookup, WebhookMetrics(registry), SystemClock(), lambda: draining
    )
    async with TestClient(TestServer(app)) as client:
        yield client, registry


def body(obj: Any, version: str = "v1", **request: Any) -> dict[str, Any]:
    return {
        "apiVersion": f"admission.k8s.io/{version}",
        "kind": "AdmissionReview",
        "request": {
            "uid": "u-1",
            "kind": {"group": "", "version": "v1", "kind": "Pod"},
            "operation": "CREATE",
            "namespace": "team",
            "userInfo": {"username": "someone"},
            "object": obj,
            "oldObject": None,
            "options": {"kind": "CreateOptions"},
            **request,
        },
    }


def check(answer: dict[str, Any], version: str = "v1") -> dict[str, Any]:
    """The response of a well-formed answer."""
    assert answer["apiVersion"] == f"admission.k8s.io/{version}"
    assert answer["kind"] == "AdmissionReview"
    response: dict[str, Any] = answer["response"]
    assert response["uid"] == "u-1"
    assert response["allowed"] is (response["status"]["code"] == 200)
    assert ("patch" in response) == ("patchType" in response)
    assert "Traceback" not in json.dumps(answer)
    return response


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
async def test_the_answer_is_of_the_version_that_was_asked(version: str) -> None:
    async with serving() as (client, _):
        sent = await client.post(POD, json=body(pod(), version))
        response = check(await sent.json(), version)
    patch = json.loads(base64.b64decode(response["patch"]))
    assert {"op": "add", "path": "/metadata/namespace", "value": "team"} in patch
    assert response["patchType"] == "JSONPatch"


async def test_an_answer_that_allows_may_say_so() -> None:
    async with serving() as (client, _):
        named = {"spec": {"model": {"name": "llama"}}}
        response = check(await (await client.post(OTHER, json=body(named))).json())
    assert response["status"] == {"code": 200, "message": "Passed"}
    assert response["warnings"] == ["llama"]


async def test_a_refusal_has_code_message_and_no_patch() -> None:
    async with serving() as (client, _):
        sent = await client.post(POD, json=body(pod({"ome.io/inject-fine-tuned-adapter": "no"})))
        response = check(await sent.json())
    assert response["status"]["code"] == 500
    assert "No FineTunedWeight with the name: no" in response["status"]["message"]
    assert "patch" not in response


async def test_a_panic_is_contained_and_counted() -> None:
    async with serving() as (client, registry):
        response = check(await (await client.post(OTHER, json=body({"spec": 1}))).json())
        assert check(await (await client.post(POD, json=body(pod()))).json())["allowed"]
    assert response["status"]["message"].startswith("panic: ")
    assert registry.get_sample_value("controller_runtime_webhook_panics_total") == 1


async def test_the_series_are_controller_runtimes() -> None:
    async with serving() as (client, registry):
        await client.post(POD, json=body(pod()))
        await client.post(POD, data=b"{", headers=JSON)
    prefix = "controller_runtime_webhook_"
    for code, count in (("200", 1), ("400", 1)):
        labels = {"webhook": POD, "code": code}
        assert registry.get_sample_value(f"{prefix}requests_total", labels) == count
    where = {"webhook": POD}
    assert registry.get_sample_value(f"{prefix}requests_in_flight", where) == 0
    assert registry.get_sample_value(f"{prefix}latency_seconds_count", where) == 2


@pytest.mark.parametrize(
    ("data", "content", "status"),
    [
        (b"", "application/json", 400),
        (b"null", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"{}", "text/plain", 415),
        (b'{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1"}', "application/json", 400),
        (json.dumps(body({}, "v2")).encode(), "application/json", 400),
        (json.dumps({**body({}), "kind": "Pod"}).encode(), "application/json", 400),
        (json.dumps(body({}, uid=7)).encode(), "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
    ],
)
async def test_what_no_answer_could_refer_to_is_a_4xx_in_one_line(
    data: bytes, content: str, status: int
) -> None:
    async with serving() as (client, _):
        sent = await client.post(POD, data=data, headers={"Content-Type": content})
        assert sent.status == status
        text = await sent.text()
    assert text.count("\n") <= 1
    assert "Traceback" not in text


async def test_only_post_is_served_and_only_at_the_paths() -> None:
    async with serving() as (client, _):
        assert (await client.get(POD)).status == 405
        for path in ("/convert", "/mutate-training-pods", "/"):
            assert (await client.post(path, json=body({}))).status == 404


def big(size: int) -> bytes:
    sent = pod()
    sent["metadata"]["annotations"] = {"big": ""}
    empty = len(json.dumps(body(sent)).encode())
    sent["metadata"]["annotations"]["big"] = "x" * (size - empty)
    return json.dumps(body(sent)).encode()


@pytest.mark.parametrize(("size", "status"), [(BODY_LIMIT, 200), (BODY_LIMIT + 1, 413)])
@pytest.mark.parametrize("chunked", [False, True])
async def test_bodies_up_to_seven_mebibytes(size: int, status: int, chunked: bool) -> None:
    whole = big(size)

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(whole), 1 << 20):
            yield whole[start : start + (1 << 20)]

    async with serving() as (client, _):
        sent = await client.post(
            POD,
            data=pieces() if chunked else io.BytesIO(whole),
            headers=JSON,
        )
        assert sent.status == status


@pytest.mark.parametrize("depth", [50, 400, 900, 5000])
async def test_deep_objects_get_an_answer(depth: int) -> None:
    deep = '{"metadata":{"labels":{"ome.io/inferenceservice":"x"}},"spec":{"a":'
    whole = json.dumps(body("HERE")).replace('"HERE"', deep + "[" * depth + "]" * depth + "}}")
    async with serving() as (client, _):
        sent = await client.post(POD, data=whole.encode(), headers=JSON)
        assert sent.status in (200, 400)
        if sent.status == 200:
            check(await sent.json())


async def test_a_review_that_takes_too_long_is_answered_before_the_caller_gives_up() -> None:
    reading = Reading()
    reading.slow = 30
    sent = pod({"ome.io/inject-fine-tuned-adapter": "no"})
    async with serving(reading) as (client, _):
        answer = await client.post(f"{POD}?timeout=100ms", json=body(sent))
        response = check(await answer.json())
    assert response["status"]["code"] == 504
    assert "longer than 0.09 s" in response["status"]["message"]


async def test_a_body_that_does_not_arrive_is_given_up() -> None:
    async def stalled() -> AsyncIterator[bytes]:
        yield b"{"
        await anyio.sleep(0.3)
        yield b"}"

    async with serving() as (client, _):
        sent = await client.post(f"{POD}?timeout=100ms", data=stalled(), headers=JSON)
        assert sent.status == 408


@pytest.mark.parametrize(("draining", "expected"), [(True, "close"), (False, None)])
async def test_while_it_drains_every_answer_closes_its_connection(
    draining: bool, expected: str | None
) -> None:
    async with serving(draining=draining) as (client, _):
        answer = await client.post(POD, json=body(pod()))
        assert answer.status == 200
        assert answer.headers.get("Connection") == expected


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "metadata",
                    "labels",
                    "annotations",
                    "spec",
                    "containers",
                    "initContainers",
                    "name",
                    "env",
                    "ome.io/inferenceservice",
                    "rdma.ome.io/auto-inject",
                    "securityContext",
                    "volumes",
                    "deletionTimestamp",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)
_REQUEST_FIELDS = st.dictionaries(
    st.sampled_from(
        ["operation", "kind", "object", "oldObject", "name", "namespace", "userInfo", "dryRun"]
    ),
    _JSON | st.sampled_from(["CREATE", "UPDATE", "DELETE"]),
    max_size=4,
)


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(st.tuples(_REQUEST_FIELDS, _JSON, st.sampled_from([POD, OTHER])), max_size=20))
def test_fuzzed_reviews_get_a_well_formed_answer(cases: list[tuple[Any, Any, str]]) -> None:
    async def send() -> None:
        async with serving() as (client, _):
            for fields, obj, path in cases:
                sent = await client.post(path, json=body(obj, **fields))
                assert sent.status == 200
                check(await sent.json())

    anyio.run(send)


@settings(max_examples=examples(40), deadline=None)
@given(st.lists(_JSON | st.dictionaries(st.sampled_from(["kind", "apiVersion", "request"]), _JSON)))
def test_fuzzed_bodies_are_a_4xx(bodies: list[Any]) -> None:
    async def send() -> None:
        async with serving() as (client, _):
            for sent in bodies:
                data = json.dumps(sent).encode()
                assert (await client.post(POD, data=data, headers=JSON)).status == 400

    anyio.run(send)
