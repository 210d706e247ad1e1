"""What is made of the API server's answers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from hack.control_plane.client import Client, Refused
from hack.control_plane.errors import ControlPlaneError

if TYPE_CHECKING:
    from collections.abc import Callable

    Answer = Callable[..., tuple[int, bytes]]


def client(answer: Answer) -> Client:
    made = Client.__new__(Client)
    made.request = answer  # type: ignore[method-assign]
    return made


def refuse(*_: object) -> tuple[int, bytes]:
    raise ConnectionRefusedError("connection refused")


def test_an_object_is_returned() -> None:
    answers = client(lambda *_: (200, b'{"kind": "Node"}'))
    assert answers.json("GET", "/api/v1/nodes/a") == {"kind": "Node"}


def test_a_refusal_carries_the_servers_words() -> None:
    status = json.dumps({"message": 'nodes "a" already exists'}).encode()
    with pytest.raises(Refused, match=r'POST /x: nodes "a" already exists \(HTTP 409\)') as caught:
        client(lambda *_: (409, status)).json("POST", "/x", {})
    assert caught.value.status == 409


def test_a_server_that_is_away_is_told_with_the_next_step() -> None:
    with pytest.raises(ControlPlaneError, match=r"does not answer .*hack/control-plane up"):
        client(refuse).json("GET", "/x")


@pytest.mark.parametrize(("status", "ok"), [(200, True), (500, False), (404, False)])
def test_health(status: int, ok: bool) -> None:
    assert client(lambda *_: (status, b"")).ok("/readyz") is ok


def test_nothing_that_answers_is_not_healthy() -> None:
    assert client(refuse).ok("/readyz") is False
