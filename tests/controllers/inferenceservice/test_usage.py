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
topics = st.frozensets(st.sampled_from(["t", "u"]))
steps = st.lists(
    st.one_of(
        st.tuples(st.just("record"), services, st.frozensets(dependencies), st.booleans(), topics),
        st.tuples(
            st.just("forget"), services, st.just(frozenset()), st.just(False), st.just(frozenset())
        ),
    ),
    max_size=20,
)
Said = tuple[frozenset[Dependency], bool, frozenset[str]]


@given(steps)
def test_index_equals_a_recomputation(
    history: list[tuple[str, ObjectKey, frozenset[Dependency], bool, frozenset[str]]],
) -> None:
    usage = Usage()
    model: dict[ObjectKey, Said] = {}
    for action, service, used, waiting, wanted in history:
        if action == "record":
            usage.record(service, used, waiting=waiting, topics=frozenset(wanted))
            model[service] = (used, waiting, wanted)
        else:
            usage.forget(service)
            model.pop(service, None)
    for dependency in {item for used, _, _ in model.values() for item in used}:
        expected = sorted(key for key, (used, _, _) in model.items() if dependency in used)
        assert usage.users(dependency) == expected
    for topic in ("t", "u"):
        waiting_for = {key for key, (_, waits, said) in model.items() if waits and topic in said}
        assert usage.waiting_for([topic]) == waiting_for
        assert usage.waiting_for([topic], "a") == {
            key for key in waiting_for if key.namespace == "a"
        }
    for key in (ObjectKey("a", "x"), ObjectKey("b", "x")):
        assert usage.waits(key) == (key in model and model[key][1])


def test_an_object_that_nobody_uses_has_no_users() -> None:
    assert Usage().users(Dependency("BaseModel", "a", "none")) == []
    assert Usage().waiting_for(["anything"]) == set()
