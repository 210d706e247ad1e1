"""The object around the rows."""

from __future__ import annotations

from typing import Any

import pytest

from ome.sandbox.builtin.facts import FACTS
from ome.sandbox.tables import cells, columns, table

POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "a", "creationTimestamp": "1970-01-01T00:00:00Z"},
    "spec": {"containers": [{"name": "c"}]},
    "status": {"phase": "Pending"},
}
METADATA = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}


@pytest.mark.parametrize(
    ("include", "shown"),
    [
        ("None", None),
        ("Object", POD),
        ("Metadata", {**METADATA, "metadata": POD["metadata"]}),
        ("", {**METADATA, "metadata": POD["metadata"]}),
    ],
)
def test_what_stands_beside_the_cells(include: str, shown: Any) -> None:
    assert table([], [(["a"], POD)], {}, include)["rows"] == [{"cells": ["a"], "object": shown}]


def test_a_table_has_columns_and_one_that_goes_on_has_none() -> None:
    shown = columns(("", "Pod"), None)
    first = table(shown, [], {"resourceVersion": "7"}, "None")
    assert (first["kind"], first["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    assert first["metadata"] == {"resourceVersion": "7"}
    assert first["columnDefinitions"] == shown
    assert first["rows"] == []
    assert table([], [], {}, "None")["columnDefinitions"] is None


@pytest.mark.parametrize("gk", FACTS)
def test_every_kind_has_a_cell_for_each_column_even_of_a_bare_object(gk: tuple[str, str]) -> None:
    bare = {
        "apiVersion": f"{gk[0]}/v1" if gk[0] else "v1",
        "kind": gk[1],
        "metadata": {"name": "a"},
        "spec": {},
    }
    shown = columns(gk, None)
    row = cells(gk, bare, 60.0, None)
    assert len(row) == len(shown)
    assert "a" in row
    assert [column["name"] for column in shown if column["format"] == "name"] == ["Name"]


def test_a_custom_resource_without_columns_has_name_and_age() -> None:
    assert [column["name"] for column in columns(("g", "Thing"), [])] == ["Name", "Age"]
    assert cells(("g", "Thing"), POD, 60.0, []) == ["a", "60s"]


def test_a_path_that_is_none_leaves_its_cell_empty() -> None:
    column = {"name": "A", "type": "string", "jsonPath": "status"}
    assert cells(("g", "Thing"), POD, 60.0, [column]) == ["a", None]
