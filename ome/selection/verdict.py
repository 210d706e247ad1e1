"""The verdict on one runtime: may it be chosen for a model, and if not, the one thing against it.

A runtime *fits* when it is enabled, lists every accelerator class that the service requires, has an
entry that matches the model, and the model's size lies in its range. One that fits may be *chosen*
when an entry that matches says ``autoSelect`` and its score is positive.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import TYPE_CHECKING

from ome import api
from ome.api.filled import as_written
from ome.selection.facets import facets_of_model, facets_of_runtime
from ome.selection.match import differences, model_label
from ome.selection.score import Score, runtime_score
from ome.selection.size import parse_size, size_range

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ome.api import BaseModelSpec, ServingRuntimeSpec
    from ome.selection.facets import Facets
    from ome.selection.match import Mismatch

__all__ = [
    "Exclusion",
    "RuntimeCandidate",
    "SelectionRequest",
    "Verdict",
    "closest",
    "incompatible",
    "judge",
    "remarks",
]

_NO_SCORE = Score()
_NO_ENTRIES = 99
"""As many mismatches as a runtime without entries has: it is the farthest."""


@dataclass(frozen=True, slots=True)
class RuntimeCandidate:
    """A runtime that may be chosen; ``namespace`` is empty for a ClusterServingRuntime."""

    name: str
    namespace: str
    spec: ServingRuntimeSpec
    facets: frozenset[Facets] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "facets", facets_of_runtime(self.spec))

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

    def as_written(self, annotations: Mapping[str, str]) -> SelectionRequest | None:
        """The same about the model without what was filled in, which its annotations say.

        None when nothing was.
        """
        spec = api.to_json(self.model)
        written = as_written(spec, annotations)
        if written == spec:
            return None
        return replace(self, model=api.BaseModelSpec.model_validate(written))


class Exclusion(IntEnum):
    """What kept a runtime out; smaller is closer to being chosen."""

    NOT_ELIGIBLE = 1
    SIZE = 2
    FORMAT = 3
    ACCELERATOR = 4
    DISABLED = 5


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was decided about one runtime.

    ``mismatches`` counts the differences of the entry that comes closest. Reasons are written when
    they are read: most verdicts are only counted.
    """

    runtime: RuntimeCandidate
    exclusion: Exclusion | None = None
    plain: str = ""
    mismatches: int = 0
    score: Score = _NO_SCORE
    model: BaseModelSpec | None = field(default=None, compare=False, repr=False)

    @property
    def closeness(self) -> tuple[int, int, bool, str]:
        """Orders excluded runtimes, the closest first."""
        kind = 0 if self.exclusion is None else int(self.exclusion)
        return (kind, self.mismatches, not self.runtime.namespace, self.runtime.name)

    @property
    def reason(self) -> str:
        """Why it may not be chosen, with every entry's mismatches; empty when it may."""
        if self.model is None:
            return self.plain
        if self.exclusion is Exclusion.SIZE:
            bounds = size_range(self.runtime.spec.model_size_range)
            text = "" if bounds is None else bounds.text
            return f"model size {self.model.model_parameter_size} is outside supported range {text}"
        entries = [_texts(found) for found in self._differences()]
        return self._not_in("; ".join(entries))

    @property
    def brief(self) -> str:
        """The reason with the mismatches of the entry that comes closest only."""
        if self.exclusion is not Exclusion.FORMAT:
            return self.reason
        rest = len(self.runtime.spec.supported_model_formats or ()) - 1
        more = f"; and {rest} farther format{'s' if rest > 1 else ''}" if rest > 0 else ""
        return self._not_in(self.nearest + more)

    @property
    def nearest(self) -> str:
        """What differs in the entry that comes closest; the reason where no entry is compared."""
        if self.exclusion is not Exclusion.FORMAT:
            return self.reason
        return _texts(min(self._differences(), key=len, default=[]))

    def _differences(self) -> list[list[Mismatch]]:
        entries = self.runtime.spec.supported_model_formats or ()
        return [] if self.model is None else [differences(entry, self.model) for entry in entries]

    def _not_in(self, text: str) -> str:
        label = "" if self.model is None else model_label(self.model)
        return f"model format '{label}' not in supported formats: {text or _NO_FORMATS}"


_NO_FORMATS = "no supported formats defined"


