"""The flight recorder: what mattered stays, what repeats is counted, and all of it is bounded."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ome.telemetry import flights
from ome.telemetry.flights import LENGTH, NOTES, RUNS, FlightRecorder
from tests.support.tiers import examples


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def wall(self) -> float:
        self.now += 1
        return self.now


def fly(recorder: FlightRecorder, key: str, *notes: str, result: str = "success") -> None:
    with recorder.flight("test", key) as flight:
        flights.saw("Thing", "7")
        for note in notes:
            flights.decided(note)
            flights.wrote(f"PATCH /{note} 200")
        flight.result = result


def test_a_run_is_kept_with_what_it_saw_decided_and_wrote() -> None:
    recorder = FlightRecorder(Clock().wall)
    fly(recorder, "demo/chat", "grow")
    (found,) = recorder.of("test", "demo/chat")
    assert found == {
        "at": 1001.0,
        "seconds": 1.0,
        "result": "success",
        "saw": {"Thing": "7"},
        "decided": ["grow"],
        "wrote": ["PATCH /grow 200"],
    }
    assert recorder.of("test", "demo/other") == []
    assert recorder.of("other", "demo/chat") == []


def test_quiet_runs_are_one_entry() -> None:
    recorder = FlightRecorder(Clock().wall)
    fly(recorder, "k", "begin")
    for _ in range(1000):
        fly(recorder, "k")
    fly(recorder, "k", result="requeue")
    fly(recorder, "k", "end")
    begin, quiet, stale, end = recorder.of("test", "k")
    assert (begin["decided"], end["decided"]) == (["begin"], ["end"])
    assert (quiet["times"], quiet["since"], quiet["at"]) == (1000, 1003.0, 3001.0)
    assert stale["result"] == "requeue"


def test_outside_of_a_run_nothing_is_noted() -> None:
    flights.saw("Thing", "1")
    flights.decided("x")
    flights.wrote("y")
    recorder = FlightRecorder(Clock().wall)
    fly(recorder, "k")
    flights.decided("late")
    assert "decided" not in recorder.of("test", "k")[0]


def test_notes_are_bounded() -> None:
    recorder = FlightRecorder(Clock().wall)
    fly(recorder, "k", *(f"{index} {'x' * 2 * LENGTH}" for index in range(3 * NOTES)))
    (found,) = recorder.of("test", "k")
    for notes in (found["decided"], found["wrote"]):
        assert len(notes) == NOTES
        assert max(map(len, notes)) == LENGTH


@given(st.lists(st.tuples(st.integers(0, 9), st.text(max_size=40)), max_size=300))
@settings(max_examples=examples(60))
def test_memory_is_bounded_and_the_latest_stay(runs: list[tuple[int, str]]) -> None:
    recorder = FlightRecorder(Clock().wall, limit=4000)
    for key, text in runs:
        fly(recorder, str(key), text)
    kept: dict[int, list[dict[str, Any]]] = {key: recorder.of("test", str(key)) for key, _ in runs}
    assert all(len(found) <= RUNS for found in kept.values())
    assert recorder.size <= max(4000, RUNS * 400)
    if runs:
        key, text = runs[-1]
        assert kept[key][-1]["decided"] == [text]
