"""Any single call of a service's life fails, in any way: the world ends as without a failure."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from tests.controllers.inferenceservice.flaky import FAULTS
from tests.controllers.inferenceservice.lives import LIVES, live
from tests.support.virtual_time import run_virtual

STRIDE = 4


@cache
def quiet(name: str) -> tuple[list[dict[str, Any]], int]:
    """The end of a life without failures, and how many calls it has."""
    return run_virtual(lambda: live(LIVES[name]))


def check(name: str, number: int, kind: str) -> None:
    found, _ = run_virtual(lambda: live(LIVES[name], number, FAULTS[kind]))
    assert found == quiet(name)[0], f"call {number} of {name} failed with {kind}"


@pytest.mark.parametrize("name", LIVES)
def test_a_life_leads_where_it_should(name: str) -> None:
    found, calls = quiet(name)
    kinds = {item["kind"] for item in found}
    assert kinds >= LIVES[name].left
    assert not kinds & LIVES[name].gone
    assert calls >= 8
    said = [item["status"]["conditions"] for item in found if item["kind"] == "InferenceService"]
    ready = [item["status"] for entries in said for item in entries if item["type"] == "Ready"]
    assert ready == ([] if name == "deleted" else ["True"])


@pytest.mark.parametrize("name", LIVES)
def test_a_failing_call_changes_nothing_in_the_end(name: str) -> None:
    """Some calls, each with another failure."""
    kinds = list(FAULTS)
    first = list(LIVES).index(name)
    for turn, number in enumerate(range(first % STRIDE, quiet(name)[1], STRIDE)):
        check(name, number, kinds[(first + turn) % len(kinds)])


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", LIVES)
def test_every_failing_call_changes_nothing_in_the_end(name: str) -> None:
    """Every call, with two failures that are others for the next one."""
    kinds = list(FAULTS)
    for number in range(quiet(name)[1]):
        for shift in (0, len(kinds) // 2):
            check(name, number, kinds[(number + shift) % len(kinds)])


@pytest.mark.nightly
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("name", LIVES)
def test_every_call_fails_in_every_way(name: str, kind: str) -> None:
    for number in range(quiet(name)[1]):
        check(name, number, kind)
