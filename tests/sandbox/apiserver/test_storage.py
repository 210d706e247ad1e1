"""Collections against a simple model: every version that was ever there, kept whole."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ome.kube.resource import ObjectKey
from ome.sandbox.apiserver.storage import Change, Collection, Store
from ome.sandbox.stored import Stored

NAMES = ["a", "b", "c", "d"]
KEYS = st.tuples(st.sampled_from(["", "x", "y"]), st.sampled_from(NAMES))
WRITES = st.lists(st.tuples(st.sampled_from(["put", "put", "delete"]), KEYS), max_size=60)
World = dict[ObjectKey, int]


def document(key: ObjectKey) -> dict[str, Any]:
    return {"metadata": {"namespace": key.namespace, "name": key.name, "uid": f"uid-{key.name}"}}


def write(store: Store, collection: Collection, action: str, key: ObjectKey) -> None:
    old = collection.get(key)
    if action == "delete":
        if old is not None:
            collection.apply(Change(store.next_version(), old, None))
        return
    version = store.next_version()
    collection.apply(Change(version, old, Stored.of(document(key), version)))


def played(store: Store, writes: list[tuple[str, tuple[str, str]]]) -> dict[int, World]:
    """The world after each version."""
    collection = store.collection("", "things")
    history: dict[int, World] = {store.version: {}}
    for action, (namespace, name) in writes:
        key = ObjectKey(namespace, name)
        before = store.version
        write(store, collection, action, key)
        if store.version != before:
            now = dict(history[before])
            now[key] = store.version
            if action == "delete":
                del now[key]
            history[store.version] = now
    return history


def world(objects: Any) -> World:
    return {key: stored.version for key, stored in objects.items()}


@given(WRITES)
def test_every_version_in_the_history_can_be_listed(
    writes: list[tuple[str, tuple[str, str]]],
) -> None:
    store = Store()
    history = played(store, writes)
    collection = store.collection("", "things")
    for version, expected in history.items():
        assert world(collection.as_of(version)) == expected
    listed = [stored.key for stored in collection.items()]
    assert listed == sorted(history[store.version])
    for namespace in ("x", "y"):
        inside = [stored.key for stored in collection.items(namespace)]
        assert inside == [key for key in listed if key.namespace == namespace]


@given(WRITES, st.integers(1, 12), st.integers(0, 60))
def test_a_watch_sees_all_that_happens_after_its_version_or_is_told_it_cannot(
    writes: list[tuple[str, tuple[str, str]]], most: int, start: int
) -> None:
    store = Store(most_changes=most)
    history = played(store, writes)
    collection = store.collection("", "things")
    version = min(100 + start, store.version)
    position = collection.position(version)
    if version < collection.floor:
        assert position is None
        with pytest.raises(LookupError):
            collection.as_of(version)
        return
    assert position is not None
    now = dict(history[version])
    while changes := collection.since(position, 3):
        position += len(changes)
        for change in changes:
            assert change.version > version
            if change.new is None:
                assert change.old is not None
                del now[change.old.key]
            else:
                now[change.new.key] = change.version
    assert now == history[store.version]


@given(WRITES)
def test_keys_after_a_key_are_the_rest_of_the_list(
    writes: list[tuple[str, tuple[str, str]]],
) -> None:
    store = Store()
    played(store, writes)
    collection = store.collection("", "things")
    every = list(collection.keys())
    for number, key in enumerate(every):
        assert list(collection.keys(after=key)) == every[number + 1 :]


def test_the_history_is_bounded_in_bytes() -> None:
    store = Store(most_bytes=2000)
    collection = store.collection("", "things")
    for _ in range(500):
        write(store, collection, "put", ObjectKey("x", "a"))
    held = [
        change.size for change in collection.since(collection.position(store.version) or 0) or []
    ]
    assert sum(held) <= 2000
    assert collection.floor > 100


def test_a_compaction_ends_watches_from_before() -> None:
    store = Store()
    collection = store.collection("", "things")
    write(store, collection, "put", ObjectKey("x", "a"))
    position = collection.position(100)
    collection.expire()
    write(store, collection, "put", ObjectKey("x", "b"))
    assert position is not None
    assert collection.since(position) is None
    assert collection.position(100) is None
    assert collection.position(store.version - 1) is not None


def test_subscribers_are_told_in_order_and_what_there_was_before() -> None:
    store = Store()
    collection = store.collection("", "things")
    write(store, collection, "put", ObjectKey("x", "a"))
    seen: list[tuple[str | None, str | None]] = []

    def note(old: Stored | None, new: Stored | None) -> None:
        seen.append((old.key.name if old else None, new.key.name if new else None))

    end = collection.subscribe(note, replay=True)
    write(store, collection, "put", ObjectKey("x", "a"))
    write(store, collection, "put", ObjectKey("x", "b"))
    write(store, collection, "delete", ObjectKey("x", "a"))
    end()
    write(store, collection, "delete", ObjectKey("x", "b"))
    assert seen == [(None, "a"), ("a", "a"), (None, "b"), ("a", None)]
