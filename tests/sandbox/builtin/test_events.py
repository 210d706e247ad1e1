"""The two views of an event."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from ome.sandbox import builtin
from tests.sandbox.builtin.generating import generated


def test_names_of_the_newer_version() -> None:
    stored = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "a"},
        "involvedObject": {"kind": "Pod"},
        "message": "text",
        "source": {},
        "count": 2,
        "reportingComponent": "",
        "reportingInstance": "",
    }
    shown = builtin.event_to_events_v1(stored)
    assert shown == {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": "a"},
        "regarding": {"kind": "Pod"},
        "note": "text",
        "deprecatedSource": {},
        "deprecatedCount": 2,
    }
    assert builtin.event_from_events_v1(shown) == stored


@given(st.integers(0, 2**32))
def test_nothing_is_lost_between_the_views(seed: int) -> None:
    stored = generated(("", "Event"), random.Random(seed))
    builtin.set_defaults(("", "Event"), stored)
    assert builtin.event_from_events_v1(builtin.event_to_events_v1(stored)) == stored
