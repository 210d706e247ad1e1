from __future__ import annotations

import pytest

from ome.informers.versions import at_or_past, older


@pytest.mark.parametrize(
    ("version", "than", "answer"),
    [
        ("9", "10", True),
        ("10", "9", False),
        ("10", "10", False),
        ("99999999999999999999", "100000000000000000000", True),
        ("a", "b", False),
        ("b", "a", False),
        ("", "1", False),
        ("1", "", False),
        ("-1", "1", False),
    ],
)
def test_order(version: str, than: str, answer: bool) -> None:
    assert older(version, than) is answer
    assert at_or_past(version, than) is not answer
