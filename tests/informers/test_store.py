"""What the model test of the overlay does not say: the store's own contract and its corners."""

from __future__ import annotations

from typing import Any

import pytest
from structlog.testing import capture_logs

from ome.informers.decoding import Decoder
from ome.informers.projection import Metadata, key_of
from ome.informers.store import Store
from ome.kube.resource import ObjectKey
from tests.informers.server import THINGS, Thing
from tests.informers.test_overlay import ManualClock

A, B = ObjectKey("ns", "a"), ObjectKey("other", "b")


def thing(key: ObjectKey, version: str, value: int = 0, uid: str = "") -> Thing:
    metadata = Metadata(
        name=key.name, namespace=key.namespace, uid=uid or key.name, resource_version=version
    )
    return Thing(metadata, value)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def store(clock: ManualClock) -> Store[Thing]:
    store: Store[Thing] = Store(clock, convert=Decoder(Thing, THINGS).convert)
    store.put(A, thing(A, "1"), "1")
    store.put(B, thing(B, "2"), "2")
    return store


def test_reading(store: Store[Thing]) -> None:
    assert store.get(A) == thing(A, "1")
    assert store.get(ObjectKey("ns", "b")) is None
    assert store.keys() == [A, B]
    assert [key_of(obj) for obj in store.values()] == [A, B]
    assert len(store) == 2
    assert A in store
    assert "a" not in store
    assert [key_of(obj) for obj in store.namespace("other")] == [B]
    assert store.namespace("nowhere") == []


def test_an_index_covers_what_was_there_and_what_comes(store: Store[Thing]) -> None:
    def of(obj: Thing) -> list[int]:
        return [obj.value, obj.value + 1]

    store.add_index("value", of)
    store.add_index("value", of)
    store.put(A, thing(A, "3", 1), "3")
    assert [key_of(obj) for obj in store.by_index("value", 1)] == [A, B]
    assert [key_of(obj) for obj in store.by_index("value", 2)] == [A]
    store.remove(B, uid="b", version="4", event="4")
    assert [key_of(obj) for obj in store.by_index("value", 1)] == [A]
    assert store.by_index("value", 0) == []


def test_index_names_are_taken_once(store: Store[Thing]) -> None:
    store.add_index("value", lambda obj: [obj.value])
    with pytest.raises(ValueError, match="'value'"):
        store.add_index("value", lambda obj: [obj.value])
    with pytest.raises(KeyError):
        store.by_index("other", 1)


def test_an_index_function_that_raises_harms_nobody(store: Store[Thing]) -> None:
    with capture_logs() as logs:
        store.add_index("inverse", lambda obj: [1 // obj.value])
        store.put(A, thing(A, "3", 1), "3")
    assert [key_of(obj) for obj in store.by_index("inverse", 1)] == [A]
    assert {entry["event"] for entry in logs} == {"index.failed"}
    assert {entry["index"] for entry in logs} == {"inverse"}


def test_a_document_is_converted(store: Store[Thing]) -> None:
    metadata = {"name": "a", "namespace": "ns", "uid": "a", "resourceVersion": "9"}
    store.shadow(A, {"metadata": metadata, "value": 4, "spec": {}}, "9", "a")
    assert store.get(A) == thing(A, "9", 4)
    with pytest.raises(TypeError, match="no converter"):
        Store[Thing](ManualClock()).shadow(A, {}, "9", "a")


def test_a_shadow_lasts_five_seconds(store: Store[Thing], clock: ManualClock) -> None:
    store.shadow(A, thing(A, "9", 4), "9", "a")
    clock.now = 4.9
    assert store.values()[0].value == 4
    clock.now = 5.0
    assert store.values()[0].value == 0


def test_a_second_shadow_of_one_key_does_not_keep_others_alive(
    store: Store[Thing], clock: ManualClock
) -> None:
    store.shadow(A, thing(A, "9", 4), "9", "a")
    clock.now = 1.0
    store.shadow(B, thing(B, "10", 4), "10", "b")
    clock.now = 3.0
    store.shadow(A, thing(A, "11", 5), "11", "a")
    clock.now = 6.0
    assert [obj.value for obj in (store.get(A), store.get(B)) if obj] == [5, 0]
    clock.now = 8.0
    assert store.server_objects() == {obj.metadata.key: obj for obj in store.values()}


def test_versions_that_are_no_numbers(store: Store[Thing]) -> None:
    store.shadow(A, thing(A, "x", 4), "x", "a")
    assert getattr(store.get(A), "value", None) == 4
    store.put(A, thing(A, "y", 5), "y")
    assert getattr(store.get(A), "value", None) == 5
    store.shadow(A, thing(A, "y", 6), "y", "a")
    assert getattr(store.get(A), "value", None) == 5, "the watch was faster"


@pytest.mark.parametrize(
    ("list_version", "seen"),
    [("8", True), ("9", False), ("10", False)],
)
def test_a_relist_removes_a_shadow_only_at_or_past_its_version(
    store: Store[Thing], list_version: str, seen: bool
) -> None:
    new = ObjectKey("ns", "new")
    store.shadow(new, thing(new, "9"), "9", "new")
    store.shadow(A, thing(A, "9", 4), "9", "a")
    store.remove(A, uid="", version=list_version)
    store.reached(list_version)
    assert (new in store) is seen
    assert (A in store) is seen


def test_a_deletion_is_hidden_and_another_object_of_the_name_is_not(store: Store[Thing]) -> None:
    store.shadow_deleted(A, "somebody else's")
    assert A in store
    store.shadow_deleted(A, "a")
    assert A not in store
    assert store.server(A) is not None
    store.put(A, thing(A, "5", 1), "5")
    assert A not in store, "the last words of what we deleted"
    store.put(A, thing(A, "7", 2, uid="a2"), "7")
    assert A in store


def test_the_order_of_results_does_not_depend_on_hashes(store: Store[Thing]) -> None:
    keys = [ObjectKey("ns", name) for name in "zyxwv"]
    for number, key in enumerate(keys):
        store.put(key, thing(key, str(number + 10)), str(number + 10))
    found: list[Any] = [key_of(obj) for obj in store.namespace("ns")]
    assert found == [A, *keys]
