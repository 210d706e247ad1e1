"""What is said when a runtime is not chosen, and what a named one must fulfil."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ome.errors import SelectionError
from ome.selection import (
    Exclusion,
    RuntimeCandidate,
    SelectionRequest,
    Verdict,
    judge,
    select_runtime,
    validate_named_runtime,
)
from tests.selection.support import candidate, entry, model, request, sizes


def refused(asked: SelectionRequest, *candidates: RuntimeCandidate) -> SelectionError:
    with pytest.raises(SelectionError) as raised:
        select_runtime(asked, candidates)
    return raised.value


# One runtime.


def test_the_checks_run_in_order() -> None:
    asked = request(model(modelParameterSize="7B"), "h100")
    other, small = entry("other"), sizes("1B", "2B")
    listed: dict[str, Any] = {"acceleratorRequirements": {"acceleratorClasses": ["h100"]}}
    steps = [
        candidate("r", other, disabled=True, **small),
        candidate("r", other, **small),
        candidate("r", other, **small, **listed),
        candidate("r", entry(autoSelect=False), **small, **listed),
        candidate("r", entry(autoSelect=False), **listed),
        candidate("r", entry(), **listed),
    ]
    assert [judge(step, asked).exclusion for step in steps] == [
        Exclusion.DISABLED,
        Exclusion.ACCELERATOR,
        Exclusion.FORMAT,
        Exclusion.SIZE,
        Exclusion.NOT_ELIGIBLE,
        None,
    ]


def test_the_reason_of_a_format_lists_every_entry() -> None:
    wanted = model({"name": "onnx", "version": "1.0.0"}, quantization="int4")
    runtime = candidate("r", entry("a"), entry({"name": "onnx", "version": "2.0.0"}))
    assert judge(runtime, request(wanted)).reason == (
        "model format 'mt:onnx:1.0.0:int4' not in supported formats:"
        " model has quantization int4 but runtime has no quantization requirement,"
        " format name mismatch (model=onnx, runtime=a);"
        " model has quantization int4 but runtime has no quantization requirement,"
        " format version mismatch (model=1.0.0, runtime=2.0.0)"
    )
    assert judge(candidate("r"), request()).reason == (
        "model format 'mt:safetensors' not in supported formats: no supported formats defined"
    )


@pytest.mark.parametrize(
    ("low", "high", "size", "reason"),
    [
        ("5B", "9B", "5B", ""),
        ("5B", "9B", "9000M", ""),
        ("5B", "9B", "4.99B", "model size 4.99B is outside supported range [5B, 9B]"),
        (None, "9B", "10b", "model size 10b is outside supported range [, 9B]"),
        ("5B", None, "1B", "model size 1B is outside supported range [5B, ]"),
        ("5B", "9B", None, ""),
        ("5B", "9B", "7Billion", ""),
        ("junk", "9B", "1B", ""),
        (None, None, "1B", ""),
    ],
)
def test_the_size_lies_in_the_range(
    low: str | None, high: str | None, size: str | None, reason: str
) -> None:
    runtime = candidate("r", entry(), **sizes(low, high))
    assert judge(runtime, request(model(modelParameterSize=size))).reason == reason


@pytest.mark.parametrize(
    ("required", "listed", "fits"),
    [
        ([], None, True),
        ([], ["a"], True),
        (["a"], ["a", "b"], True),
        (["a", "b"], ["a"], False),
        (["a"], None, False),
        ([""], ["a"], False),
    ],
)
def test_every_required_class_must_be_listed(
    required: list[str], listed: list[str] | None, fits: bool
) -> None:
    requirements = None if listed is None else {"acceleratorClasses": listed}
    runtime = candidate("r", entry(), acceleratorRequirements=requirements)
    verdict = judge(runtime, request(None, *required))
    assert (verdict.exclusion is None) is fits


# Nothing found.


def test_without_runtimes_nothing_was_checked() -> None:
    text = str(refused(request()))
    start = "no runtime found to support model m with format safetensors in namespace demo"
    assert text.startswith(start)
    assert "Checked" not in text


def test_the_text_lists_both_scopes_by_name() -> None:
    found = [
        candidate("b", entry(), namespace="", disabled=True),
        candidate("b", entry(), disabled=True),
        candidate("a", entry(autoSelect=False), namespace=""),
        candidate("c", entry("other")),
    ]
    expected = (
        "no runtime found to support model m with format safetensors in namespace demo."
        " Checked 4 runtimes (2 namespace-scoped, 2 cluster-scoped). Excluded runtimes:"
        " b (runtime is disabled);"
        " c (model format 'mt:safetensors' not in supported formats:"
        " format name mismatch (model=safetensors, runtime=other));"
        " a (auto-select is not enabled for any supported format that matches the model);"
        " b (runtime is disabled)"
    )
    assert str(refused(request(), *found)) == expected
    assert str(refused(request(), *reversed(found))) == expected


def test_the_five_closest_are_listed() -> None:
    asked = request(model(modelParameterSize="7B"))
    two = entry("other", quantization="fp8")
    found = [
        candidate("disabled", entry(), disabled=True),
        candidate("far", two),
        candidate("near", two, entry("other")),
        candidate("near", entry("other"), namespace=""),
        candidate("size", entry(), namespace="", **sizes("1B", "2B")),
        candidate("weightless", entry({"name": "safetensors", "weight": -1}), namespace=""),
        candidate("quiet", entry(autoSelect=False)),
    ]
    error = refused(asked, *found)
    listed = str(error).split("Excluded runtimes: ")[1]
    assert listed.endswith("; and 2 more")
    places = [listed.index(f"{name} (") for name in ("near", "quiet", "size", "weightless")]
    assert "no supported format has a positive score" in listed
    assert places[:2] == sorted(places[:2])
    assert "far (" not in listed
    assert "disabled (" not in listed
    assert len(error.verdicts) == len(found)


def test_a_runtime_without_formats_is_the_farthest_of_its_kind() -> None:
    found = [candidate(f"r{number}", entry("other")) for number in range(5)]
    assert "empty (" not in str(refused(request(), candidate("empty"), *found))


def test_exactly_five_are_listed_whole() -> None:
    found = [candidate(f"r{number}", entry(), disabled=True) for number in range(5)]
    assert "more" not in str(refused(request(), *found))


@pytest.mark.parametrize("format_", [None, ""])
def test_a_model_without_format_is_refused_first(format_: str | None) -> None:
    text = "invalid model specification: modelFormat.name: model format name is required"
    assert text in str(refused(request(model(format_)), candidate("r", entry(), disabled=True)))
    with pytest.raises(SelectionError, match="model format name is required"):
        validate_named_runtime("r", "", request(model(format_)), [])


# Order.


def ordered(asked: SelectionRequest, *candidates: RuntimeCandidate) -> list[str]:
    return [verdict.runtime.name for verdict in select_runtime(asked, candidates).verdicts]


def test_scope_then_score_then_range_then_name() -> None:
    asked = request(model(modelParameterSize="7B"))
    found = [
        candidate("cluster", entry(priority=100), namespace="", **sizes("7B", "7B")),
        candidate("e-none", entry()),
        candidate("d-half", entry(), **sizes(None, "8B")),
        candidate("c-half", entry(), **sizes("1B", None)),
        candidate("b-wide", entry(), **sizes("1B", "20B")),
        candidate("z-narrow", entry(), **sizes("6B", "8B")),
        candidate("z-score", entry(priority=2)),
    ]
    expected = ["z-score", "z-narrow", "b-wide", "c-half", "d-half", "e-none", "cluster"]
    assert ordered(asked, *found) == expected


def test_without_a_size_the_name_decides() -> None:
    found = [candidate("b", entry(), **sizes("6B", "8B")), candidate("a", entry())]
    assert ordered(request(), *found) == ["a", "b"]
    junk = request(model(modelParameterSize="7Billion"))
    assert ordered(junk, *found) == ["a", "b"]


def test_names_are_ordered_by_bytes() -> None:
    found = [candidate(name, entry()) for name in ("a.b", "a-b", "a0", "Z")]
    assert ordered(request(), *found) == ["Z", "a-b", "a.b", "a0"]


# A runtime that the user named.


def test_a_named_runtime_is_looked_up_in_the_namespace_first() -> None:
    local, shared = candidate("r", entry()), candidate("r", entry(), namespace="")
    elsewhere = candidate("r", entry(), namespace="other")
    for kind in ("ClusterServingRuntime", "ServingRuntime"):
        found = validate_named_runtime("r", kind, request(), [shared, elsewhere, local])
        assert found.runtime is local
        assert found.verdicts == (Verdict(local),)
    named = validate_named_runtime("r", "ClusterServingRuntime", request(), [elsewhere, shared])
    assert named.runtime is shared


def test_each_refusal_of_a_named_runtime_has_its_text() -> None:
    def text(*candidates: RuntimeCandidate) -> str:
        with pytest.raises(SelectionError) as raised:
            validate_named_runtime("r", "ClusterServingRuntime", request(), candidates)
        return str(raised.value)

    assert text() == "runtime r not found in namespace demo or at cluster scope"
    fitting = candidate("r", entry(), namespace="")
    local = candidate("r", entry(), disabled=True)
    assert text(local, fitting) == "namespace-scoped runtime r is disabled"
    shared = candidate("r", entry(), namespace="", disabled=True)
    assert text(shared) == "cluster-scoped runtime r is disabled"
    assert text(candidate("r", entry("other")), fitting) == (
        "runtime r does not support model m: model format 'mt:safetensors' not in supported"
        " formats: format name mismatch (model=safetensors, runtime=other)"
    )


def test_the_class_that_a_runtime_does_not_list_is_named() -> None:
    asked = request(None, "h100", "b200")
    listed: dict[str, Any] = {"acceleratorRequirements": {"acceleratorClasses": ["h100"]}}
    assert judge(candidate("r", entry(), **listed), asked).reason == (
        "runtime does not support the required accelerator class b200"
    )
    assert judge(candidate("r", entry()), asked).reason.endswith("class b200, h100")


def test_a_named_runtime_is_compared_by_its_closest_format_alone() -> None:
    entries = [entry("other", modelArchitecture="A"), entry("other"), entry("more")]
    with pytest.raises(SelectionError) as raised:
        validate_named_runtime("r", "", request(), [candidate("r", *entries)])
    assert str(raised.value).endswith(
        "formats: format name mismatch (model=safetensors, runtime=other); and 2 farther formats"
    )


def test_a_named_runtime_needs_neither_auto_select_nor_a_score() -> None:
    quiet = candidate("r", entry({"name": "safetensors", "weight": -1}, autoSelect=False))
    assert validate_named_runtime("r", "", request(), [quiet]).runtime is quiet


# Laws.

entries = st.builds(
    lambda name, weight, auto, quantization: entry(
        {"name": name, "weight": weight}, autoSelect=auto, quantization=quantization
    ),
    st.sampled_from(["safetensors", "onnx"]),
    st.integers(-1, 3),
    st.sampled_from([True, True, False, None]),
    st.sampled_from([None, None, "fp8"]),
)
ranges = st.sampled_from([None, ("1B", "9B"), ("6B", "8B"), ("6B", None), (None, "2B"), ("x", "y")])
runtimes = st.lists(
    st.builds(
        lambda name, namespace, formats, bounds, disabled: candidate(
            name,
            *formats,
            namespace=namespace,
            disabled=disabled,
            **({} if bounds is None else sizes(*bounds)),
        ),
        st.sampled_from("abcdef"),
        st.sampled_from(["", "demo", "other"]),
        st.lists(entries, max_size=3),
        ranges,
        st.sampled_from([False, False, True]),
    ),
    unique_by=lambda found: (found.name, found.namespace),
    max_size=7,
)
models = st.builds(
    lambda size: request(model(modelParameterSize=size)), st.sampled_from([None, "7B", "1B"])
)


def outcome(asked: SelectionRequest, found: list[RuntimeCandidate]) -> list[object]:
    """The ranking and every verdict, or the text of the refusal."""
    try:
        return list(select_runtime(asked, found).verdicts)
    except SelectionError as error:
        return [str(error)]


@given(models, runtimes, st.data())
def test_the_order_of_the_list_changes_nothing(
    asked: SelectionRequest, found: list[RuntimeCandidate], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(found))
    assert outcome(asked, shuffled) == outcome(asked, found)


@given(models, runtimes)
def test_excluded_candidates_never_change_the_choice(
    asked: SelectionRequest, found: list[RuntimeCandidate]
) -> None:
    fitting = [
        item
        for item in found
        if item.namespace in ("", "demo") and judge(item, asked).exclusion is None
    ]
    if fitting:
        assert select_runtime(asked, found).runtime is select_runtime(asked, fitting).runtime
    else:
        assert len(refused(asked, *found).verdicts) == sum(
            item.namespace in ("", "demo") for item in found
        )


@given(models, runtimes)
def test_what_is_chosen_would_also_pass_by_name(
    asked: SelectionRequest, found: list[RuntimeCandidate]
) -> None:
    try:
        chosen = select_runtime(asked, found)
    except SelectionError:
        return
    assert chosen.score.total > 0
    assert chosen.entry is not None
    scope = [item for item in found if item.namespace == chosen.runtime.namespace]
    named = validate_named_runtime(chosen.runtime.name, "", asked, scope)
    assert named.runtime is chosen.runtime
