"""What holds for every document of the right types, however wrong it is otherwise."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ome.sandbox import builtin
from ome.sandbox.builtin.facts import FACTS
from ome.sandbox.tables import cells, columns
from tests.sandbox.builtin.generating import documents

_EVERY_KIND = pytest.mark.parametrize("gk", FACTS)
_SOME = settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))


@_EVERY_KIND
@_SOME
@given(data=st.data())
def test_defaulting_twice_is_defaulting_once(gk: tuple[str, str], data: st.DataObject) -> None:
    document = data.draw(documents(gk))
    builtin.set_defaults(gk, document)
    once = copy.deepcopy(document)
    builtin.set_defaults(gk, document)
    assert document == once


@_EVERY_KIND
@_SOME
@given(data=st.data())
def test_a_create_ends_in_an_object_or_in_causes(gk: tuple[str, str], data: st.DataObject) -> None:
    document = _created(gk, data.draw(documents(gk)))
    _said(gk, document, None)
    assert len(cells(gk, document, 60.0, None)) == len(columns(gk, None))


@_EVERY_KIND
@_SOME
@given(data=st.data(), subresource=st.sampled_from(("", "status")))
def test_an_update_ends_in_an_object_or_in_causes(
    gk: tuple[str, str], data: st.DataObject, subresource: str
) -> None:
    old = _created(gk, data.draw(documents(gk)))
    document = data.draw(documents(gk))
    document["metadata"]["name"] = old["metadata"]["name"]
    if subresource and not builtin.has_status(gk):
        subresource = ""
    builtin.prepare_update(gk, document, old, subresource)
    builtin.set_defaults(gk, document, old)
    builtin.bumps_generation(gk, old, document)
    _said(gk, document, old)


@_EVERY_KIND
@_SOME
@given(data=st.data())
def test_an_update_that_changes_nothing_is_as_valid_as_the_object(
    gk: tuple[str, str], data: st.DataObject
) -> None:
    old = _created(gk, data.draw(documents(gk)))
    same = copy.deepcopy(old)
    builtin.prepare_update(gk, same, old, "")
    builtin.set_defaults(gk, same, old)
    assert same == old
    assert not builtin.bumps_generation(gk, old, same)
    assert _said(gk, same, old) <= _said(gk, old, None)


def _created(gk: tuple[str, str], document: dict[str, Any]) -> dict[str, Any]:
    builtin.prepare_create(gk, document)
    builtin.set_defaults(gk, document)
    return document


def _said(gk: tuple[str, str], document: dict[str, Any], old: dict[str, Any] | None) -> set[str]:
    causes = builtin.validate_metadata(
        document["metadata"], True, old["metadata"] if old else None, builtin.name_rule(gk)
    )
    causes += builtin.validate(gk, document, old)
    assert all(cause.reason.startswith("FieldValue") for cause in causes)
    return {str(cause) for cause in causes}
