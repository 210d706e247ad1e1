"""Each planted defect is found, as hack/sim --defect would find it."""

from __future__ import annotations

import pytest

from hack.simulation.defects import DEFECTS
from hack.simulation.verdict import judged

SEEDS = range(1, 301)
HOURS = 0.2


@pytest.mark.nightly
@pytest.mark.timeout(4 * 3600)
@pytest.mark.parametrize("name", DEFECTS)
def test_a_planted_defect_is_found(name: str) -> None:
    found = next((seed for seed in SEEDS if judged(seed, HOURS, name).problems), None)

    assert found is not None
    assert judged(found, HOURS).problems == []
