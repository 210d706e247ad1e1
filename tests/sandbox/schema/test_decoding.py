"""Bodies as JSON and as YAML, and fields that stand in them twice."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ome.sandbox.refusal import Refused
from ome.sandbox.schema import decode

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text() | st.floats(-1e6, 1e6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("body", "duplicates"),
    [
        ('{"a":1,"b":2}', []),
        ('{"a":1,"a":2}', ["a"]),
        ('{"a":1,"a":2,"a":3}', ["a", "a"]),
        ('{"a":{"b":1,"b":1}}', ["a.b"]),
        ('{"a":[{"b":1},{"b":1,"b":1}]}', ["a[1].b"]),
        ('{"a":[[{"b":1,"b":1}]]}', ["a[0][0].b"]),
        (r'{"a":"\u0022\u0022","b":1,"b":1}', ["b"]),
        (r'{"a":"\"","b":"\"\""}', []),
        ("a: 1\nb: {c: 1, c: 2}\n", ["b.c"]),
        ("a: [{b: 1, b: 2}]\na: 1\n", ["a[0].b", "a"]),
        ("x: &x {a: 1}\ny: {<<: *x, a: 2}\n", []),
    ],
)
def test_duplicate_fields_by_path(body: str, duplicates: list[str]) -> None:
    assert decode(body.encode(), strict=True)[1] == duplicates
    assert decode(body.encode(), strict=False)[1] == []


def test_the_last_of_two_counts() -> None:
    assert decode(b'{"a":1,"a":2}', strict=True)[0] == {"a": 2}
    assert decode(b"a: 1\na: 2\n", strict=True)[0] == {"a": 2}


@pytest.mark.parametrize(
    ("body", "value"),
    [
        ("a: 2020-01-01", "2020-01-01"),
        ("a: 2020-01-01T00:00:00Z", "2020-01-01T00:00:00Z"),
        ("a: yes", True),
        ("a: 'yes'", "yes"),
        ("a: 1", 1),
        ("a: 1.5", 1.5),
        ("a: 1.0", 1),
        ("a: 0x10", 16),
        ("a: ~", None),
        ("a:", None),
        ("a: {1: x, true: y}", {"1": "x", "true": "y"}),
        ("a: |\n  b\n  c\n", "b\nc\n"),
        ("x: &x [1]\na: *x", [1]),
        ("x: &x {b: 1, c: 2}\na: {<<: *x, c: 3}", {"b": 1, "c": 3}),
    ],
)
def test_yaml_says_what_its_json_would(body: str, value: Any) -> None:
    found = decode(body.encode(), strict=True)[0]["a"]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    "body",
    [b"", b"  ", b"plain", b'{"a":', b"a: [b", b"a: .nan", b"a: !!binary YQ==", b'{"a": NaN}',
     b'"\xff"', b"? [a]\n: b", b"a: !!python/object:x.y {}", b"---\na: 1\n---\nb: 2\n"],
)  # fmt: skip
def test_what_is_neither_is_refused_in_one_line(body: bytes) -> None:
    with pytest.raises(Refused) as refused:
        decode(body, strict=True)
    assert refused.value.code == 400
    assert refused.value.message.startswith("the body of the request ")
    assert "\n" not in refused.value.message


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_deep_nesting_is_refused(opening: str) -> None:
    with pytest.raises(Refused):
        decode((opening * 100_000).encode(), strict=True)


@given(VALUES)
def test_json_keeps_values_and_their_types(value: Any) -> None:
    found, duplicates = decode(json.dumps(value).encode(), strict=True)
    assert repr(found) == repr(value)
    assert duplicates == []


@given(st.dictionaries(st.text("abc", min_size=1), st.integers() | st.booleans() | st.none()))
def test_yaml_and_json_of_one_value_agree(value: dict[str, Any]) -> None:
    assert decode(yaml.safe_dump({"x": value}).encode(), strict=True) == ({"x": value}, [])
