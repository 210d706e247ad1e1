"""Which runtime serves a model: pure and deterministic.

Runtimes of the namespace come before those of the cluster; then the score, the closeness of the
size range and the name decide, so that neither the order of a list nor a creation time does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ome.errors import SelectionError
from ome.selection.match import entry_matches
from ome.selection.score import Score, entry_score
from ome.selection.size import parse_size, size_range
from ome.selection.verdict import Exclusion, RuntimeCandidate, Verdict, closest, incompatible, judge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ome.api import BaseModelSpec, ServingRuntimeSpec, SupportedModelFormat
    from ome.selection.verdict import SelectionRequest

__all__ = [
    "LISTED",
    "NoFormat",
    "NothingFits",
    "Selection",
    "pick_entry",
    "select_runtime",
    "validate_named_runtime",
]

LISTED = 5
"""How many excluded runtimes a text names."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The chosen runtime, the entry that serves the model, and what became of the others.

    ``kept`` says that it no longer fits the model, and only stays for those who run on it.
    """

    runtime: RuntimeCandidate
    entry: SupportedModelFormat | None
    score: Score
    verdicts: tuple[Verdict, ...]
    kept: bool = False


class NoFormat(SelectionError):
    """The model does not say its format (yet), so nothing can be chosen for it."""


class NothingFits(SelectionError):
    """No runtime may be chosen.

    ``verdicts`` are the closest first, and may be only ``LISTED`` of the ``checked`` ones.
    """

    def __init__(
        self, request: SelectionRequest, verdicts: Sequence[Verdict], local: int, shared: int
    ) -> None:
        self.checked = local + shared
        model_format = request.model.model_format
        self._head = (
            f"no runtime found to support model {request.model_name} with format"
            f" {model_format.name if model_format else ''} in namespace {request.namespace}"
        )
        self._head += (
            f". Checked {self.checked} runtimes ({local} namespace-scoped, {shared} cluster-scoped)"
            if verdicts
            else "; create a ServingRuntime or ClusterServingRuntime, or name one"
        )
        self.verdicts = tuple(verdicts)
        super().__init__(self.text(), verdicts)

    def text(self, limit: int | None = None) -> str:
        """The closest, each with what excluded it, and how many more there are.

        ``limit`` is in bytes of UTF-8: as many of the closest are named as fit below it.
        """
        named = list(self.verdicts[:LISTED])
        while named:
            text = self._head + _listing(named, self.checked - len(named))
            if limit is None or len(text.encode()) <= limit:
                return text
            named.pop()
        return self._head


def select_runtime(
    request: SelectionRequest,
    candidates: Iterable[RuntimeCandidate],
    everything: Callable[[], Iterable[RuntimeCandidate]] | None = None,
) -> Selection:
    """The runtime to use. Raises ``NothingFits`` with all verdicts when none may be chosen.

    ``candidates`` may leave out runtimes that have no entry with the model's facets; ``everything``
    then gives all, and the error has the verdicts of the closest only.
    """
    _check_model(request)
    usable = _usable(request, candidates)
    verdicts = [judge(runtime, request) for runtime in usable]
    eligible = [verdict for verdict in verdicts if verdict.exclusion is None]
    if not eligible:
        if everything is None:
            nearest = _by_closeness(verdicts)
        else:
            usable = _usable(request, everything())
            nearest = closest(request, usable, LISTED)
        local = sum(1 for runtime in usable if runtime.namespace)
        raise NothingFits(request, nearest, local, len(usable) - local)
    eligible.sort(key=lambda verdict: _preference(verdict, request.model))
    excluded = [verdict for verdict in verdicts if verdict.exclusion is not None]
    best = eligible[0]
    entry = pick_entry(best.runtime.spec, request.model, named=False)
    return Selection(best.runtime, entry, best.score, (*eligible, *_by_closeness(excluded)))


def _usable(
    request: SelectionRequest, candidates: Iterable[RuntimeCandidate]
) -> list[RuntimeCandidate]:
    return [
        runtime
        for runtime in candidates
        if not runtime.namespace or runtime.namespace == request.namespace
    ]


def _by_closeness(verdicts: Iterable[Verdict]) -> list[Verdict]:
    return sorted(verdicts, key=lambda verdict: verdict.closeness)


def _check_model(request: SelectionRequest) -> None:
    if request.model.model_format is None or not request.model.model_format.name:
        raise NoFormat(
            f"model {request.model_name}: invalid model specification: modelFormat.name: model"
            " format name is required; set it, or wait for an agent to read it from the files"
        )


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


def _listing(named: Sequence[Verdict], rest: int) -> str:
    listed = sorted(named, key=lambda item: (not item.runtime.namespace, item.runtime.name))
    texts = [f"{item.runtime.name} ({item.brief})" for item in listed]
    if rest:
        texts.append(f"and {rest} more")
    return ". Excluded runtimes: " + "; ".join(texts)


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
    verdict = incompatible(runtime, request)
    if verdict is not None:
        if verdict.exclusion is Exclusion.DISABLED:
            text = f"{runtime.scope}-scoped runtime {name} is disabled"
        else:
            text = f"runtime {name} does not support model {request.model_name}: {verdict.brief}"
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
