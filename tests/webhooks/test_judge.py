"""Rules that hold for every handler, and how what a handler raises becomes an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ome.errors import AdmissionDenied, Forbidden, OmeError, TransportError
from ome.webhooks.admission import Asked
from ome.webhooks.judge import Route, judge
from ome.webhooks.registry import BadSetting, Problem, Review, Undecodable, Verdict
from tests.webhooks.support import PlainLookup, review

if TYPE_CHECKING:
    from collections.abc import Callable

    from ome.webhooks.admission import Answer
    from ome.webhooks.registry import Document, Lookup

SERVICE: dict[str, Any] = {
    "metadata": {"name": "chat"},
    "spec": {"model": {"name": "llama"}},
}
BAD = Verdict((Problem("spec.model.name", "no such model"), Problem("", "all wrong")), ("look",))


class Server(PlainLookup):
    """Has one model that the cache gets to know only by ``fetch``."""

    def __init__(self, *, model: bool = False, error: Exception | None = None) -> None:
        super().__init__()
        self.model = model
        self.error = error
        self.known = False

    def base_model(self, namespace: str, name: str) -> Document | None:
        return {"kind": "BaseModel"} if self.known else None

    async def fetch(self) -> bool:
        if self.error is not None:
            raise self.error
        self.known = self.model
        return self.model


class Chain(Server):
    """Has a model and then a runtime: what is missing next shows only after the last fetch."""

    def __init__(self, length: int) -> None:
        super().__init__()
        self.length = length
        self.fetched = 0

    def base_model(self, namespace: str, name: str) -> Document | None:
        return {"kind": "BaseModel"} if self.fetched >= self.length else None

    async def fetch(self) -> bool:
        self.fetched += 1
        return True


async def answer(
    validate: Callable[[Review, Lookup], Verdict] | None = None,
    server: Server | None = None,
    *,
    default: Callable[[Review, Lookup], dict[str, Any]] | None = None,
    subresource: str = "",
    panics: list[str] | None = None,
    **changes: Any,
) -> Answer:
    asked = Asked("admission.k8s.io/v1", "u", review(**{"obj": SERVICE, **changes}), subresource)
    route = Route("/x", default=default, validate=validate)
    counted = [] if panics is None else panics
    return await judge(route, asked, server or Server(), lambda: counted.append("panic"))


def refusing(review: Review, lookup: Lookup) -> Verdict:
    return BAD


def needs_model(review: Review, lookup: Lookup) -> Verdict:
    found = lookup.base_model("team", "llama")
    return Verdict(warnings=("served",)) if found else BAD


def raising(error: Exception) -> Callable[[Review, Lookup], Verdict]:
    def handler(review: Review, lookup: Lookup) -> Verdict:
        raise error

    return handler


async def test_problems_deny_with_every_field_and_keep_the_warnings() -> None:
    found = await answer(refusing)
    assert (found.allowed, found.code, found.reason) == (False, 403, "Forbidden")
    assert found.message == "spec.model.name: no such model; all wrong"
    assert found.causes == (("spec.model.name", "no such model"), ("", "all wrong"))
    assert found.warnings == ("look",)


async def test_what_a_fetched_object_leads_to_is_fetched_too() -> None:
    assert (await answer(needs_model, Chain(2))).allowed


async def test_fetching_has_an_end() -> None:
    endless = Chain(1000)
    assert not (await answer(needs_model, endless)).allowed
    assert endless.fetched < 10


def leaving(obj: dict[str, Any]) -> dict[str, Any]:
    return {**obj, "metadata": {**obj["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}}


@pytest.mark.parametrize(
    ("changes", "allowed"),
    [
        ({}, False),
        ({"operation": "DELETE", "obj": None, "old": SERVICE}, True),
        ({"operation": "CONNECT"}, True),
        ({"subresource": "status"}, True),
        ({"obj": leaving(SERVICE)}, True),
        ({"operation": "UPDATE", "obj": leaving({**SERVICE, "spec": {}}), "old": SERVICE}, True),
        ({"operation": "UPDATE", "old": SERVICE}, False),
    ],
)
async def test_what_leaves_passes_and_nothing_but_a_write_is_judged(
    changes: dict[str, Any], allowed: bool
) -> None:
    assert (await answer(refusing, **changes)).allowed is allowed


async def test_an_object_on_its_way_out_is_not_defaulted_either() -> None:
    found = await answer(default=lambda review, lookup: {"changed": True}, obj=leaving(SERVICE))
    assert found.allowed
    assert not found.patch


async def test_a_default_is_a_patch_of_what_was_sent() -> None:
    found = await answer(default=lambda review, lookup: {**SERVICE, "kind": "K"})
    assert found.patch == [{"op": "add", "path": "/kind", "value": "K"}]


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (AdmissionDenied("no", [("spec", "bad")]), 403, "no"),
        (Undecodable("spec is no object"), 400, "spec is no object"),
        (RecursionError(), 400, "nested too deeply"),
        (Forbidden("may not", status=403, reason="Forbidden"), 403, "may not"),
        (BadSetting("deploy", "not JSON"), 500, "unable to unmarshal deploy json string: not JSON"),
        (OmeError("other"), 500, "other"),
        (KeyError("secret thing"), 500, "panic: 'secret thing' [recovered]"),
        (ValueError(), 500, "panic: ValueError [recovered]"),
    ],
)
async def test_what_a_handler_raises_is_an_answer(
    error: Exception, code: int, message: str
) -> None:
    panics: list[str] = []
    found = await answer(raising(error), panics=panics)
    assert found.code == code
    assert message in found.message
    assert "Traceback" not in found.message
    assert bool(panics) is ("panic" in message)


@pytest.mark.parametrize(("there", "allowed"), [(True, True), (False, False)])
async def test_before_a_refusal_the_server_is_asked_for_what_was_missed(
    there: bool, allowed: bool
) -> None:
    found = await answer(needs_model, Server(model=there))
    assert found.allowed is allowed
    assert found.warnings == (("served",) if allowed else ("look",))


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (TransportError("no answer"), 500),
        (Forbidden("may not get", status=403, reason="Forbidden"), 403),
    ],
)
async def test_a_server_that_cannot_be_asked_is_not_called_a_missing_object(
    error: Exception, code: int
) -> None:
    found = await answer(needs_model, Server(error=error))
    assert found.code == code
    assert found.message == str(error)


async def test_an_answer_of_the_server_that_cannot_be_read_is_contained() -> None:
    panics: list[str] = []
    found = await answer(needs_model, Server(error=ValueError("odd")), panics=panics)
    assert (found.code, found.message, panics) == (500, "panic: odd [recovered]", ["panic"])


async def test_an_allowed_review_asks_nobody() -> None:
    server = Server(error=AssertionError("asked"))
    server.known = True
    assert (await answer(needs_model, server)).allowed


async def test_an_unreadable_request_is_refused_with_the_reason() -> None:
    asked = Asked("admission.k8s.io/v1", "u", None, problem="expected `object`")
    found = await judge(Route("/x", validate=refusing), asked, Server(), lambda: None)
    assert found.code == 400
    assert "expected `object`" in found.message


async def test_a_create_without_an_object_is_refused() -> None:
    assert (await answer(refusing, obj=None)).code == 400
