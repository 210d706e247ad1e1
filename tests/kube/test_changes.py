"""A change of a status in words."""

from __future__ import annotations

from typing import Any

import pytest

from ome.kube.changes import status_changes

NOT_READY = {"type": "Ready", "status": "False", "reason": "Waiting", "message": "no pod"}
READY = {"type": "Ready", "status": "True"}


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ({}, {"conditions": [NOT_READY]}, ["Ready False: Waiting: no pod"]),
        ({"conditions": [NOT_READY]}, {"conditions": [READY]}, ["Ready False -> True"]),
        ({"conditions": [READY]}, {"conditions": [{**READY, "lastTransitionTime": "x"}]}, []),
        ({}, {"state": "In_Transit"}, ["state none -> In_Transit"]),
        ({"state": "In_Transit"}, {"state": "Ready"}, ["state In_Transit -> Ready"]),
        ({"url": "a"}, {"url": "b"}, []),
    ],
)
def test_changes(before: dict[str, Any], after: dict[str, Any], said: list[str]) -> None:
    assert list(status_changes(before, after)) == said
