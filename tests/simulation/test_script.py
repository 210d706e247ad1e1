"""What users do in a simulation, and what is there for them to do it with."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from hack.simulation.scene import drawn
from hack.simulation.script import Action, Script, beginning, ending, written


def script_of(seed: int, seconds: float = 3600.0) -> Script:
    rng = random.Random(seed)
    return written(rng, drawn(rng), seconds)


@pytest.mark.parametrize("seed", range(20))
def test_every_actor_ends_with_its_object_in_place_and_soon(seed: int) -> None:
    for actions in ending(script_of(seed)).values():
        (last,) = actions
        assert (last.verb, last.pause < 15.0) == ("apply", True)


@pytest.mark.parametrize("seed", range(20))
def test_the_beginning_and_the_ending_are_the_whole(seed: int) -> None:
    script = script_of(seed)

    assert beginning(script).keys() == ending(script).keys() == script.keys()
    for actor, actions in script.items():
        assert [*beginning(script)[actor], actions[-1]] == actions
        assert ending(script)[actor][0].document == actions[-1].document


@pytest.mark.parametrize("seed", range(20))
def test_strangers_leave_what_they_took_before_the_end(seed: int) -> None:
    for actions in script_of(seed).values():
        taken: list[str] = []
        for action in actions:
            if action.verb in ("squat", "usurp"):
                taken.append(f"{action.kind} {action.name}")
            elif action.verb == "leave":
                taken.remove(f"{action.kind} {action.name}")
        assert taken == []


@pytest.mark.parametrize("seed", range(20))
def test_an_edit_of_a_service_says_something_else_than_the_last(seed: int) -> None:
    script = script_of(seed)
    edits: dict[str, list[Action]] = {}
    for actions in script.values():
        for action in actions:
            if action.kind == "InferenceService" and action.verb == "apply":
                edits.setdefault(action.name, []).append(action)
    assert edits
    for named in edits.values():
        for before, after in pairwise(named):
            assert before.document != after.document


def test_scenes_are_of_many_sizes_and_enough_nodes_stay() -> None:
    scenes = [drawn(random.Random(seed)) for seed in range(100)]

    assert {len(scene.nodes) for scene in scenes} == {3, 4, 6}
    assert {len(scene.models) for scene in scenes} == {1, 2, 3}
    assert {len(scene.services) for scene in scenes} == {1, 2, 3}
    for scene in scenes:
        assert 2 <= scene.fewest_nodes < len(scene.nodes)
        played = [node for nodes in scene.agents.values() for node in nodes]
        assert sorted(played) == sorted(scene.nodes)
