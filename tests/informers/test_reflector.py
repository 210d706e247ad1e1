"""The state table, row by row."""

from __future__ import annotations

import random
from typing import Any

import pytest

from ome.informers.reflector import Reflector, State
from ome.informers.steps import (
    PAGE_LIMIT,
    Ended,
    Failed,
    Fault,
    Garbled,
    Gone,
    List,
    Listed,
    Missing,
    Outcome,
    Refused,
    Replace,
    Replaced,
    Restart,
    Unserved,
    Wait,
    Waited,
    Watch,
)

FIRST = List("", PAGE_LIMIT)
WATCH = "watch from 10"
WAIT = "wait"
S = State


def now(reflector: Reflector) -> str:
    return reflector.state.value


def reflector_in(state: State) -> Reflector:
    """A reflector that came to this state by the shortest way, having seen version 10."""
    paths: dict[State, list[Outcome]] = {
        S.EMPTY: [],
        S.LISTING: [],
        S.REPLACING: [Listed("10")],
        S.STREAMING: [],
        S.WATCHING: [Listed("10"), Replaced()],
        S.INTERRUPTED: [Listed("10"), Replaced(), Failed()],
        S.EXPIRED: [Failed()],
        S.ABSENT: [Missing()],
        S.REFUSED: [Refused()],
    }
    reflector = Reflector(random.Random(1), streaming=state is S.STREAMING)
    if state is not S.EMPTY:
        reflector.begin()
    for outcome in paths[state]:
        reflector.step(outcome)
    assert reflector.state is state
    return reflector


@pytest.mark.parametrize(
    ("state", "outcome", "then", "command"),
    [
        (S.LISTING, Listed("10", "token"), S.LISTING, List("token")),
        (S.LISTING, Listed("10"), S.REPLACING, Replace("10")),
        (S.LISTING, Gone(), S.LISTING, FIRST),
        (S.LISTING, Missing(), S.ABSENT, WAIT),
        (S.LISTING, Refused(), S.REFUSED, WAIT),
        (S.LISTING, Failed(), S.EXPIRED, WAIT),
        (S.REPLACING, Replaced(), S.WATCHING, WATCH),
        (S.REPLACING, Failed(), S.EXPIRED, WAIT),
        (S.STREAMING, Unserved(), S.LISTING, FIRST),
        (S.STREAMING, Ended(progress=False), S.LISTING, FIRST),
        (S.STREAMING, Gone(), S.EXPIRED, WAIT),
        (S.STREAMING, Missing(), S.ABSENT, WAIT),
        (S.STREAMING, Refused(), S.REFUSED, WAIT),
        (S.STREAMING, Failed(), S.EXPIRED, WAIT),
        (S.WATCHING, Ended(progress=True), S.WATCHING, WATCH),
        (S.WATCHING, Ended(progress=False), S.INTERRUPTED, WAIT),
        (S.WATCHING, Gone(progress=True), S.LISTING, FIRST),
        (S.WATCHING, Gone(progress=False), S.LISTING, FIRST),
        (S.WATCHING, Garbled(), S.INTERRUPTED, WAIT),
        (S.WATCHING, Missing(), S.ABSENT, WAIT),
        (S.WATCHING, Refused(), S.INTERRUPTED, WAIT),
        (S.WATCHING, Failed(), S.INTERRUPTED, WAIT),
        (S.WATCHING, Fault(), S.EXPIRED, WAIT),
        (S.INTERRUPTED, Waited(), S.WATCHING, WATCH),
        (S.EXPIRED, Waited(), S.LISTING, FIRST),
        (S.ABSENT, Waited(), S.LISTING, FIRST),
        (S.REFUSED, Waited(), S.LISTING, FIRST),
        *((state, Restart(), S.LISTING, FIRST) for state in S if state is not S.STREAMING),
    ],
    ids=lambda value: value.value if isinstance(value, State) else type(value).__name__,
)
def test_row(state: State, outcome: Outcome, then: State, command: Any) -> None:
    reflector = reflector_in(state)
    given = reflector.step(outcome)
    assert reflector.state is then
    match command:
        case "wait":
            assert isinstance(given, Wait)
            assert 1 <= given.seconds <= 60
        case "watch from 10":
            assert isinstance(given, Watch)
            assert (given.version, given.initial) == ("10", False)
            assert 300 <= given.seconds <= 600
        case _:
            assert given == command


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize(
    "outcome",
    [
        Listed("12"),
        Replaced(),
        Ended(progress=True),
        Ended(progress=False),
        Gone(),
        Garbled(),
        Unserved(),
        Missing(),
        Refused(),
        Failed(7.0),
        Fault(),
        Waited(),
        Restart(),
    ],
    ids=lambda outcome: type(outcome).__name__,
)
def test_every_outcome_in_every_state_leads_somewhere(state: State, outcome: Outcome) -> None:
    reflector = reflector_in(state)
    command = reflector.step(outcome)
    waits = {S.INTERRUPTED, S.EXPIRED, S.ABSENT, S.REFUSED}
    assert isinstance(command, Wait) is (reflector.state in waits)


