"""Does one supported format of a runtime match a model, and if not, why not.

All dimensions must match and comparison is exact. Presence counts too: an entry that leaves the
architecture out is no wildcard. Only the diffusion pipeline has wildcards, on the runtime's side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ome.selection.version import fits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ome.api import (
        BaseModelSpec,
        DiffusionComponent,
        DiffusionPipelineSpec,
        ModelFormat,
        ModelFrameworkSpec,
        SupportedModelFormat,
    )

__all__ = ["entry_matches", "mismatches", "model_label"]

_PIPELINE_PARTS = (
    ("scheduler", "scheduler"),
    ("textEncoder", "text_encoder"),
    ("tokenizer", "tokenizer"),
    ("transformer", "transformer"),
    ("vae", "vae"),
)


def entry_matches(entry: SupportedModelFormat, model: BaseModelSpec) -> bool:
    """Whether the entry can serve the model; a runtime's other rules are not looked at."""
    return entry.model_format is not None and next(iter(mismatches(entry, model)), None) is None


def mismatches(entry: SupportedModelFormat, model: BaseModelSpec) -> list[str]:
    """Every reason why the entry does not match, in the order of the dimensions."""
    reasons = list(_mismatches(entry, model))
    if not reasons and entry.model_format is None:
        reasons.append("unknown mismatch")
    return reasons


def _mismatches(entry: SupportedModelFormat, model: BaseModelSpec) -> Iterator[str]:
    pipeline = _pipeline_mismatch(entry.diffusion_pipeline, model.diffusion_pipeline)
    if pipeline:
        yield pipeline
    yield from _same(
        "architecture", model.model_architecture, entry.model_architecture, article="no"
    )
    yield from _same("quantization", model.quantization, entry.quantization, article="no")
    if entry.model_format is not None:
        yield from _format_mismatch(entry.model_format, model.model_format)
    yield from _framework_mismatch(entry.model_framework, model.model_framework)


def _same(what: str, model: str | None, runtime: str | None, *, article: str) -> Iterator[str]:
    if model is None and runtime is not None:
        yield f"model has {article} {what} but runtime requires {runtime}"
    elif model is not None and runtime is None:
        yield f"model has {what} {model} but runtime has {article} {what} requirement"
    elif model != runtime:
        yield f"{what} mismatch (model={model}, runtime={runtime})"


def _format_mismatch(entry: ModelFormat, model: ModelFormat | None) -> Iterator[str]:
    name = model.name if model else ""
    if name != entry.name:
        yield f"format name mismatch (model={name}, runtime={entry.name})"
        return
    version = model.version if model else None
    yield from _version_mismatch("format", version, entry.version, entry.operator)


def _framework_mismatch(
    entry: ModelFrameworkSpec | None, model: ModelFrameworkSpec | None
) -> Iterator[str]:
    if entry is None and model is None:
        return
    if model is None:
        assert entry is not None
        yield f"model has no framework but runtime requires {entry.name}"
    elif entry is None:
        yield f"model has framework {model.name} but runtime has no framework requirement"
    elif entry.name != model.name:
        yield f"framework name mismatch (model={model.name}, runtime={entry.name})"
    else:
        yield from _version_mismatch("framework", model.version, entry.version, entry.operator)


def _version_mismatch(
    what: str, model: str | None, runtime: str | None, operator: str
) -> Iterator[str]:
    if model is None and runtime is not None:
        yield f"model has no {what} version but runtime requires {runtime}"
    elif model is not None and runtime is None:
        yield f"model has {what} version but runtime has no version requirement"
    elif model is not None and runtime is not None and not fits(model, runtime, operator):
        yield f"{what} version mismatch (model={model}, runtime={runtime})"


def _pipeline_mismatch(
    entry: DiffusionPipelineSpec | None, model: DiffusionPipelineSpec | None
) -> str:
    if entry is None:
        return ""
    if model is None:
        return "diffusion pipeline required by runtime but not specified in model"
    if entry.class_name is not None and model.class_name != entry.class_name:
        have = "<nil>" if model.class_name is None else model.class_name
        return f"pipeline class mismatch (model={have}, runtime={entry.class_name})"
    for name, attribute in _PIPELINE_PARTS:
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


def model_label(model: BaseModelSpec) -> str:
    """The model as one word: format, architecture, quantization and framework with versions."""
    format_, framework = model.model_format, model.model_framework
    parts = (
        format_.name if format_ else None,
        format_.version if format_ else None,
        model.model_architecture,
        model.quantization,
        framework.name if framework else None,
        framework.version if framework else None,
    )
    return ":".join(["mt", *(part for part in parts if part is not None)])
