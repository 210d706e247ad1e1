"""A rule of more steps than the library takes refuses nothing."""

from __future__ import annotations

import pytest

from ome.api.openapi import SchemaNode
from ome.sandbox.schema import validate
from ome.sandbox.schema.cel import TooLong, evaluate

RULE = "self.items.all(a, self.items.exists_one(b, b == a))"


def test_more_than_ten_thousand_passes_are_too_long() -> None:
    items = [str(number) for number in range(101)]
    with pytest.raises(TooLong, match="budget"):
        evaluate(RULE, {"self": {"items": items}})


@pytest.mark.parametrize(("count", "refused"), [(20, True), (101, False)])
def test_a_rule_that_is_too_long_passes(count: int, refused: bool) -> None:
    spec = {
        "type": "object",
        "properties": {"items": {"type": "array", "items": {"type": "string"}}},
        "x-kubernetes-validations": [{"rule": RULE, "message": "no item twice"}],
    }
    node = SchemaNode({"type": "object", "properties": {"spec": spec}})
    twice = {"spec": {"items": [*map(str, range(count - 2)), "same", "same"]}}
    assert [cause.field for cause in validate(twice, node, None)] == (["spec"] if refused else [])