def _texts(found: list[Mismatch]) -> str:
    return ", ".join(item.text for item in found)


def incompatible(runtime: RuntimeCandidate, request: SelectionRequest) -> Verdict | None:
    """Why the runtime cannot serve the model at all, or None when it can."""
    spec, model = runtime.spec, request.model
    if spec.disabled:
        return Verdict(runtime, Exclusion.DISABLED, "runtime is disabled")
    missing = _missing_classes(spec, request)
    if missing:
        reason = f"runtime does not support the required accelerator class {', '.join(missing)}"
        return Verdict(runtime, Exclusion.ACCELERATOR, reason)
    fewest = _NO_ENTRIES
    for entry in spec.supported_model_formats or ():
        fewest = min(fewest, len(differences(entry, model)))
        if not fewest:
            break
    if fewest:
        return Verdict(runtime, Exclusion.FORMAT, mismatches=fewest, model=model)
    size, bounds = parse_size(model.model_parameter_size), size_range(spec.model_size_range)
    if size is not None and bounds is not None and not bounds.holds(size):
        return Verdict(runtime, Exclusion.SIZE, model=model)
    return None


def _missing_classes(spec: ServingRuntimeSpec, request: SelectionRequest) -> list[str]:
    if not request.accelerator_classes:
        return []
    required = spec.accelerator_requirements
    listed = (required.accelerator_classes if required else None) or ()
    return sorted(request.accelerator_classes.difference(listed))


def judge(runtime: RuntimeCandidate, request: SelectionRequest) -> Verdict:
    """The verdict on one runtime for automatic selection."""
    verdict = incompatible(runtime, request)
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


def closest(
    request: SelectionRequest, candidates: Iterable[RuntimeCandidate], count: int
) -> list[Verdict]:
    """The first ``count`` verdicts by closeness, without judging all.

    How many facets differ bounds how close a runtime can be; once enough verdicts lie below the
    bound of the next runtime, no later one can come before them.
    """
    wanted = facets_of_model(request.model)
    bounds = [(*_bound(runtime, request, wanted), runtime) for runtime in candidates]
    bounds.sort(key=lambda item: item[:4])
    found: list[Verdict] = []
    for *bound, runtime in bounds:
        if len(found) >= count and found[count - 1].closeness <= tuple(bound):
            break
        found.append(judge(runtime, request))
        found.sort(key=lambda verdict: verdict.closeness)
        del found[count:]
    return found


def _bound(
    runtime: RuntimeCandidate, request: SelectionRequest, wanted: Facets
) -> tuple[int, int, bool, str]:
    """A closeness that the runtime's verdict cannot be below."""
    kind, differing = int(Exclusion.NOT_ELIGIBLE), 0
    if runtime.spec.disabled:
        kind = int(Exclusion.DISABLED)
    elif _missing_classes(runtime.spec, request):
        kind = int(Exclusion.ACCELERATOR)
    elif wanted not in runtime.facets:
        kind = int(Exclusion.FORMAT)
        differing = _differing(wanted, runtime.facets)
    return (kind, differing, not runtime.namespace, runtime.name)


def _differing(wanted: Facets, held: Iterable[Facets]) -> int:
    """In how many facets the nearest of those held differs, at least one."""
    a, b, c, d = wanted
    fewest = len(wanted)
    for e, f, g, h in held:
        count = (a != e) + (b != f) + (c != g) + (d != h)
        if count == 1:
            return 1
        fewest = min(fewest, count)
    return fewest


def remarks(runtime: RuntimeCandidate, request: SelectionRequest) -> list[str]:
    """What is odd about a runtime that fits; never a reason against it."""
    spec, model = runtime.spec, request.model
    found: list[str] = []
    if not any(entry.auto_select for entry in spec.supported_model_formats or ()):
        found.append("runtime does not have auto-select enabled for any supported format")
    written = model.model_parameter_size
    if spec.model_size_range is not None:
        if not written:
            found.append("model does not specify size, but runtime has size constraints")
        elif parse_size(written) is None:
            found.append(f"model size {written!r} is not a size such as 7B and is not compared")
        for name, text in (("min", spec.model_size_range.min), ("max", spec.model_size_range.max)):
            if text and parse_size(text) is None:
                found.append(
                    f"modelSizeRange.{name} {text!r} is not a size such as 7B and bounds nothing"
                )
    return found
