"""A seed replays exactly, and a short life of it finds nothing."""

from __future__ import annotations

import pytest

from hack.simulation.verdict import judged

pytestmark = pytest.mark.timeout(300)


@pytest.mark.slow
def test_a_seed_replays_exactly() -> None:
    first, second = judged(7, hours=0.2), judged(7, hours=0.2)

    assert first.problems == []
    assert first.digest == second.digest
    assert first.faults == second.faults
    assert judged(8, hours=0.2).digest != first.digest
