"""Which runtime serves a model, and why not the others. Pure functions, no I/O."""

from __future__ import annotations

from ome.selection.match import entry_matches, mismatches, model_label
from ome.selection.score import Score, entry_score, runtime_score
from ome.selection.select import (
    Exclusion,
    RuntimeCandidate,
    Selection,
    SelectionRequest,
    Verdict,
    judge,
    pick_entry,
    select_runtime,
    validate_named_runtime,
)
from ome.selection.service import complete_runner, required_classes
from ome.selection.size import SizeRange, parse_size, size_range
from ome.selection.version import Version, fits, parse_version

__all__ = [
    "Exclusion",
    "RuntimeCandidate",
    "Score",
    "Selection",
    "SelectionRequest",
    "SizeRange",
    "Verdict",
    "Version",
    "complete_runner",
    "entry_matches",
    "entry_score",
    "fits",
    "judge",
    "mismatches",
    "model_label",
    "parse_size",
    "parse_version",
    "pick_entry",
    "required_classes",
    "runtime_score",
    "select_runtime",
    "size_range",
    "validate_named_runtime",
]
