"""Each planted defect is found, as hack/sim --defect would find it."""

from __future__ import annotations

import pytest

from hack.simulation.defects import DEFECTS, planted
from hack.simulation.verdict import judged

SEEDS = range(1, 301)
HOURS = 0.2


@pytest.mark.parametrize("name", DEFECTS)
def test_a_defect_replaces_what_is_there_and_goes_again(name: str) -> None:
    owner, attribute, defective, _ = DEFECTS[name]
    sound = getattr(owner, attribute)
    with planted(name):
        assert getattr(owner, attribute) is defective
    assert getattr(owner, attribute) is sound
    assert sound is not defective


@pytest.mark.nightly
@pytest.mark.timeout(4 * 3600)
@pytest.mark.parametrize("name", DEFECTS)
def test_a_planted_defect_is_found(name: str) -> None:
    found = next((seed for seed in SEEDS if judged(seed, HOURS, name).problems), None)

    assert found is not None
    assert judged(found, HOURS).problems == []
