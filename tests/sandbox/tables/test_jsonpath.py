"""Paths of printer columns."""

from __future__ import annotations

from typing import Any

import pytest

from ome.sandbox.tables.jsonpath import values_at

DOCUMENT = {
    "metadata": {"labels": {"example.com/name": "a", "plain": "b"}},
    "items": [
        {"name": "x", "size": 1, "on": True},
        {"name": "y", "size": 2, "tags": ["p", "q"]},
        {"name": "z", "size": 3.5},
    ],
    "nothing": None,
}


@pytest.mark.parametrize(
    ("path", "values"),
    [
        (".metadata.labels.plain", ["b"]),
        (r".metadata.labels.example\.com/name", ["a"]),
        (r".metadata.labels['example\.com/name']", ["a"]),
        ('.metadata["labels"].plain', ["b"]),
        (".metadata['labels.plain']", ["b"]),
        (".metadata.labels.*", ["a", "b"]),
        (".items[0].name", ["x"]),
        (".items[-1].name", ["z"]),
        (".items[7].name", []),
        (".items[-7].name", []),
        (".items[*].name", ["x", "y", "z"]),
        (".items[1:].name", ["y", "z"]),
        (".items[:2].name", ["x", "y"]),
        (".items[0:3:2].name", ["x", "z"]),
        (".items[1].tags[1]", ["q"]),
        ('.items[?(@.name=="y")].size', [2]),
        (".items[?(@.name == 'y')].size", [2]),
        ('.items[?(@.name!="y")].size', [1, 3.5]),
        (".items[?(@.size>1)].name", ["y"]),
        (".items[?(@.size<=2)].name", ["x", "y"]),
        (".items[?(@.size>=3.5)].name", ["z"]),
        (".items[?(@.on==true)].name", ["x"]),
        (".items[?(@.tags)].name", ["y"]),
        ('.items[?(@.name==")")].name', []),
        (".nothing", [None]),
        (".nothing.more", []),
        (".items.name", []),
        (".metadata[0]", []),
        (".metadata[0:1]", []),
        (".absent", []),
        ("", [DOCUMENT]),
    ],
)
def test_values_at_a_path(path: str, values: list[Any]) -> None:
    assert values_at(path, DOCUMENT) == values


@pytest.mark.parametrize("path", ["items", ".items[", ".items[x]", ".items[?(name)]", ".a..b"])
def test_what_is_no_path(path: str) -> None:
    with pytest.raises(ValueError, match="not a JSONPath"):
        values_at(path, DOCUMENT)
