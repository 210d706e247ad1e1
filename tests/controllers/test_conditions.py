"""The condition set: what ``Ready`` says, which times move."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ome.controllers.conditions import ConditionSet

DEPENDENTS = ("EngineReady", "IngressReady")


def by_type(conditions: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {condition["type"]: condition for condition in conditions}


def settle(
    stored: list[dict[str, Any]], now: str, **values: tuple[str, str, str]
) -> list[dict[str, Any]]:
    conditions = ConditionSet(stored, DEPENDENTS, now)
    for type_, (status, reason, message) in values.items():
        conditions.set(type_, status, reason, message)  # type: ignore[arg-type]
    return conditions.finish()


def test_missing_dependents_are_unknown_and_so_is_ready() -> None:
    conditions = by_type(settle([], "t0"))
    assert {type_: entry["status"] for type_, entry in conditions.items()} == {
        "EngineReady": "Unknown",
        "IngressReady": "Unknown",
        "Ready": "Unknown",
    }


def test_false_dependent_gives_ready_its_reason_and_message() -> None:
    conditions = by_type(
        settle(
            [],
            "t0",
            EngineReady=("False", "NoPods", "100% of pods are gone"),
            IngressReady=("True", "IngressDisabled", "off"),
        )
    )
    assert conditions["Ready"] == {
        "type": "Ready",
        "status": "False",
        "reason": "NoPods",
        "message": "100% of pods are gone",
        "lastTransitionTime": "t0",
    }


def test_the_false_dependent_that_changed_last_decides() -> None:
    first = settle([], "t1", EngineReady=("False", "Engine", ""), IngressReady=("True", "", ""))
    second = by_type(
        settle(first, "t2", EngineReady=("False", "Engine", ""), IngressReady=("False", "Late", ""))
    )
    assert second["Ready"]["reason"] == "Late"


def test_true_ready_has_no_reason_even_when_dependents_have() -> None:
    ready = by_type(
        settle([], "t0", EngineReady=("True", "A", "a"), IngressReady=("True", "B", "b"))
    )["Ready"]
    assert ready == {"type": "Ready", "status": "True", "lastTransitionTime": "t0"}


def test_unchanged_conditions_keep_their_time_with_reason() -> None:
    values = {"EngineReady": ("True", "Up", "all up"), "IngressReady": ("True", "", "")}
    first = settle([], "t1", **values)
    assert settle(first, "t2", **values) == first


def test_other_conditions_carry_severity_and_never_count() -> None:
    conditions = by_type(
        settle(
            [],
            "t0",
            EngineReady=("True", "", ""),
            IngressReady=("True", "", ""),
            EngineRouteReady=("False", "Slow", ""),
        )
    )
    assert conditions["EngineRouteReady"]["severity"] == "Info"
    assert conditions["Ready"]["status"] == "True"


def test_a_removed_component_no_longer_decides() -> None:
    stored = by_type(settle([], "t0", DecoderReady=("False", "Down", "")))
    conditions = ConditionSet(stored.values(), DEPENDENTS, "t1")
    conditions.remove("DecoderReady")
    conditions.set("EngineReady", "True")
    conditions.set("IngressReady", "True")
    settled = by_type(conditions.finish())
    assert "DecoderReady" not in settled
    assert settled["Ready"]["status"] == "True"


def test_what_was_set_speaks_of_the_generation_and_ready_of_what_decides_it() -> None:
    def generations(*types: str, at: int, stored: list[dict[str, Any]]) -> dict[str, int | None]:
        conditions = ConditionSet(stored, DEPENDENTS, f"t{at}", at)
        for type_ in types:
            conditions.set(type_, "True")
        stored[:] = conditions.finish()
        return {entry["type"]: entry.get("observedGeneration") for entry in stored}

    stored: list[dict[str, Any]] = []
    every = generations("EngineReady", "IngressReady", at=1, stored=stored)
    assert every == {"EngineReady": 1, "IngressReady": 1, "Ready": 1}
    one = generations("IngressReady", at=2, stored=stored)
    assert one == {"EngineReady": 1, "IngressReady": 2, "Ready": 1}
    both = generations("EngineReady", at=2, stored=stored)
    assert both == {"EngineReady": 2, "IngressReady": 2, "Ready": 2}
    assert {entry["lastTransitionTime"] for entry in stored} == {"t1"}
    conditions = ConditionSet(stored, DEPENDENTS, "t3", 3)
    conditions.set("EngineReady", "False", "Down")
    ready = by_type(conditions.finish())["Ready"]
    assert (ready["reason"], ready["observedGeneration"]) == ("Down", 3)
    conditions = ConditionSet(stored, DEPENDENTS, "t3", 3)
    conditions.confirm("EngineReady", "IngressReady", "NotThere")
    assert set(by_type(conditions.finish())) == {"EngineReady", "IngressReady", "Ready"}
    assert by_type(conditions.finish())["Ready"]["observedGeneration"] == 3


statuses = st.sampled_from(["True", "False", "Unknown"])


@given(engine=statuses, ingress=statuses)
def test_ready_is_the_worst_dependent(engine: str, ingress: str) -> None:
    ready = by_type(settle([], "t0", EngineReady=(engine, "", ""), IngressReady=(ingress, "", "")))
    worst = next(value for value in ("False", "Unknown", "True") if value in (engine, ingress))
    assert ready["Ready"]["status"] == worst


@pytest.mark.parametrize("stored", [[{}], [{"type": "Ready", "status": "weird"}]])
def test_odd_stored_conditions_are_tolerated(stored: list[dict[str, Any]]) -> None:
    assert [entry["type"] for entry in settle(stored, "t0")] == [
        "EngineReady",
        "IngressReady",
        "Ready",
    ]
