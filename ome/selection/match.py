"""Does one supported format of a runtime match a model, and if not, why not.

All dimensions must match and comparison is exact. Presence counts too: an entry that leaves the
architecture out is no wildcard. Only the diffusion pipeline has wildcards, on the runtime's side.

What differs is collected as values and written out only for the few runtimes that a text names: a
selection looks at every runtime of the cluster.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ome.selection.pipeline import pipeline_mismatch
from ome.selection.version import fits

if TYPE_CHECKING:
    from ome.api import BaseModelSpec, SupportedModelFormat

__all__ = ["Mismatch", "differences", "entry_matches", "mismatches", "model_label"]

_UNEQUAL = "{what} mismatch (model={model}, runtime={runtime})"
_LACKING = "model has no {what} but runtime requires {runtime}"
_UNWANTED = "model has {what} {model} but runtime has no {what} requirement"
_NO_VERSION = "model has no {what} version but runtime requires {runtime}"
_UNWANTED_VERSION = (
    "model has {what} version but runtime has no version requirement (give its entry of"
    " supportedModelFormats model{What}.version {model})"
)
_OTHER_VERSION = "{what} version mismatch (model={model}, runtime={runtime})"


class Mismatch(NamedTuple):
    """One reason why an entry does not match; ``text`` is for users."""

    template: str
    what: str = ""
    model: str | None = ""
    runtime: str | None = ""

    @property
    def text(self) -> str:
        """The reason in words."""
        capital = self.what.capitalize()
        return self.template.format(
            what=self.what, What=capital, model=self.model, runtime=self.runtime
        )


def entry_matches(entry: SupportedModelFormat, model: BaseModelSpec) -> bool:
    """Whether the entry can serve the model; a runtime's other rules are not looked at."""
    return not differences(entry, model)


def mismatches(entry: SupportedModelFormat, model: BaseModelSpec) -> list[str]:
    """Every reason why the entry does not match, in the order of the dimensions."""
    return [found.text for found in differences(entry, model)]


def differences(entry: SupportedModelFormat, model: BaseModelSpec) -> list[Mismatch]:
    """The reasons of ``mismatches``, not yet written out."""
    found: list[Mismatch] = []
    if entry.diffusion_pipeline is not None:
        reason = pipeline_mismatch(entry.diffusion_pipeline, model.diffusion_pipeline)
        if reason:
            found.append(Mismatch("{model}", "", reason))
    if model.model_architecture != entry.model_architecture:
        found.append(_differ("architecture", model.model_architecture, entry.model_architecture))
    if model.quantization != entry.quantization:
        found.append(_differ("quantization", model.quantization, entry.quantization))
    _compare_format(found, entry, model)
    _compare_framework(found, entry, model)
    if not found and entry.model_format is None:
        found.append(Mismatch("unknown mismatch"))
    return found


def _differ(what: str, model: str | None, runtime: str | None) -> Mismatch:
    if model is None:
        return Mismatch(_LACKING, what, model, runtime)
    if runtime is None:
        return Mismatch(_UNWANTED, what, model, runtime)
    return Mismatch(_UNEQUAL, what, model, runtime)


def _compare_format(
    found: list[Mismatch], entry: SupportedModelFormat, model: BaseModelSpec
) -> None:
    wanted, given = entry.model_format, model.model_format
    if wanted is None:
        return
    name = "" if given is None else given.name
    if name != wanted.name:
        found.append(Mismatch(_UNEQUAL, "format name", name, wanted.name))
        return
    version = None if given is None else given.version
    _compare_version(found, "format", version, wanted.version, wanted.operator)


def _compare_framework(
    found: list[Mismatch], entry: SupportedModelFormat, model: BaseModelSpec
) -> None:
    wanted, given = entry.model_framework, model.model_framework
    if wanted is None or given is None:
        if wanted is not given:
            names = [None if side is None else side.name for side in (given, wanted)]
            found.append(_differ("framework", *names))
    elif wanted.name != given.name:
        found.append(Mismatch(_UNEQUAL, "framework name", given.name, wanted.name))
    else:
        _compare_version(found, "framework", given.version, wanted.version, wanted.operator)


def _compare_version(
    found: list[Mismatch], what: str, model: str | None, runtime: str | None, operator: str
) -> None:
    if model is None or runtime is None:
        if model is not runtime:
            template = _NO_VERSION if model is None else _UNWANTED_VERSION
            found.append(Mismatch(template, what, model, runtime))
    elif not fits(model, runtime, operator):
        found.append(Mismatch(_OTHER_VERSION, what, model, runtime))


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
