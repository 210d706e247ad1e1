"""The recorded answers of a real API server, and what the sandbox makes of the same writes."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest

from ome.sandbox import builtin
from ome.sandbox.refusal import Refused
from tests.sandbox.builtin.replaying import RECORDED, gk_of, replay

_NO_DIFF = "the real server appends a diff of its internal structs"
_NO_STRUCT = "the real server prints the value as its internal struct, with every empty field"
DIFFERENT = {
    "config: claim asks for more": _NO_DIFF,
    "config: claim is immutable": _NO_DIFF,
    "config: volume moves": _NO_DIFF,
    "pods: command changes": _NO_DIFF,
    "pods: image changes": _NO_DIFF,
    "pods: resources change": _NO_DIFF,
    "pods: restart policy and node change": _NO_DIFF,
    "policies: crd versions": _NO_STRUCT,
    "workloads: job template is immutable": _NO_STRUCT,
}
"""Refusals that name the same fields for the same reasons, but in other words; and why."""

ELSEWHERE = {
    "pods: no service account": "whether accounts exist is asked by an admission plugin",
}
"""What is refused by other parts of the server than this one."""

_UID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")


def _is_refusal(case: dict[str, Any]) -> bool:
    return bool(case["answer"]["kind"] == "Status")


REFUSED = [name for name, case in RECORDED.items() if _is_refusal(case)]
STORED = [name for name, case in RECORDED.items() if not _is_refusal(case)]
INVALID = [
    name
    for name in REFUSED
    if RECORDED[name]["answer"]["reason"] == "Invalid" and name not in ELSEWHERE
]


@pytest.mark.parametrize("name", INVALID)
def test_what_is_wrong_is_said_as_the_real_server_says_it(name: str) -> None:
    case = RECORDED[name]
    new = "sent" in case
    expected = {
        (
            cause["field"],
            cause["reason"],
            _UID.sub("some-uid", cause["message"]) if new else cause["message"],
        )
        for cause in case["answer"]["details"]["causes"]
    }
    found = {(cause.field, cause.reason, cause.message) for cause in replay(case).causes}
    if name in DIFFERENT:
        assert found != expected, "no difference any more: take it off the list"
        assert {one[:2] for one in found} == {one[:2] for one in expected}
    else:
        assert found == expected


@pytest.mark.parametrize("name", STORED)
def test_what_is_stored_equals_what_the_real_server_stores(name: str) -> None:
    case = RECORDED[name]
    outcome = replay(case)
    assert outcome.causes == []
    assert outcome.document == _unallocated(case)


@pytest.mark.parametrize("name", STORED)
def test_what_is_stored_is_valid_and_keeps_its_form(name: str) -> None:
    stored = _unallocated(RECORDED[name])
    again = copy.deepcopy(stored)
    builtin.set_defaults(gk_of(again), again, stored)
    assert again == stored


def test_a_text_that_is_no_quantity_is_a_bad_request() -> None:
    case = RECORDED["pods: no quantity"]
    with pytest.raises(Refused) as refusal:
        replay(case)
    assert refusal.value.code == case["answer"]["code"]
    assert refusal.value.message == case["answer"]["message"]


def _unallocated(case: dict[str, Any]) -> dict[str, Any]:
    """The answer without addresses and node ports, which allocators give out."""
    document: dict[str, Any] = copy.deepcopy(case["answer"])
    asked = (case.get("sent") or case["old"])["spec"] if document["kind"] == "Service" else None
    if asked is not None and "clusterIP" not in asked:
        document["spec"].pop("clusterIP", None)
        document["spec"].pop("clusterIPs", None)
        for port in document["spec"].get("ports", ()):
            port.pop("nodePort", None)
    return document
