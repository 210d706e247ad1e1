"""What is said to disturb nobody on a shared control plane is there, and runs no operator."""

from __future__ import annotations

import pytest

from tests.support.workers import BESIDE, TESTS


@pytest.mark.parametrize("name", BESIDE)
def test_what_runs_beside_operators_runs_none(name: str) -> None:
    files = list((TESTS / name).glob("test_*.py")) if name.endswith("/") else [TESTS / name]
    assert files
    for path in files:
        text = path.read_text()
        assert "tests.e2e.harness" not in text, path
        assert "operate(" not in text, path
