"""The usage index against a plain recomputation."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ome.controllers.inferenceservice.usage import Dependency, Usage
from ome.kube.resource import ObjectKey

services = st.sampled_from([ObjectKey("a", "x"), ObjectKey("a", "y"), ObjectKey("b", "x")])
dependencies = st.sampled_from(
    [
        Dependency("ClusterBaseModel", "", "m"),
        Dependency("BaseModel", "a", "m"),
        Dependency("ClusterServingRuntime", "", "r"),
    ]
)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("record"), services, st.frozensets(dependencies), st.booleans()),
        st.tuples(st.just("forget"), services, st.just(frozenset()), st.just(False)),
    ),
    max_size=20,
)


@given(steps)
def test_index_equals_a_recomputation(
    history: list[tuple[str, ObjectKey, frozenset[Dependency], bool]],
) -> None:
    usage = Usage()
    model: dict[ObjectKey, tuple[frozenset[Dependency], bool]] = {}
    for action, service, used, waiting in history:
        if action == "record":
            usage.record(service, used, waiting=waiting)
            model[service] = (used, waiting)
        else:
            usage.forget(service)
            model.pop(service, None)
    for dependency in {item for used, _ in model.values() for item in used}:
        expected = sorted(service for service, (used, _) in model.items() if dependency in used)
        assert usage.users(dependency) == expected
    assert usage.waiting() == sorted(service for service, (_, waits) in model.items() if waits)
    assert usage.waiting("a") == [key for key in usage.waiting() if key.namespace == "a"]


def test_an_object_that_nobody_uses_has_no_users() -> None:
    assert Usage().users(Dependency("BaseModel", "a", "none")) == []
