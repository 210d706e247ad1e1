"""Repetitions and reuse of names, where versions cannot tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ome.informers.decoding import Change, Decoder
from ome.informers.handlers import Handlers
from ome.informers.intake import Intake
from ome.informers.metrics import NoMetrics
from ome.informers.store import Store
from ome.kube.resource import ObjectKey
from tests.informers.server import THINGS, Thing
from tests.informers.support import Recorder
from tests.informers.test_overlay import ManualClock
from tests.informers.test_store import thing

if TYPE_CHECKING:
    from collections.abc import Sequence

KEY = ObjectKey("ns", "a")


def take_in(events: Sequence[tuple[str, str, str]]) -> Recorder:
    handlers: Handlers[Thing] = Handlers("things", NoMetrics())
    recorder = Recorder()
    handlers.add(recorder, [])
    intake = Intake("things", Decoder(Thing, THINGS), Store(ManualClock()), handlers, NoMetrics())
    for type_, version, uid in events:
        intake.change(Change(type_, thing(KEY, version, uid=uid)))
    assert intake.store.server_objects() == recorder.replay
    return recorder


@pytest.mark.parametrize(
    ("events", "told"),
    [
        ([("ADDED", "x", "1"), ("ADDED", "x", "1")], ["+a"]),
        ([("ADDED", "x", "1"), ("MODIFIED", "w", "1")], ["+a", "~a"]),
        ([("ADDED", "5", "1"), ("MODIFIED", "4", "1")], ["+a"]),
        ([("ADDED", "5", "1"), ("ADDED", "5", "1")], ["+a"]),
        ([("ADDED", "", "1"), ("MODIFIED", "", "1")], ["+a", "~a"]),
        ([("DELETED", "x", "1")], []),
        ([("ADDED", "x", "1"), ("DELETED", "y", "1"), ("DELETED", "y", "1")], ["+a", "-a"]),
        ([("ADDED", "x", "1"), ("MODIFIED", "y", "2")], ["+a", "-a", "+a"]),
        ([("ADDED", "x", "2"), ("DELETED", "y", "1")], ["+a"]),
    ],
)
def test_what_is_told(events: Sequence[tuple[str, str, str]], told: list[str]) -> None:
    assert take_in(events).kinds() == told
