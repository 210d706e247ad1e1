"""Does a diffusion pipeline have what a runtime needs; what the runtime leaves out may be all."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ome.api import DiffusionComponent, DiffusionPipelineSpec

__all__ = ["pipeline_mismatch"]

_PARTS = (
    ("scheduler", "scheduler"),
    ("textEncoder", "text_encoder"),
    ("tokenizer", "tokenizer"),
    ("transformer", "transformer"),
    ("vae", "vae"),
)


def pipeline_mismatch(entry: DiffusionPipelineSpec, model: DiffusionPipelineSpec | None) -> str:
    """The first thing that the model's pipeline lacks; empty when it has all."""
    if model is None:
        return "diffusion pipeline required by runtime but not specified in model"
    if entry.class_name is not None and model.class_name != entry.class_name:
        have = "<nil>" if model.class_name is None else model.class_name
        return f"pipeline class mismatch (model={have}, runtime={entry.class_name})"
    for name, attribute in _PARTS:
        wanted = getattr(entry, attribute)
        found = getattr(model, attribute)
        if wanted is not None and found is None:
            return f"component {name} required by runtime but not specified in model"
        if wanted is not None:
            reason = _part_mismatch(name, wanted, found)
            if reason:
                return reason
    return _additional_mismatch(entry, model)


def _additional_mismatch(entry: DiffusionPipelineSpec, model: DiffusionPipelineSpec) -> str:
    wanted = entry.additional_components or {}
    found = model.additional_components or {}
    if wanted and not found:
        return "diffusion pipeline missing required additional components"
    for key in sorted(wanted):
        if key not in found:
            return f"diffusion component {key} missing in model"
        reason = _part_mismatch(key, wanted[key], found[key])
        if reason:
            return reason
    return ""


def _part_mismatch(name: str, wanted: DiffusionComponent, found: DiffusionComponent) -> str:
    for what in ("library", "type"):
        want, have = getattr(wanted, what), getattr(found, what)
        if want and want != have:
            return f"{name} {what} mismatch (model={have or ''}, runtime={want})"
    return ""
