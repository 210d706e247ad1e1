"""Which runtime serves a model, which accelerator it runs on, and why not the others.

Pure functions, no I/O: the controller, admission and ``ome explain`` call the same ones.
"""

from __future__ import annotations

from ome.selection.accelerator import AcceleratorChoice, ClassVerdict, choose_accelerator
from ome.selection.capabilities import accelerator_resource, memory_bytes
from ome.selection.facets import Facets, facets_of_model, facets_of_runtime, near_misses
from ome.selection.match import entry_matches, mismatches, model_label
from ome.selection.priorities import priority_conflict, ranks
from ome.selection.score import Score, entry_score, runtime_score
from ome.selection.select import (
    LISTED,
    NoFormat,
    NothingFits,
    Selection,
    pick_entry,
    select_runtime,
    validate_named_runtime,
)
from ome.selection.service import complete_runner, required_classes
from ome.selection.size import SizeRange, parse_size, size_range
from ome.selection.verdict import (
    Exclusion,
    RuntimeCandidate,
    SelectionRequest,
    Verdict,
    judge,
    remarks,
)
from ome.selection.version import Version, fits, parse_version

__all__ = [
    "LISTED",
    "AcceleratorChoice",
    "ClassVerdict",
    "Exclusion",
    "Facets",
    "NoFormat",
    "NothingFits",
    "RuntimeCandidate",
    "Score",
    "Selection",
    "SelectionRequest",
    "SizeRange",
    "Verdict",
    "Version",
    "accelerator_resource",
    "choose_accelerator",
    "complete_runner",
    "entry_matches",
    "entry_score",
    "facets_of_model",
    "facets_of_runtime",
    "fits",
    "judge",
    "memory_bytes",
    "mismatches",
    "model_label",
    "near_misses",
    "parse_size",
    "parse_version",
    "pick_entry",
    "priority_conflict",
    "ranks",
    "remarks",
    "required_classes",
    "runtime_score",
    "select_runtime",
    "size_range",
    "validate_named_runtime",
]
