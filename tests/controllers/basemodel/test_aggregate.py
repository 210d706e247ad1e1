"""The aggregate always equals a recomputation, and names exactly the models that changed."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from ome.agent.protocol import Entry, decode_entry
from ome.controllers.basemodel.aggregate import UNREADABLE, Aggregate
from tests.support.tiers import examples

NODES = ["n1", "n2", "n3"]
KEYS = ["clusterbasemodel.a", "ns.basemodel.b"]

entries = st.one_of(
    st.sampled_from(["{invalid", "{}"]),
    st.builds(
        lambda status, progress, path: json.dumps(
            {"name": "a", "status": status, "path": path, **progress}
        ),
        st.sampled_from(["Ready", "Failed", "Updating", "Deleted", "Odd"]),
        st.sampled_from(
            [
                {},
                {
                    "progress": {
                        "phase": "downloading",
                        "totalBytes": 2,
                        "completedBytes": 1,
                        "totalFiles": 1,
                        "completedFiles": 0,
                        "speedBytesPerSec": 1.5,
                        "lastUpdated": "2026-05-06T10:11:12Z",
                    }
                },
            ]
        ),
        st.sampled_from(["", "/raid/a"]),
    ),
)
steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("map"),
            st.sampled_from(NODES),
            st.one_of(st.none(), st.dictionaries(st.sampled_from(KEYS), entries)),
        ),
        st.tuples(st.just("node"), st.sampled_from(NODES), st.booleans()),
    ),
    max_size=30,
)


def _relevant(entry: Entry) -> Entry:
    return msgspec.structs.replace(entry, progress=None)


def recomputed(
    maps: dict[str, dict[str, str]], nodes: set[str]
) -> dict[str, dict[str, tuple[str, Entry | None]]]:
    """For each model, what each existing node says: the state and what of it counts."""
    found: dict[str, dict[str, tuple[str, Entry | None]]] = {}
    for node, data in maps.items():
        for key, text in data.items():
            if node in nodes:
                entry = decode_entry(text)
                said = (UNREADABLE, None) if entry is None else (entry.status, _relevant(entry))
                found.setdefault(key, {})[node] = said
    return found


@settings(max_examples=examples(400), deadline=None)
@given(steps)
def test_equals_a_recomputation(history: list[tuple[str, str, Any]]) -> None:
    aggregate = Aggregate()
    maps: dict[str, dict[str, str]] = {}
    nodes: set[str] = set()
    before = recomputed(maps, nodes)
    for action, node, value in history:
        if action == "map":
            changed = aggregate.config_map(node, value)
            if value is None:
                maps.pop(node, None)
            else:
                maps[node] = value
        else:
            changed = aggregate.node(node, value)
            (nodes.add if value else nodes.discard)(node)
        after = recomputed(maps, nodes)
        really = {key for key in KEYS if before.get(key, {}) != after.get(key, {})}
        assert really <= changed
        for key in KEYS:
            reports = aggregate.reports(key)
            said = {
                node: (report.state, report.entry)
                for report, held in reports.by_report.items()
                for node in held
            }
            for report, held in reports.by_report.items():
                assert reports.first(report) == min(held)
            texts = [msgspec.json.encode(report.entry) for report in reports.by_report]
            assert len(texts) == len(set(texts)), "what nodes say alike is one report"
            assert said == after.get(key, {})
            for state in ("Ready", "Failed", "Updating", "Deleted", UNREADABLE):
                assert reports.nodes(state) == sorted(
                    node for node, (held, _) in said.items() if held == state
                )
                assert reports.count(state) == len(reports.nodes(state))
        before = after


def test_progress_alone_changes_nothing() -> None:
    aggregate = Aggregate()
    aggregate.node("n1", True)
    entry = {"name": "a", "status": "Updating"}
    progress = {
        "phase": "downloading",
        "totalBytes": 2,
        "completedBytes": 1,
        "totalFiles": 1,
        "completedFiles": 0,
        "speedBytesPerSec": 1.5,
        "lastUpdated": "2026-05-06T10:11:12Z",
    }
    assert aggregate.config_map("n1", {KEYS[0]: json.dumps(entry)}) == {KEYS[0]}
    with_progress = json.dumps({**entry, "progress": progress})
    assert aggregate.config_map("n1", {KEYS[0]: with_progress}) == set()


def test_a_node_that_registers_late_counts_from_then() -> None:
    aggregate = Aggregate()
    ready = json.dumps({"name": "a", "status": "Ready"})
    assert aggregate.config_map("n1", {KEYS[0]: ready}) == set()
    assert aggregate.reports(KEYS[0]).nodes("Ready") == []
    assert aggregate.node("n1", True) == {KEYS[0]}
    assert aggregate.reports(KEYS[0]).nodes("Ready") == ["n1"]
    assert aggregate.node("n1", False) == {KEYS[0]}
    assert aggregate.reports(KEYS[0]).holding() == 0
