"""How well a runtime serves a model: the score that decides among those that can."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ome.selection.match import entry_matches
from ome.selection.version import fits

if TYPE_CHECKING:
    from ome.api import BaseModelSpec, ServingRuntimeSpec, SupportedModelFormat

__all__ = ["Score", "entry_score", "runtime_score"]

_FORMAT_WEIGHT_OF_ZERO = 10
_FRAMEWORK_WEIGHT_OF_ZERO = 5


@dataclass(frozen=True, slots=True)
class Score:
    """A score by part; ``total`` is what is compared."""

    format: int = 0
    framework: int = 0
    priority: int = 1

    @property
    def total(self) -> int:
        """(format weight + framework weight) x priority."""
        return (self.format + self.framework) * self.priority


def entry_score(entry: SupportedModelFormat, model: BaseModelSpec, priority: int) -> Score:
    """The score of one entry by format and framework alone."""
    wanted, found = entry.model_format, model.model_format
    if wanted is None or found is None or wanted.name != found.name:
        return Score()
    if wanted.version is not None and found.version is not None:
        if not fits(found.version, wanted.version, wanted.operator):
            return Score()
    framework = _framework_weight(entry, model)
    if framework is None:
        return Score()
    return Score(wanted.weight or _FORMAT_WEIGHT_OF_ZERO, framework, priority)


def _framework_weight(entry: SupportedModelFormat, model: BaseModelSpec) -> int | None:
    wanted, found = entry.model_framework, model.model_framework
    if wanted is None and found is None:
        return 0
    if wanted is None or found is None or wanted.name != found.name:
        return None
    if wanted.version is not None and found.version is not None:
        if not fits(found.version, wanted.version, wanted.operator):
            return None
    return wanted.weight or _FRAMEWORK_WEIGHT_OF_ZERO


def runtime_score(spec: ServingRuntimeSpec, model: BaseModelSpec) -> Score | None:
    """The best score of the entries that match and may be chosen; None when there are none."""
    scores = [
        entry_score(entry, model, 1 if entry.priority is None else entry.priority)
        for entry in spec.supported_model_formats or ()
        if entry.auto_select and entry_matches(entry, model)
    ]
    return max(scores, key=lambda score: score.total, default=None)
