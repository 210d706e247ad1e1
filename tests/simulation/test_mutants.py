"""Each defect that hack/mutants plants still has its place; whether it is found, takes long."""

from __future__ import annotations

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_each_mutant_has_exactly_one_place() -> None:
    mutants = runpy.run_path(str(ROOT / "hack/mutants"), run_name="mutants")["MUTANTS"]
    lost = [m.name for m in mutants if (ROOT / m.where[0]).read_text().count(m.old) != 1]
    assert lost == []
