from __future__ import annotations

from typing import Any, ClassVar

import msgspec
import pytest

from ome.informers.projection import (
    Metadata,
    PartialMetadata,
    ProjectionError,
    WholeObject,
    merge_projections,
)


class Condition(msgspec.Struct, frozen=True, rename="camel"):
    type: str
    status: str = "Unknown"


class TimedCondition(msgspec.Struct, frozen=True, rename="camel"):
    type: str
    last_transition_time: str = ""


class NodeStatus(msgspec.Struct, frozen=True, rename="camel"):
    allocatable: dict[str, str] = {}
    conditions: tuple[Condition, ...] = ()


class TimedStatus(msgspec.Struct, frozen=True, rename="camel"):
    conditions: tuple[TimedCondition, ...] = ()
    node_info: msgspec.Raw = msgspec.Raw()


class Capacity(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    metadata: Metadata
    status: NodeStatus = NodeStatus()
    unit: ClassVar[str] = "Ki"

    def gpus(self) -> int:
        return int(self.status.allocatable.get("nvidia.com/gpu", "0"))


class Times(msgspec.Struct, frozen=True, rename="camel"):
    metadata: Metadata
    status: TimedStatus = TimedStatus()
    kind: str = ""

    @property
    def times(self) -> list[str]:
        return [condition.last_transition_time for condition in self.status.conditions]


def test_one_class_is_its_own_union() -> None:
    assert merge_projections(Capacity) is Capacity
    assert merge_projections(Capacity, Capacity) is Capacity


def test_fields_are_merged_at_any_depth_and_methods_kept() -> None:
    union = merge_projections(Capacity, Times, PartialMetadata)
    obj: Any = msgspec.json.decode(
        b'{"kind":"Node","metadata":{"name":"n"},"status":{"allocatable":{"nvidia.com/gpu":"8"},'
        b'"nodeInfo":{"x":1},"extra":[1],'
        b'"conditions":[{"type":"Ready","status":"True","lastTransitionTime":"T"}]}}',
        type=union,
    )
    assert obj.metadata.name == "n"
    assert obj.kind == "Node"
    assert obj.gpus() == 8
    assert obj.times == ["T"]
    assert obj.unit == "Ki"
    assert obj.status.conditions[0].status == "True"
    assert bytes(obj.status.node_info) == b'{"x":1}'
    with pytest.raises(AttributeError):
        obj.kind = "Pod"


def test_defaults_of_nested_structs_are_those_of_the_union() -> None:
    union = merge_projections(Capacity, Times)
    obj = msgspec.json.decode(b'{"metadata":{"name":"n"}}', type=union)
    assert obj.status.allocatable == {}
    assert obj.status.conditions == ()
    assert not obj.status.node_info


def test_a_field_that_one_requires_gets_the_default_of_the_other() -> None:
    class Strict(msgspec.Struct, frozen=True):
        metadata: Metadata
        value: int

    class Lenient(msgspec.Struct, frozen=True):
        metadata: Metadata
        value: int = 3

    for union in (merge_projections(Strict, Lenient), merge_projections(Lenient, Strict)):
        assert msgspec.json.decode(b'{"metadata":{}}', type=union).value == 3


def test_optional_structs_are_merged() -> None:
    class First(msgspec.Struct, frozen=True):
        metadata: Metadata
        status: NodeStatus | None = None

    class Second(msgspec.Struct, frozen=True):
        metadata: Metadata
        status: TimedStatus | None = None

    union = merge_projections(First, Second)
    assert msgspec.json.decode(b'{"metadata":{}}', type=union).status is None
    obj = msgspec.json.decode(b'{"metadata":{},"status":{"nodeInfo":1}}', type=union)
    assert obj.status.allocatable == {}
    assert bytes(obj.status.node_info) == b"1"


def test_lists_and_dicts_of_structs_are_merged() -> None:
    class First(msgspec.Struct, frozen=True):
        metadata: Metadata
        by_name: dict[str, list[Condition]] = {}

    class Second(msgspec.Struct, frozen=True):
        metadata: Metadata
        by_name: dict[str, list[TimedCondition]] = {}

    union = merge_projections(First, Second)
    obj = msgspec.json.decode(
        b'{"metadata":{},"by_name":{"a":[{"type":"R","lastTransitionTime":"T"}]}}', type=union
    )
    assert obj.by_name["a"][0].status == "Unknown"
    assert obj.by_name["a"][0].last_transition_time == "T"


def test_a_whole_object_can_be_shared_with_a_reader_of_metadata() -> None:
    class Extra(msgspec.Struct, frozen=True, rename="camel"):
        metadata: Metadata
        reporting_controller: str = ""

    union = merge_projections(PartialMetadata, WholeObject, Extra)
    obj = msgspec.json.decode(b'{"metadata":{"name":"a"},"spec":{"x":1}}', type=union)
    assert obj.document() == {"metadata": {"name": "a"}, "spec": {"x": 1}}


def struct(name: str, *more: Any, **options: Any) -> type[Any]:
    return msgspec.defstruct(name, [("metadata", Metadata), *more], **{"frozen": True, **options})


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (
            struct("A", ("value", int, 0)),
            struct("B", ("value", str, "")),
            "A and B declare value differently: int and str",
        ),
        (
            struct("A", ("value", str, "")),
            struct("B", ("value", str | None, None)),
            r"A and B declare value differently: str and str \| None",
        ),
        (
            struct("A", ("spec", msgspec.Raw, msgspec.Raw())),
            struct("B", ("spec", NodeStatus, NodeStatus())),
            "declare spec differently: Raw and NodeStatus",
        ),
        (
            struct("A", ("status", struct("C", ("x", int, 0)))),
            struct("B", ("status", struct("D", ("x", bool, False)))),
            "C and D declare status.x differently: int and bool",
        ),
        (
            struct("A", ("value", int, 0)),
            struct("B", ("value", int, 1)),
            "A and B give value different defaults",
        ),
        (
            struct("A", ("some_value", int, 0), rename={"some_value": "value"}),
            struct("B", ("value", int, 0)),
            "name the field value differently: some_value, value",
        ),
        (
            struct("A", ("value", int, 0), rename={"value": "one"}),
            struct("B", ("value", int, 0)),
            "A and B use value for fields of different names",
        ),
        (
            struct("A", namespace={"answer": lambda self: 1}),
            struct("B", namespace={"answer": lambda self: 2}),
            "both define answer",
        ),
        (struct("A", frozen=False), struct("B"), "A must be frozen"),
        (struct("A"), struct("B", tag="b"), "B must be a plain struct"),
        (struct("A"), struct("B", array_like=True), "B must be a plain struct"),
    ],
)
def test_what_does_not_fit_is_an_error_that_names_both(
    first: type[Any], second: type[Any], message: str
) -> None:
    with pytest.raises(ProjectionError, match=message):
        merge_projections(first, second)


def test_methods_that_use_super_cannot_be_shared() -> None:
    class Parent(msgspec.Struct, frozen=True):
        metadata: Metadata

        def name(self) -> str:
            return self.metadata.name

    class Child(Parent, frozen=True):
        def name(self) -> str:
            return super().name()

    assert merge_projections(Child) is Child
    with pytest.raises(ProjectionError, match=r"name uses super\(\)"):
        merge_projections(Child, Capacity)


def test_nothing_cannot_be_merged() -> None:
    with pytest.raises(ProjectionError, match="nothing to merge"):
        merge_projections()
