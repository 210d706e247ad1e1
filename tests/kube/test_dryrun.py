"""A dry run: writes are checked and told once, reads and reviews go as they are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from ome.kube.dryrun import DryRun, Rehearsed
from ome.kube.request import Request, delete
from ome.kube.resource import ObjectKey
from ome.kube.resources import PODS
from ome.kube.transport import Response

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from ome.kube.transport import ByteStream

PATH = "/apis/ome.io/v1beta1/namespaces/demo/inferenceservices/chat"


class Answering:
    """Answers everything alike, and keeps what came."""

    host = "fake:6443"

    def __init__(self, answer: Response) -> None:
        self.answer = answer
        self.sent: list[Request] = []

    async def send(self, request: Request) -> Response:
        self.sent.append(request)
        return self.answer

    def stream(self, request: Request) -> AbstractAsyncContextManager[ByteStream]:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("answer", "refusal"),
    [
        (Response(200), ""),
        (Response(403, body=b'{"message": "may not"}'), "may not"),
        (Response(502, body=b"<html>"), "HTTP 502"),
    ],
)
async def test_writes_are_told_once(answer: Response, refusal: str) -> None:
    inner, told = Answering(answer), list[Rehearsed]()
    dry = DryRun(inner, told.append)
    for method in ("PATCH", "PATCH", "DELETE"):
        assert await dry.send(Request(method, PATH, (("force", "true"),))) is answer
    assert {request.query for request in inner.sent} == {(("force", "true"), ("dryRun", "All"))}
    assert told == [Rehearsed("PATCH", PATH, refusal), Rehearsed("DELETE", PATH, refusal)]


async def test_a_deletion_is_dry_in_its_body() -> None:
    """A server that finds options in the body of a deletion does not look at the query."""
    inner = Answering(Response(200))
    request = delete(PODS, ObjectKey("demo", "p"), uid="u")
    await DryRun(inner, list[Rehearsed]().append).send(request)
    (sent,) = inner.sent
    options = json.loads(sent.body or b"")
    assert (options["dryRun"], options["preconditions"]) == (["All"], {"uid": "u"})
    assert not sent.writes


@pytest.mark.parametrize(
    "request_",
    [
        Request("GET", PATH),
        Request("PATCH", PATH, (("dryRun", "All"),)),
        Request("POST", "/apis/authentication.k8s.io/v1/tokenreviews"),
    ],
)
async def test_what_writes_nothing_goes_as_it_is(request_: Request) -> None:
    inner, told = Answering(Response(201)), list[Rehearsed]()
    await DryRun(inner, told.append).send(request_)
    assert (inner.sent, told) == ([request_], [])
