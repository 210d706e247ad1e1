from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ome.webhooks.patch import json_patch
from tests.support.fake_patches import json_patch as applied

_NAMES = st.text(alphabet="ab/~é", max_size=3)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from([0.0, 1.0]) | _NAMES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_NAMES, inner, max_size=4),
    max_leaves=12,
)
_OBJECTS = st.dictionaries(_NAMES, _VALUES, max_size=4)


@given(_OBJECTS, _OBJECTS)
def test_the_patch_leads_from_one_to_the_other(before: Any, after: Any) -> None:
    result = applied(before, json_patch(before, after))
    # As text, for in Python 1 == 1.0 == True.
    assert json.dumps(result, sort_keys=True) == json.dumps(after, sort_keys=True)


@given(_OBJECTS)
def test_equal_objects_need_no_patch(obj: Any) -> None:
    assert json_patch(obj, json.loads(json.dumps(obj))) == []


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (
            {"a": {"b": 1, "kept": 2}},
            {"a": {"b": 3, "kept": 2}},
            [{"op": "replace", "path": "/a/b", "value": 3}],
        ),
        (
            {"metadata": {"annotations": {}}},
            {"metadata": {"annotations": {"ome.io/a~b": "x"}}},
            [{"op": "add", "path": "/metadata/annotations/ome.io~1a~0b", "value": "x"}],
        ),
        (
            {"containers": [{"name": "a"}]},
            {"containers": [{"name": "a", "env": []}, {"name": "b"}]},
            [
                {"op": "add", "path": "/containers/0/env", "value": []},
                {"op": "add", "path": "/containers/-", "value": {"name": "b"}},
            ],
        ),
        ({"a": [1, 2]}, {"a": [1]}, [{"op": "replace", "path": "/a", "value": [1]}]),
        ({"a": [1, 2]}, {"a": [0, 1, 2]}, [{"op": "replace", "path": "/a", "value": [0, 1, 2]}]),
        ({"a": 1, "b": 2}, {"b": 2}, [{"op": "remove", "path": "/a"}]),
        ({"a": None}, {"a": {}}, [{"op": "replace", "path": "/a", "value": {}}]),
    ],
)
def test_only_what_differs_is_named(before: Any, after: Any, expected: Any) -> None:
    assert json_patch(before, after) == expected
