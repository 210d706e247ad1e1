"""The overlay against a model: what is visible is the newest of what we know, for five seconds."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ome.informers.decoding import Change, Decoder
from ome.informers.handlers import Handlers
from ome.informers.intake import Intake
from ome.informers.metrics import NoMetrics
from ome.informers.projection import Metadata
from ome.informers.store import Store
from ome.kube.resource import ObjectKey
from tests.informers.server import THINGS, Thing
from tests.informers.support import Recorder
from tests.support.tiers import examples

KEYS = [ObjectKey("ns", name) for name in "ab"]


class ManualClock:
    now = 0.0

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.now

    def boottime(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("a store does not wait")


def by_value(obj: Any) -> tuple[int]:
    return (obj.value % 2,)


class Overlay(RuleBasedStateMachine):
    """A server with a history; its events and the responses to our writes arrive when they like."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock()
        self.store: Store[Thing] = Store(self.clock)
        self.store.add_index("value", by_value)
        self.recorder = Recorder()
        handlers: Handlers[Thing] = Handlers("things", NoMetrics())
        handlers.add(self.recorder, [])
        self.intake = Intake("things", Decoder(Thing, THINGS), self.store, handlers, NoMetrics())
        self.version = 0
        self.history: list[tuple[int, ObjectKey, Thing | None, str]] = []
        self.responses: list[tuple[int, ObjectKey, Thing | None, str]] = []
        self.delivered = 0
        # The model: for each key the responses that were shown: (version, when).
        self.shown: dict[ObjectKey, list[tuple[int, float]]] = {key: [] for key in KEYS}

    def truth(self, key: ObjectKey, version: int) -> Thing | None:
        """The object as it was at a version of the server."""
        found = None
        for at, changed, obj, _uid in self.history:
            if at <= version and changed == key:
                found = obj
        return found

    def effective(self, key: ObjectKey) -> int:
        """The version as of which we should see this key."""
        live = [v for v, at in self.shown[key] if self.clock.now < at + 5]
        return max([self.delivered, *live])

    # The server

    @rule(key=st.sampled_from(KEYS), value=st.integers(0, 5), ours=st.booleans())
    def write(self, key: ObjectKey, value: int, ours: bool) -> None:
        self.version += 1
        old = self.truth(key, self.version)
        uid = old.metadata.uid if old else f"uid-{self.version}"
        metadata = Metadata(
            name=key.name, namespace=key.namespace, uid=uid, resource_version=str(self.version)
        )
        self.happened(key, Thing(metadata, value), uid, ours)

    @rule(key=st.sampled_from(KEYS), ours=st.booleans())
    def delete(self, key: ObjectKey, ours: bool) -> None:
        old = self.truth(key, self.version)
        if old is not None:
            self.version += 1
            self.happened(key, None, old.metadata.uid, ours)

    def happened(self, key: ObjectKey, obj: Thing | None, uid: str, ours: bool) -> None:
        entry = (self.version, key, obj, uid)
        self.history.append(entry)
        if ours:
            self.responses.append(entry)

    # What arrives

    @precondition(lambda self: self.responses)
    @rule(data=st.data())
    def response(self, data: st.DataObject) -> None:
        index = data.draw(st.integers(0, len(self.responses) - 1))
        version, key, obj, uid = self.responses.pop(index)
        visible = self.truth(key, self.effective(key))
        if obj is not None:
            self.store.shadow(key, obj, str(version), uid)
        else:
            self.store.shadow_deleted(key, uid)
            if visible is None or visible.metadata.uid != uid:
                return  # there is nothing of it to hide
        if version > self.effective(key):
            self.shown[key].append((version, self.clock.now))

    @precondition(lambda self: self.delivered < self.version)
    @rule()
    def event(self) -> None:
        version, key, obj, uid = next(e for e in self.history if e[0] > self.delivered)
        last = self.truth(key, version - 1)
        if obj is None:
            assert last is not None
            metadata = Metadata(
                name=key.name, namespace=key.namespace, uid=uid, resource_version=str(version)
            )
            self.intake.change(Change("DELETED", Thing(metadata, last.value)))
        else:
            self.intake.change(Change("MODIFIED" if last else "ADDED", obj))
        self.delivered = version

    @rule(data=st.data())
    def bookmark(self, data: st.DataObject) -> None:
        upcoming = [e[0] for e in self.history if e[0] > self.delivered]
        if not upcoming:
            self.store.reached(str(self.delivered))

    @rule(data=st.data())
    def relist(self, data: st.DataObject) -> None:
        version = data.draw(st.integers(self.delivered, self.version))
        self.intake.begin()
        for key in KEYS:
            obj = self.truth(key, version)
            if obj is not None:
                self.intake.present(obj)
        for _ in self.intake.replace(str(version)):
            pass
        self.delivered = version

    @rule(seconds=st.sampled_from([0.1, 1.0, 2.5, 4.9, 5.0, 60.0]))
    def time(self, seconds: float) -> None:
        self.clock.now += seconds

    # What must hold

    @invariant()
    def readers_see_the_newest(self) -> None:
        seen = {}
        for key in KEYS:
            want = self.truth(key, self.effective(key))
            assert self.store.get(key) == want
            if want is not None:
                seen[key] = want
        assert {obj.metadata.key: obj for obj in self.store.values()} == seen
        assert set(self.store.keys()) == set(seen)
        assert len(self.store) == len(seen)
        assert all((key in self.store) == (key in seen) for key in KEYS)
        assert {o.metadata.key for o in self.store.namespace("ns")} == set(seen)
        for parity in (0, 1):
            indexed = {o.metadata.key for o in self.store.by_index("value", parity)}
            assert indexed == {key for key, obj in seen.items() if obj.value % 2 == parity}

    @invariant()
    def handlers_follow_the_server(self) -> None:
        want = {key: obj for key in KEYS if (obj := self.truth(key, self.delivered)) is not None}
        assert self.recorder.replay == want
        assert self.store.server_objects() == want


TestOverlay = Overlay.TestCase
TestOverlay.settings = settings(
    max_examples=examples(300), stateful_step_count=40, deadline=None, derandomize=True
)
