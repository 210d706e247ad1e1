"""Each refusal of a runtime: its field, the reason and the next step; and each remark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ome.webhooks.documents import Documents
from ome.webhooks.registry import Undecodable
from ome.webhooks.servingruntime import validate
from tests.webhooks.objects import (
    EMPTY,
    ENTRY,
    NAMESPACE,
    cluster,
    document,
    review,
    runtime,
    told,
)

if TYPE_CHECKING:
    from ome.webhooks.registry import Problem

KINDS = ("ServingRuntime", "ClusterServingRuntime")
M = (
    "invalid configuration: for MultiNode deployment, both leader and worker must be defined and"
    " worker.size must be greater than 0"
)
R = "invalid configuration: for RawDeployment, leader and worker must not be defined"


def mode(value: str) -> list[dict[str, Any]]:
    return [{"name": f"c-{value}", "env": [{"name": "DEPLOYMENT_MODE", "value": value}]}]


MULTI, RAW = mode("MultiNode"), mode("RawDeployment")
SIZED = {"workers": {"size": 2}}
ENGINE: dict[str, Any] = {"engineConfig": {}}
TOPOLOGY: list[tuple[dict[str, Any], str, str, str]] = [
    ({"workers": {"size": 0}}, "spec.workers.size", M, "write 1 or more"),
    ({"workers": {"size": -1}, "decoderConfig": {}}, "spec.workers.size", M, "write 1 or more"),
    ({**ENGINE, "containers": MULTI}, "spec.workers", M, "add spec.workers.size"),
    ({**ENGINE, "containers": MULTI, "workers": {}}, "spec.workers", M, "add spec.workers.size"),
    ({**ENGINE, "containers": RAW, **SIZED}, "spec.workers", R, "remove spec.workers"),
    ({**ENGINE, "containers": [*MULTI, *RAW], **SIZED}, "spec.workers", R, "or the variable"),
]


def judge(given: dict[str, Any], lookup: Documents | None = None) -> tuple[Problem, ...]:
    return validate(review(given), lookup or cluster()).problems


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("spec", "field", "reason", "step"), TOPOLOGY)
def test_topology(kind: str, spec: dict[str, Any], field: str, reason: str, step: str) -> None:
    (problem,) = judge(runtime(kind=kind, **spec))
    assert problem.field == field
    assert reason in problem.message
    assert step in problem.message


ACCEPTED: list[dict[str, Any]] = [
    {"engineConfig": {}, "decoderConfig": {}, "workers": {"size": 0}},
    {**ENGINE, **SIZED},
    {**ENGINE, **SIZED, "containers": MULTI},
    {**ENGINE, "containers": RAW},
    {**ENGINE, "containers": RAW, "workers": {}},
    {"decoderConfig": {}, "containers": MULTI},
    {"containers": RAW, **SIZED},
    {"disabled": True, "workers": {"size": 0}},
    {"disabled": True, "acceleratorRequirements": {"acceleratorClasses": ["none"]}},
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("spec", ACCEPTED)
def test_what_is_accepted(kind: str, spec: dict[str, Any]) -> None:
    assert judge(runtime(kind=kind, **spec)) == ()


@pytest.mark.parametrize("kind", KINDS)
def test_unknown_accelerator_classes_are_named_in_order(kind: str) -> None:
    known = cluster(document("AcceleratorClass", "a100"))
    required = {"acceleratorClasses": ["z1", "a100", "b2"]}
    (problem,) = judge(runtime(kind=kind, acceleratorRequirements=required), known)
    assert problem.field == "spec.acceleratorRequirements.acceleratorClasses"
    text = "unknown accelerator classes referenced in AcceleratorRequirements: [z1 b2]"
    assert text in problem.message
    assert "create the AcceleratorClass objects first" in problem.message


def formats(*entries: tuple[str | None, str, int | None, bool]) -> list[dict[str, Any]]:
    found = []
    for name, form, priority, auto in entries:
        entry: dict[str, Any] = {**ENTRY, "modelFormat": {"name": form}, "autoSelect": auto}
        entry.pop("priority")
        if name is not None:
            entry["name"] = name
        if priority is not None:
            entry["priority"] = priority
        found.append(entry)
    return found


PRIORITIES: list[tuple[list[dict[str, Any]], list[tuple[int, str]]]] = [
    (formats(("a", "x", 1, True), ("a", "y", 2, True)), [(1, "a")]),
    (formats(("a", "x", 1, True), ("a", "y", 1, True)), []),
    (formats((None, "x", 1, True), (None, "y", 2, True)), []),
    (formats((None, "x", 1, True), ("", "x", 2, True)), [(1, "x")]),
    (formats(("a", "x", None, True), ("a", "x", 1, True), ("a", "x", 2, True)), [(2, "a")]),
    (formats(("a", "x", 1, True), ("a", "x", 2, False)), []),
    (formats(("a", "x", 1, True), ("A", "x", 2, True)), []),
    (
        formats(("a", "x", 1, True), ("b", "x", 1, True), ("a", "x", 2, True), ("b", "x", 3, True)),
        [(2, "a"), (3, "b")],
    ),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("entries", "found"), PRIORITIES)
def test_priorities_inside_a_runtime(
    kind: str, entries: list[dict[str, Any]], found: list[tuple[int, str]]
) -> None:
    """Also for the very first runtime of a cluster."""
    problems = judge(runtime(kind=kind, supportedModelFormats=entries), cluster())
    assert [problem.field for problem in problems] == [
        f"spec.supportedModelFormats[{index}].priority" for index, _ in found
    ]
    for problem, (_, format_) in zip(problems, found, strict=True):
        assert (
            f"different priorities assigned for the model format {format_} under the"
            f" {kind.lower()} srt" in problem.message
        )
        assert "give all its entries with autoSelect one priority" in problem.message


# What the other runtime changes of an equal one, and whether the two then conflict.
MEETINGS: list[tuple[dict[str, Any], dict[str, Any], bool]] = [
    ({}, {}, True),
    ({"modelFormat": {"name": "safetensors", "operator": "Equal", "weight": 1}}, {}, True),
    ({"modelFormat": {"name": "safetensors", "weight": 2}}, {}, False),
    ({"modelFormat": {"name": "safetensors", "version": "1"}}, {}, False),
    ({"modelFramework": {"name": "other"}}, {}, False),
    ({"modelArchitecture": "Other"}, {}, False),
    ({"quantization": "fp8"}, {}, False),
    ({"version": "1"}, {}, False),
    ({"name": "a"}, {}, False),
    ({"diffusionPipeline": {}}, {}, True),
    ({"priority": 2}, {}, False),
    ({"autoSelect": False}, {}, False),
    ({}, {"disabled": True}, False),
    ({}, {"protocolVersions": ["openInference-v2"]}, False),
    ({}, {"protocolVersions": []}, False),
    ({}, {"protocolVersions": ["openInference-v2", "openAI"]}, True),
    ({}, {"modelSizeRange": {"min": "1B"}}, False),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("entry", "spec", "conflict"), MEETINGS)
def test_equal_priorities_of_two_runtimes(
    kind: str, entry: dict[str, Any], spec: dict[str, Any], conflict: bool
) -> None:
    lookup = cluster(runtime("other", kind, entry, **spec))
    verdict = validate(review(runtime(kind=kind)), lookup)
    assert verdict.problems == ()
    where = " in namespace team-a" if kind == "ServingRuntime" else ""
    text = (
        f"same priority assigned for the model format safetensors in the {kind.lower()}s other and"
        f" srt{where}"
    )
    assert any(text in warning for warning in verdict.warnings) == conflict, told(verdict)


def test_sizes_and_legacy_names_that_are_equal_conflict() -> None:
    bounds: dict[str, Any] = {"modelSizeRange": {"min": "1B", "max": "9B"}}
    lookup = cluster(runtime("other", entry={"name": "Llama"}, **bounds))
    verdict = validate(review(runtime(entry={"name": "llama"}, **bounds)), lookup)
    assert "model format llama" in told(verdict)


def test_the_two_kinds_and_other_namespaces_do_not_meet() -> None:
    elsewhere = runtime("other", "ServingRuntime")
    elsewhere["metadata"]["namespace"] = "team-b"
    lookup = cluster(runtime("shared"), elsewhere, runtime("srt", "ServingRuntime"))
    assert validate(review(runtime(kind="ServingRuntime")), lookup).warnings == ()


def test_many_conflicts_are_a_short_answer() -> None:
    lookup = cluster(*(runtime(f"r{number}") for number in range(40)))
    warnings = validate(review(runtime()), lookup).warnings
    assert len(warnings) == 6
    assert warnings[-1].endswith("the same with 35 more clusterservingruntimes")


REMARKS: list[tuple[dict[str, Any], str]] = [
    ({"supportedModelFormats": []}, "spec.supportedModelFormats: is empty"),
    ({"modelSizeRange": {"min": "many"}}, "spec.modelSizeRange.min: 'many' is not a size"),
    ({"modelSizeRange": {"max": "7Billion"}}, "spec.modelSizeRange.max: '7Billion' is not a size"),
    (
        {"modelSizeRange": {"min": "70B", "max": "9B"}},
        "min 70B is greater than max 9B",
    ),
    (
        {"supportedModelFormats": [{**ENTRY, "modelFormat": {"name": "a", "operator": "Less"}}]},
        "spec.supportedModelFormats[0].modelFormat.operator: 'Less' is not known",
    ),
    (
        {"supportedModelFormats": [{**ENTRY, "modelFramework": {"name": "a", "version": "1.x"}}]},
        "spec.supportedModelFormats[0].modelFramework.version: version '1.x'",
    ),
    (
        {"supportedModelFormats": [{**ENTRY, "acceleratorConfig": {"H100": {}}}]},
        "spec.supportedModelFormats[0].acceleratorConfig: H100 is not among",
    ),
    ({"engineConfig": {"leader": {}}}, "add spec.engineConfig.worker"),
    ({"decoderConfig": {"worker": {"size": 1}}}, "add spec.decoderConfig.leader"),
    (
        {"engineConfig": {"leader": {}, "worker": {"size": 0}}},
        "spec.engineConfig.worker.size: for MultiNode deployment",
    ),
    (
        {"routerConfig": {"minReplicas": 3, "maxReplicas": 2}},
        "spec.routerConfig.maxReplicas: 2 is below minReplicas 3",
    ),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("spec", "text"), REMARKS)
def test_remarks_do_not_refuse(kind: str, spec: dict[str, Any], text: str) -> None:
    verdict = validate(review(runtime(kind=kind, **spec)), EMPTY)
    assert verdict.problems == ()
    (warning,) = verdict.warnings
    assert text in warning


class Used(Documents):
    def services_using(self, runtime_kind: str, namespace: str, name: str) -> tuple[int, int]:
        used = {
            ("ClusterServingRuntime", "", "srt"): (3, 1),
            ("ServingRuntime", NAMESPACE, "srt"): (1, 12),
        }
        return used.get((runtime_kind, namespace, name), (0, 0))


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("ClusterServingRuntime", "3 InferenceServices with 1 pod use this runtime"),
        ("ServingRuntime", "1 InferenceService with 12 pods use this runtime"),
    ],
)
def test_an_edit_says_who_feels_it(kind: str, text: str) -> None:
    before = runtime(kind=kind)
    edited = runtime(kind=kind, engineConfig={"runner": {"name": "a", "image": "new"}})
    (warning,) = validate(review(edited, before), Used(())).warnings
    assert text in warning
    assert "rolls out a few services at a time" in warning
    off = runtime(kind=kind, disabled=True)
    (warning,) = validate(review(off, before), Used(())).warnings
    assert f"spec.disabled: {text}; they keep running" in warning
    assert (
        validate(
            review(runtime("new", kind), runtime("new", kind, disabled=True)), Used(())
        ).warnings
        == ()
    )


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_judged(kind: str) -> None:
    broken = runtime(kind=kind, workers={"size": 0})
    labelled = runtime(kind=kind, workers={"size": 0})
    labelled["metadata"]["labels"] = {"a": "b"}
    assert validate(review(labelled, broken), Used(())).warnings == ()
    assert validate(review(labelled, broken), Used(())).problems == ()
    broken["metadata"]["deletionTimestamp"] = "2026-05-06T10:11:12Z"
    assert validate(review(broken, runtime(kind=kind)), Used(())).problems == ()


@pytest.mark.parametrize("kind", KINDS)
def test_values_of_a_wrong_type_are_named(kind: str) -> None:
    with pytest.raises(
        Undecodable, match=r"spec\.supportedModelFormats\[0\]\.priority: must be at least 1"
    ):
        judge(runtime(kind=kind, entry={"priority": 0}))
