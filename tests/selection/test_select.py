"""Which runtime is chosen, and what is said of the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ome.api import BaseModelSpec, ServingRuntimeSpec
from ome.errors import SelectionError
from ome.selection import (
    Exclusion,
    RuntimeCandidate,
    SelectionRequest,
    judge,
    select_runtime,
    validate_named_runtime,
)

if TYPE_CHECKING:
    import random

MODEL: dict[str, Any] = {
    "modelFormat": {"name": "pytorch"},
    "modelFramework": {"name": "transformers"},
    "modelParameterSize": "7B",
    "storage": {"storageUri": "hf://a/b"},
}


def model(**changes: Any) -> BaseModelSpec:
    held = {key: value for key, value in {**MODEL, **changes}.items() if value is not None}
    return BaseModelSpec.model_validate(held)


def request(**changes: Any) -> SelectionRequest:
    return SelectionRequest("m", model(**changes), "default")


def entry(weight: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "modelFormat": {"name": "pytorch", "weight": weight},
        "modelFramework": {"name": "transformers", "weight": 0},
        "autoSelect": True,
        **changes,
    }


def runtime(
    name: str, namespace: str = "default", *entries: dict[str, Any], **spec: Any
) -> RuntimeCandidate:
    formats = list(entries) or [entry()]
    parsed = ServingRuntimeSpec.model_validate({"supportedModelFormats": formats, **spec})
    return RuntimeCandidate(name, namespace, parsed)


def sizes(low: str, high: str) -> dict[str, Any]:
    return {"modelSizeRange": {"min": low, "max": high}}


WORKED = [
    runtime("multi-format-rt", "default", entry(5, priority=1), **sizes("1B", "20B")),
    runtime("pytorch-rt", "default", entry(10, priority=2), **sizes("1B", "10B")),
    runtime("cluster-pytorch-rt", "", entry(7), **sizes("5B", "15B")),
    runtime("disabled-rt", "default", entry(99), disabled=True),
    runtime("no-autoselect-rt", "default", entry(20, autoSelect=False)),
]


@given(st.permutations(WORKED))
def test_the_worked_example_in_any_order(candidates: list[RuntimeCandidate]) -> None:
    chosen = select_runtime(request(), candidates)
    assert chosen.runtime.name == "pytorch-rt"
    assert [verdict.runtime.name for verdict in chosen.verdicts] == [
        "pytorch-rt",
        "multi-format-rt",
        "cluster-pytorch-rt",
        "no-autoselect-rt",
        "disabled-rt",
    ]


def test_the_namespace_wins_over_any_score() -> None:
    local, shared = runtime("a", "default", entry(1)), runtime("b", "", entry(1000))
    assert select_runtime(request(), [shared, local]).runtime is local


def test_other_namespaces_are_invisible() -> None:
    with pytest.raises(SelectionError, match="no runtime found"):
        select_runtime(request(), [runtime("a", "elsewhere")])


@pytest.mark.parametrize(
    ("ranges", "expected"),
    [
        ({"wide": sizes("1B", "99B"), "narrow": sizes("6B", "8B")}, "narrow"),
        ({"any": {}, "wide": sizes("1B", "99B")}, "wide"),
        ({"any": {}, "open": {"modelSizeRange": {"min": "1B"}}}, "open"),
        (
            {"open": {"modelSizeRange": {"min": "1B"}}, "wide": sizes("1B", "99B")},
            "wide",
        ),
    ],
)
def test_the_closer_size_range_wins(ranges: dict[str, dict[str, Any]], expected: str) -> None:
    candidates = [runtime(name, "default", **spec) for name, spec in ranges.items()]
    assert select_runtime(request(), candidates).runtime.name == expected


@pytest.mark.parametrize(
    ("candidate", "changes", "kind", "reason"),
    [
        (runtime("r", disabled=True), {}, Exclusion.DISABLED, "runtime is disabled"),
        (
            runtime("r", "default", **sizes("8B", "9B")),
            {},
            Exclusion.SIZE,
            "model size 7B is outside supported range [8B, 9B]",
        ),
        (
            runtime("r", "default", entry(modelArchitecture="Llama")),
            {"modelArchitecture": "Qwen"},
            Exclusion.FORMAT,
            "architecture mismatch (model=Qwen, runtime=Llama)",
        ),
        (
            runtime("r", "default", entry(quantization="fp8")),
            {},
            Exclusion.FORMAT,
            "model has no quantization but runtime requires fp8",
        ),
        (
            runtime("r", "default", entry()),
            {"modelArchitecture": "Qwen"},
            Exclusion.FORMAT,
            "model has architecture Qwen but runtime has no architecture requirement",
        ),
        (
            runtime("r", "default", entry(autoSelect=False)),
            {},
            Exclusion.NOT_ELIGIBLE,
            "auto-select is not enabled",
        ),
        (
            runtime("r", "default", entry(weight=-9)),
            {},
            Exclusion.NOT_ELIGIBLE,
            "no supported format has a positive score",
        ),
    ],
)
def test_each_exclusion_has_its_reason(
    candidate: RuntimeCandidate, changes: dict[str, Any], kind: Exclusion, reason: str
) -> None:
    verdict = judge(candidate, request(**changes))
    assert verdict.exclusion is kind
    assert reason in verdict.reason


def test_every_required_class_must_be_listed() -> None:
    listed = runtime("r", acceleratorRequirements={"acceleratorClasses": ["a", "b"]})
    wants = SelectionRequest("m", model(), "default", frozenset({"a", "b"}))
    assert judge(listed, wants).exclusion is None
    more = SelectionRequest("m", model(), "default", frozenset({"a", ""}))
    assert judge(listed, more).exclusion is Exclusion.ACCELERATOR


def test_only_matching_entries_lend_their_priority() -> None:
    mixed = runtime(
        "mixed",
        "default",
        entry(1),
        entry(1, modelArchitecture="Other", priority=50),
    )
    verdict = judge(mixed, request())
    assert verdict.score.priority == 1


def test_of_many_excluded_the_five_closest_are_told() -> None:
    candidates = [runtime(f"r{number}", disabled=True) for number in range(7)]
    candidates.append(runtime("near", "default", entry(autoSelect=False)))
    with pytest.raises(SelectionError) as raised:
        select_runtime(request(), candidates)
    text = str(raised.value)
    assert "near (auto-select is not enabled" in text
    assert text.endswith("; and 3 more")
    assert "Checked 8 runtimes (8 namespace-scoped, 0 cluster-scoped)" in text


def test_a_model_without_format_is_refused() -> None:
    with pytest.raises(SelectionError, match=r"modelFormat\.name"):
        select_runtime(request(modelFormat=None), [runtime("r")])


@pytest.mark.parametrize(
    ("kind", "expected"), [("ServingRuntime", None), ("ClusterServingRuntime", "")]
)
def test_the_kind_of_a_named_runtime_says_where_to_look(kind: str, expected: str | None) -> None:
    shared = runtime("r", "")
    if expected is None:
        with pytest.raises(SelectionError, match="runtime r not found in namespace default"):
            validate_named_runtime("r", kind, request(), [shared])
    else:
        chosen = validate_named_runtime("r", kind, request(), [shared])
        assert chosen.runtime.namespace == expected


def test_a_named_runtime_needs_no_auto_select_but_must_be_enabled_and_fit() -> None:
    quiet = runtime("r", "default", entry(autoSelect=False))
    assert validate_named_runtime("r", "", request(), [quiet]).runtime is quiet
    hidden = [runtime("r", disabled=True), runtime("r", "")]
    with pytest.raises(SelectionError, match="namespace-scoped runtime r is disabled"):
        validate_named_runtime("r", "", request(), hidden)
    with pytest.raises(SelectionError, match="runtime r does not support model m"):
        validate_named_runtime(
            "r",
            "",
            request(modelParameterSize="900B"),
            [runtime("r", "default", **sizes("1B", "2B"))],
        )


candidates_strategy = st.lists(
    st.builds(
        lambda name, namespace, weight, auto, disabled: runtime(
            name, namespace, entry(weight, autoSelect=auto), disabled=disabled
        ),
        st.sampled_from("abcdef"),
        st.sampled_from(["", "default"]),
        st.integers(-1, 3),
        st.booleans(),
        st.booleans(),
    ),
    unique_by=lambda candidate: (candidate.name, candidate.namespace),
    max_size=8,
)


def outcome(candidates: list[RuntimeCandidate]) -> tuple[str, str] | str:
    try:
        chosen = select_runtime(request(), candidates).runtime
    except SelectionError as error:
        return str(error)
    return chosen.namespace, chosen.name


@given(candidates_strategy, st.randoms(use_true_random=False))
def test_the_order_of_the_list_does_not_matter(
    candidates: list[RuntimeCandidate], rng: random.Random
) -> None:
    shuffled = list(candidates)
    rng.shuffle(shuffled)
    assert outcome(shuffled) == outcome(candidates)


@given(candidates_strategy)
def test_an_excluded_runtime_changes_no_choice(candidates: list[RuntimeCandidate]) -> None:
    before = outcome(candidates)
    after = outcome([*candidates, runtime("zzz", disabled=True)])
    if isinstance(before, tuple):
        assert after == before
