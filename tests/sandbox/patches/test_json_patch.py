"""JSON patch, against what a real API server made of each operation."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ome.sandbox.patches import json_patch
from ome.sandbox.refusal import Refused
from tests.sandbox.patches.test_merge import JSON

FREE = {"l": [1, 2, 3], "n": 1.5, "i": 10000, "o": {"a": 1}, "size": 1}


def op(name: str, path: str, *value: Any, **more: Any) -> dict[str, Any]:
    return {"op": name, "path": path, **({"value": value[0]} if value else {}), **more}


@pytest.mark.parametrize(
    ("operations", "changed"),
    [
        ([], {}),
        ([op("add", "/l/-1", 9)], {"l": [1, 2, 3, 9]}),
        ([op("add", "/l/-4", 9)], {"l": [9, 1, 2, 3]}),
        ([op("add", "/l/3", 9)], {"l": [1, 2, 3, 9]}),
        ([op("add", "/l/01", 9)], {"l": [1, 9, 2, 3]}),
        ([op("add", "/l/-", 9), op("remove", "/l/0")], {"l": [2, 3, 9]}),
        ([op("add", "/c")], {"c": None}),
        ([op("add", "x/c", 1)], {"c": 1}),
        ([op("add", "/a~1b~0c", 1)], {"a/b~c": 1}),
        ([op("add", "/c", 1, bogus=1)], {"c": 1}),
        ([op("remove", "/l/-1")], {"l": [1, 2]}),
        ([op("replace", "/l/-1", 9)], {"l": [1, 2, 9]}),
        ([op("replace", "/zz", 9)], {"zz": 9}),
        ([op("replace", "/o/zz", 9)], {"o": {"a": 1, "zz": 9}}),
        ([op("test", "/l/-1", 3)], {}),
        ([op("test", "/n", 1.5), op("test", "/o", {"a": 1})], {}),
        ([op("test", "/zz", None), op("test", "/zz")], {}),
        ([op("add", "/q", None), op("test", "/q", None)], {"q": None}),
        ([op("copy", "/o/x", **{"from": "/o"})], {"o": {"a": 1, "x": {"a": 1}}}),
        ([op("copy", "/l/0", **{"from": "/l/0"})], {"l": [1, 1, 2, 3]}),
        ([op("copy", "/c", **{"from": "/zz"})], {"c": None}),
        (
            [op("copy", "/m", **{"from": "/l"}), op("add", "/m/-", 9)],
            {"m": [1, 2, 3, 9]},
        ),
        ([op("move", "/l/-", **{"from": "/l/0"})], {"l": [2, 3, 1]}),
        ([op("move", "/l/0", **{"from": "/l/0"})], {}),
    ],
)
def test_what_is_done(operations: list[Any], changed: dict[str, Any]) -> None:
    document = deepcopy(FREE)
    assert json_patch(document, operations) == {**FREE, **changed}
    assert document == FREE


def test_the_whole_document_can_be_replaced() -> None:
    assert json_patch(FREE, [op("replace", "", {"a": 1})]) == {"a": 1}


@pytest.mark.parametrize(
    "operation",
    [
        op("add", "/l/-5", 9),
        op("add", "/l/4", 9),
        op("add", "/new/x", 9),
        op("add", "/o/a/b", 9),
        op("add", "", {}),
        op("remove", "/zz"),
        op("remove", "/l/-"),
        op("remove", "/l/-4"),
        op("remove", "/l/x"),
        op("remove", ""),
        op("replace", "/l/3", 9),
        op("replace", "/l/-", 9),
        op("replace", "/l/x", 9),
        op("test", "/l/7", None),
        op("test", "/l/-", 9),
        op("test", "/no/zz", None),
        op("test", "/i", 10000.0),
        op("test", "/size", "1"),
        op("test", "/size", True),
        op("test", "/l", [1, 2]),
        op("test", "/o"),
        op("test", "", {}),
        op("move", "/o/x", **{"from": "/o"}),
        op("move", "/c", **{"from": "/zz"}),
        op("copy", "/z", **{"from": "/l/9"}),
        op("copy", "/z", **{"from": "/nope/x"}),
        op("copy", "/z"),
        op("bogus", "/l"),
        {"path": "/l"},
        {"op": "add", "value": 1},
    ],
)
def test_what_fails(operation: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refused:
        json_patch(FREE, [operation])
    assert refused.value.status() == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": "the server rejected our request due to an error in our request",
        "reason": "Invalid",
        "details": {},
        "code": 422,
    }


@pytest.mark.parametrize(
    ("operations", "message"),
    [
        ({"op": "add"}, "object into Go value of type []handlers.jsonPatchOp"),
        ("x", "string into Go value of type []handlers.jsonPatchOp"),
        ([1], "number into Go value of type handlers.jsonPatchOp"),
        ([op("add", 5)], "number into Go struct field jsonPatchOp.path of type string"),  # type: ignore[arg-type]
        ([{"op": 5}], "number into Go struct field jsonPatchOp.op of type string"),
    ],
)
def test_what_is_no_patch(operations: Any, message: str) -> None:
    with pytest.raises(Refused) as refused:
        json_patch(FREE, operations)
    assert refused.value.code == 400
    assert refused.value.message == f"error decoding patch: json: cannot unmarshal {message}"


@given(JSON, JSON)
def test_replacing_every_member_rebuilds_a_document(old: Any, new: Any) -> None:
    before, after = {"old": old}, {"new": new}
    operations = [op("test", "/old", old), op("add", "/new", new), op("remove", "/old")]
    assert json_patch(before, operations) == after


@given(st.lists(st.integers(), min_size=1), st.data())
def test_moving_within_a_list_is_pop_and_insert(items: list[int], data: st.DataObject) -> None:
    places = st.integers(0, len(items) - 1)
    source, target = data.draw(places), data.draw(places)
    moved = [*items[:source], *items[source + 1 :]]
    moved.insert(target, items[source])
    patch = [op("move", f"/l/{target}", **{"from": f"/l/{source}"})]
    assert json_patch({"l": items}, patch) == {"l": moved}
