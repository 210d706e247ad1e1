"""Rows of a real API server, and those that the sandbox makes of the same objects."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ome.sandbox.tables import cells, columns, table

RECORDED: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parent / "recorded.json").read_text()
)
_EVERY = pytest.mark.parametrize("name", RECORDED)


def _gk(case: dict[str, Any]) -> tuple[str, str]:
    return case["object"]["apiVersion"].rpartition("/")[0], case["object"]["kind"]


@_EVERY
def test_columns_are_those_of_the_real_server(name: str) -> None:
    case = RECORDED[name]
    shown = columns(_gk(case), case.get("additional"))
    assert [_without_description(column) for column in shown] == case["columns"]


@_EVERY
def test_cells_are_those_of_the_real_server(name: str) -> None:
    case = RECORDED[name]
    # The server looked at its clock somewhere between the two.
    possible = [
        cells(_gk(case), case["object"], now, case.get("additional")) for now in case["between"]
    ]
    assert case["cells"] in possible


@_EVERY
def test_rows_end_as_those_of_the_real_server(name: str) -> None:
    case = RECORDED[name]
    (row,) = table([], [(case["cells"], case["object"])], {}, "Object")["rows"]
    ends = [
        [(one["type"], one["status"], one["reason"]) for one in which.get("conditions", ())]
        for which in (row, case)
    ]
    assert ends[0] == ends[1]
    assert row["object"] == case["object"]


def _without_description(column: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in column.items() if name != "description"}
