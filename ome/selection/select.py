"""Which runtime serves a model, and why not the others: pure and deterministic.

A runtime *fits* when it is enabled, lists every accelerator class that the service requires, has an
entry that matches the model, and the model's size lies in its range. One that fits may be *chosen*
when an entry that matches says ``autoSelect`` and its score is positive. Runtimes of the namespace
come before those of the cluster; then the score, the closeness of the size range and the name
decide, so that neither the order of a list nor a creation time does.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from ome.errors import SelectionError
from ome.selection.match import entry_matches, mismatches, model_label
from ome.selection.score import Score, entry_score, runtime_score
from ome.selection.size import parse_size, size_range

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ome.api import BaseModelSpec, ServingRuntimeSpec, SupportedModelFormat

__all__ = [
    "Exclusion",
    "RuntimeCandidate",
    "Selection",
    "SelectionRequest",
    "Verdict",
    "judge",
    "pick_entry",
    "select_runtime",
    "validate_named_runtime",
]

_LISTED = 5
_NO_SCORE = Score()


@dataclass(frozen=True, slots=True)
class RuntimeCandidate:
    """A runtime that may be chosen; ``namespace`` is empty for a ClusterServingRuntime."""

    name: str
    namespace: str
    spec: ServingRuntimeSpec

    @property
    def scope(self) -> str:
        """``namespace`` or ``cluster``."""
        return "namespace" if self.namespace else "cluster"


@dataclass(frozen=True, slots=True)
class SelectionRequest:
    """The model to serve and what the service requires of its runtime."""

    model_name: str
    model: BaseModelSpec
    namespace: str
    accelerator_classes: frozenset[str] = frozenset()


class Exclusion(IntEnum):
    """What kept a runtime out; smaller is closer to being chosen."""

    NOT_ELIGIBLE = 1
    SIZE = 2
    FORMAT = 3
    ACCELERATOR = 4
    DISABLED = 5


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was decided about one runtime; ``reason`` is empty when it may be chosen."""

    runtime: RuntimeCandidate
    exclusion: Exclusion | None = None
    reason: str = ""
    mismatches: int = 0
    score: Score = _NO_SCORE

    @property
    def closeness(self) -> tuple[int, int, bool, str]:
        """Orders excluded runtimes, the closest first."""
        kind = 0 if self.exclusion is None else int(self.exclusion)
        return (kind, self.mismatches, not self.runtime.namespace, self.runtime.name)


@dataclass(frozen=True, slots=True)
class Selection:
    """The chosen runtime, the entry that serves the model, and what became of the others."""

    runtime: RuntimeCandidate
    entry: SupportedModelFormat | None
    score: Score
    verdicts: tuple[Verdict, ...]


def _incompatible(runtime: RuntimeCandidate, request: SelectionRequest) -> Verdict | None:
    spec = runtime.spec
    if spec.disabled:
        return Verdict(runtime, Exclusion.DISABLED, "runtime is disabled")
    if request.accelerator_classes:
        listed = (
            spec.accelerator_requirements and (spec.accelerator_requirements.accelerator_classes)
        ) or ()
        if not request.accelerator_classes <= set(listed):
            reason = "runtime does not support the required accelerator class"
            return Verdict(runtime, Exclusion.ACCELERATOR, reason)
    entries = spec.supported_model_formats or ()
    if not any(entry_matches(entry, request.model) for entry in entries):
        return _format_verdict(runtime, request.model, entries)
    size, bounds = parse_size(request.model.model_parameter_size), size_range(spec.model_size_range)
    if size is not None and bounds is not None and not bounds.holds(size):
        written = request.model.model_parameter_size
        reason = f"model size {written} is outside supported range {bounds.text}"
        return Verdict(runtime, Exclusion.SIZE, reason)
    return None


def _format_verdict(
    runtime: RuntimeCandidate, model: BaseModelSpec, entries: Iterable[SupportedModelFormat]
) -> Verdict:
    reasons = [mismatches(entry, model) for entry in entries]
    text = "; ".join(", ".join(items) for items in reasons) or "no supported formats defined"
    fewest = min((len(items) for items in reasons), default=99)
    reason = f"model format '{model_label(model)}' not in supported formats: {text}"
    return Verdict(runtime, Exclusion.FORMAT, reason, fewest)


def judge(runtime: RuntimeCandidate, request: SelectionRequest) -> Verdict:
    """The verdict on one runtime for automatic selection."""
    verdict = _incompatible(runtime, request)
    if verdict is not None:
        return verdict
    score = runtime_score(runtime.spec, request.model)
    if score is None:
        reason = "auto-select is not enabled for any supported format that matches the model"
        return Verdict(runtime, Exclusion.NOT_ELIGIBLE, reason)
    if score.total <= 0:
        reason = "no supported format has a positive score"
        return Verdict(runtime, Exclusion.NOT_ELIGIBLE, reason, score=score)
    return Verdict(runtime, score=score)