def test_page_tokens_that_expire_lead_to_one_whole_list_and_then_to_a_pause() -> None:
    reflector = reflector_in(S.LISTING)
    assert reflector.step(Gone()) == FIRST
    assert reflector.step(Listed("10", "token")) == List("token")
    assert reflector.step(Gone()) == List("", 0)
    assert isinstance(reflector.step(Gone()), Wait)
    assert reflector.step(Waited()) == FIRST


def test_the_first_page_gives_the_version() -> None:
    reflector = reflector_in(S.LISTING)
    reflector.step(Listed("10", "token"))
    assert reflector.step(Listed("12")) == Replace("10")


def test_fruitless_lists_are_not_repeated_at_once() -> None:
    reflector = reflector_in(S.WATCHING)
    assert reflector.step(Gone()) == FIRST
    reflector.step(Listed("11"))
    reflector.step(Replaced())
    assert isinstance(reflector.step(Gone()), Wait)
    assert reflector.state is S.EXPIRED
    reflector.step(Waited())
    reflector.step(Listed("12"))
    reflector.step(Replaced())
    assert reflector.step(Gone(progress=True)) == FIRST


def test_the_same_garbage_twice_leads_to_a_list() -> None:
    reflector = reflector_in(S.WATCHING)
    reflector.step(Garbled())
    reflector.step(Waited())
    reflector.step(Garbled(progress=True))
    assert now(reflector) == "interrupted"
    reflector.step(Waited())
    reflector.step(Garbled())
    assert now(reflector) == "expired"


def test_pauses_grow_until_something_goes_well() -> None:
    reflector = reflector_in(S.WATCHING)
    pauses = []
    for _ in range(8):
        command = reflector.step(Failed())
        assert isinstance(command, Wait)
        pauses.append(command.seconds)
        reflector.step(Waited())
    assert pauses[0] <= 2
    assert pauses[:4] == sorted(pauses[:4])
    assert all(15 <= pause <= 30 for pause in pauses[5:])
    command = reflector.step(Failed(progress=True))
    assert isinstance(command, Wait)
    assert command.seconds <= 2


def test_retry_after_is_a_lower_bound() -> None:
    command = reflector_in(S.LISTING).step(Failed(25.0))
    assert isinstance(command, Wait)
    assert 25 <= command.seconds <= 26


def test_a_stale_list_is_refused_three_times() -> None:
    reflector = reflector_in(S.EXPIRED)
    reflector.version = "100"
    for _ in range(3):
        reflector.step(Waited())
        assert isinstance(reflector.step(Listed("99")), Wait)
        assert reflector.version == "100"
    reflector.step(Waited())
    assert reflector.step(Listed("99")) == Replace("99")


@pytest.mark.parametrize(
    ("seen", "news", "accepted"),
    [
        ("10", "11", True),
        ("10", "10", True),
        ("10", "9", False),
        ("9", "10", True),
        ("10", "opaque", True),
        ("opaque", "3", True),
        ("10", "", True),
    ],
)
def test_versions_never_go_back(seen: str, news: str, accepted: bool) -> None:
    reflector = reflector_in(S.WATCHING)
    reflector.version = seen
    assert reflector.saw(news) is accepted
    assert reflector.version == (news if accepted and news else seen)


def test_a_streaming_list_goes_on_as_a_watch() -> None:
    reflector = Reflector(random.Random(1), streaming=True)
    command = reflector.begin()
    assert isinstance(command, Watch)
    assert command.initial
    assert command.version == ""
    assert reflector.streamed("10")
    assert now(reflector) == "replacing"
    reflector.taken_over()
    assert now(reflector) == "watching"
    assert isinstance(reflector.step(Ended(progress=True)), Watch)
    reflector.step(Gone(progress=True))
    assert now(reflector) == "streaming"
    assert not reflector.streamed("9")
