"""Each planted defect is found, as hack/sim --defect would find it."""

from __future__ import annotations

import pytest

from hack.simulation.defects import DEFECTS
from hack.simulation.verdict import judged

SEEDS = 300


@pytest.mark.nightly
@pytest.mark.timeout(4 * 3600)
@pytest.mark.parametrize("name", DEFECTS)
def test_a_planted_defect_is_found(name: str) -> None:
    assert any(judged(seed, hours=0.3, defect=name).problems for seed in range(1, SEEDS + 1))