def _check_model(request: SelectionRequest) -> None:
    if request.model.model_format is None or not request.model.model_format.name:
        raise SelectionError(
            f"model {request.model_name}: invalid model specification: modelFormat.name: model"
            " format name is required; set it, or wait for an agent to read it from the files"
        )


def select_runtime(request: SelectionRequest, candidates: Iterable[RuntimeCandidate]) -> Selection:
    """The runtime to use. Raises ``SelectionError`` with all verdicts when none may be chosen."""
    _check_model(request)
    verdicts = [
        judge(runtime, request)
        for runtime in candidates
        if runtime.namespace in ("", request.namespace)
    ]
    eligible = [verdict for verdict in verdicts if verdict.exclusion is None]
    if not eligible:
        raise SelectionError(_nothing_found(request, verdicts), verdicts)
    eligible.sort(key=lambda verdict: _preference(verdict, request.model))
    excluded = sorted(
        (verdict for verdict in verdicts if verdict.exclusion is not None),
        key=lambda verdict: verdict.closeness,
    )
    best = eligible[0]
    entry = pick_entry(best.runtime.spec, request.model, named=False)
    return Selection(best.runtime, entry, best.score, (*eligible, *excluded))


def _preference(verdict: Verdict, model: BaseModelSpec) -> tuple[object, ...]:
    size = parse_size(model.model_parameter_size)
    bounds = size_range(verdict.runtime.spec.model_size_range)
    distance: tuple[object, ...] = ()
    if size is not None:
        distance = (2, 0) if bounds is None else bounds.distance(size)
    return (
        not verdict.runtime.namespace,
        -verdict.score.total,
        distance,
        verdict.runtime.name.encode(),
    )


def _nothing_found(request: SelectionRequest, verdicts: Sequence[Verdict]) -> str:
    model_format = request.model.model_format
    text = (
        f"no runtime found to support model {request.model_name} with format"
        f" {model_format.name if model_format else ''} in namespace {request.namespace}"
    )
    if not verdicts:
        return text + "; create a ServingRuntime or ClusterServingRuntime, or name one"
    local = sum(1 for verdict in verdicts if verdict.runtime.namespace)
    text += (
        f". Checked {len(verdicts)} runtimes ({local} namespace-scoped,"
        f" {len(verdicts) - local} cluster-scoped)"
    )
    closest = sorted(verdicts, key=lambda verdict: verdict.closeness)[:_LISTED]
    listed = sorted(closest, key=lambda item: (not item.runtime.namespace, item.runtime.name))
    text += ". Excluded runtimes: " + "; ".join(
        f"{item.runtime.name} ({item.reason})" for item in listed
    )
    if len(verdicts) > _LISTED:
        text += f"; and {len(verdicts) - _LISTED} more"
    return text


def validate_named_runtime(
    name: str, kind: str, request: SelectionRequest, candidates: Iterable[RuntimeCandidate]
) -> Selection:
    """The runtime that the user named, if it can serve the model.

    ``kind`` is that of the reference: ``ServingRuntime`` means the namespace only. Raises
    ``SelectionError``; its one verdict, if any, tells a missing runtime from an unfit one.
    """
    _check_model(request)
    runtime = _named(name, kind, request.namespace, candidates)
    if runtime is None:
        scope = "" if kind == "ServingRuntime" else " or at cluster scope"
        raise SelectionError(f"runtime {name} not found in namespace {request.namespace}{scope}")
    verdict = _incompatible(runtime, request)
    if verdict is not None:
        if verdict.exclusion is Exclusion.DISABLED:
            text = f"{runtime.scope}-scoped runtime {name} is disabled"
        else:
            text = f"runtime {name} does not support model {request.model_name}: {verdict.reason}"
        raise SelectionError(text, [verdict])
    entry = pick_entry(runtime.spec, request.model, named=True)
    return Selection(runtime, entry, Score(), (Verdict(runtime),))


def _named(
    name: str, kind: str, namespace: str, candidates: Iterable[RuntimeCandidate]
) -> RuntimeCandidate | None:
    scopes = (namespace,) if kind == "ServingRuntime" else (namespace, "")
    found = {runtime.namespace: runtime for runtime in candidates if runtime.name == name}
    return next((found[scope] for scope in scopes if scope in found), None)


def pick_entry(
    spec: ServingRuntimeSpec, model: BaseModelSpec, *, named: bool
) -> SupportedModelFormat | None:
    """The entry whose accelerator configuration applies; ties go to the earlier one."""
    best: tuple[int, SupportedModelFormat] | None = None
    for entry in spec.supported_model_formats or ():
        if not entry_matches(entry, model) or not (named or entry.auto_select):
            continue
        total = entry_score(entry, model, 1).total
        if total > 0 and (best is None or total > best[0]):
            best = (total, entry)
    return None if best is None else best[1]
