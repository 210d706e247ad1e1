"""When a status may be written."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ome.controllers.basemodel.pace import Pace


def test_the_first_at_once_the_next_after_the_interval() -> None:
    pace = Pace()
    assert pace.wait("m", 10, "Ready") == 0
    pace.wrote("m", 10, 5, "Ready")
    assert pace.wait("m", 11, "Ready") == 4
    assert pace.wait("m", 15, "Ready") == 0
    assert pace.wait("other", 11, "Ready") == 0


def test_a_new_state_goes_early_once() -> None:
    pace = Pace()
    pace.wrote("m", 10, 5, "In_Transit")
    assert pace.wait("m", 11, "Ready") == 0
    pace.wrote("m", 11, 5, "Ready")
    assert pace.wait("m", 12, "Failed") == 4
    assert pace.wait("m", 12, "Ready") == 4
    pace.wrote("m", 16, 5, "Failed")
    assert pace.wait("m", 17, "Ready") == 0


@given(st.floats(0, 1e6), st.floats(1, 20), st.floats(0, 1))
def test_writes_wait_for_a_common_time_but_not_long(
    at: float, interval: float, part: float
) -> None:
    pace = Pace()
    pace.wrote("m", at, interval, "Ready")
    now = at + interval * part
    due = now + pace.wait("m", now, "Ready")
    assert interval - 1e-6 <= due - at <= interval + 0.4 or now - at >= interval


def test_what_is_forgotten_goes_at_once() -> None:
    pace = Pace()
    pace.wrote("m", 10, 5, "Ready")
    pace.forget("m")
    assert pace.wait("m", 11, "Ready") == 0


asked = st.lists(st.tuples(st.integers(0, 30), st.sampled_from(["Ready", "Failed"])), max_size=60)


@given(asked)
def test_never_more_than_two_writes_in_an_interval(history: list[tuple[int, str]]) -> None:
    """And none but a change of state comes early."""
    pace, now, state = Pace(), 0, ""
    writes: list[tuple[int, str]] = []
    for pause, state in history:
        now += pause
        wait = pace.wait("m", now, state)
        assert 0 <= wait <= 20
        if wait == 0:
            pace.wrote("m", now, 20, state)
            writes.append((now, state))
    for (before, said), (at, says) in pairwise(writes):
        assert at - before >= 20 or says != said
    for (first, _), (third, _) in zip(writes, writes[2:], strict=False):
        assert third - first >= 20
    if history:
        # The last state is always written in the end.
        assert pace.wait("m", now + 20, state) == 0


def test_a_look_in_vain_puts_off_the_next_one_for_a_part_of_the_interval() -> None:
    pace = Pace()
    assert pace.wait("m", 10, "Ready") == 0
    pace.looked("m", 10, 1.0, "Ready")
    assert 0.3 < pace.wait("m", 10.1, "Ready") < 0.7
    assert pace.wait("m", 10.5, "Ready") == 0


def test_a_change_of_state_is_not_put_off_by_it() -> None:
    pace = Pace()
    pace.looked("m", 10, 1.0, "Ready")
    assert pace.wait("m", 10.1, "Failed") == 0
    pace.looked("m", 10, 1.0, "Ready")
    pace.forget("m")
    assert pace.wait("m", 10.1, "Ready") == 0


def test_changes_call_for_one_pass_until_it_begins() -> None:
    pace = Pace()
    assert not pace.coming("m", "Ready")
    assert pace.coming("m", "Ready")
    assert pace.coming("m", "Ready")
    assert not pace.coming("other", "Ready")
    assert pace.began("m") == 2
    assert not pace.coming("m", "Ready")
    assert pace.began("m") == 0
    assert pace.began("m") == 0


def test_a_new_state_calls_again() -> None:
    pace = Pace()
    assert not pace.coming("m", "Ready")
    assert not pace.coming("m", "Failed")
    assert pace.coming("m", "Failed")
