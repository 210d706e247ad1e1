"""The conditions of a runtime: pure. True is well; a condition never keeps a runtime from use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.selection import parse_size, parse_version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ome.api import ServingRuntimeSpec

__all__ = ["PRIORITIES_DISTINCT", "VALID", "compute_status", "condition", "problems"]

VALID = "Valid"
"""False when the runtime names what does not exist, or bounds that are none."""
PRIORITIES_DISTINCT = "PrioritiesDistinct"
"""False when another runtime serves a format with the same priority: then names decide."""

_LISTED = 5


def problems(
    spec: ServingRuntimeSpec, class_exists: Callable[[str], bool]
) -> list[tuple[str, str]]:
    """(reason, text) for each thing that selection cannot use as it is written."""
    return [*_classes(spec, class_exists), *_formats(spec), *_sizes(spec)]


def _classes(
    spec: ServingRuntimeSpec, class_exists: Callable[[str], bool]
) -> Iterator[tuple[str, str]]:
    required = spec.accelerator_requirements
    listed = (required.accelerator_classes if required is not None else None) or ()
    missing = [name for name in listed if not class_exists(name)]
    if missing:
        yield (
            "AcceleratorClassNotFound",
            f"spec.acceleratorRequirements.acceleratorClasses: {', '.join(missing[:_LISTED])}"
            f"{' and others' if len(missing) > _LISTED else ''} not found at cluster scope; create"
            " the class or correct the name",
        )


def _formats(spec: ServingRuntimeSpec) -> Iterator[tuple[str, str]]:
    entries = spec.supported_model_formats or ()
    if not entries:
        yield (
            "NoSupportedFormat",
            "spec.supportedModelFormats is empty, so no model fits; list what the runtime serves",
        )
    for index, entry in enumerate(entries):
        parts = (("modelFormat", entry.model_format), ("modelFramework", entry.model_framework))
        for name, part in parts:
            if part is None or part.version is None:
                continue
            try:
                parse_version(part.version)
            except ValueError as error:
                yield (
                    "InvalidVersion",
                    f"spec.supportedModelFormats[{index}].{name}.version: {error}, so no model"
                    " fits; write one such as 1.2.3",
                )


def _sizes(spec: ServingRuntimeSpec) -> Iterator[tuple[str, str]]:
    bounds = spec.model_size_range
    if bounds is None:
        return
    low, high = parse_size(bounds.min), parse_size(bounds.max)
    for name, text, size in (("min", bounds.min, low), ("max", bounds.max, high)):
        if text and size is None:
            yield (
                "InvalidSizeRange",
                f"spec.modelSizeRange.{name}: {text!r} is not a size and bounds nothing; write one"
                " such as 7B",
            )
    if low is not None and high is not None and low > high:
        yield (
            "InvalidSizeRange",
            f"spec.modelSizeRange: min {bounds.min} is above max {bounds.max}, so no model with a"
            " size fits; swap them",
        )


def overlap_text(overlaps: Sequence[tuple[str, tuple[str, ...], bool]]) -> str:
    """One line about runtimes of the same rank."""
    texts = [
        f"format {label}: same priority as {', '.join(names)}{' and others' if more else ''}"
        for label, names, more in overlaps[:_LISTED]
    ]
    if len(overlaps) > _LISTED:
        texts.append("and further formats")
    return "; ".join(texts) + "; names decide which one is chosen, give them different priorities"


def compute_status(
    stored: Mapping[str, Any],
    found: Sequence[tuple[str, str]],
    overlaps: Sequence[tuple[str, tuple[str, ...], bool]],
    *,
    wall: str,
) -> dict[str, Any]:
    """The status to store; equal to ``stored`` when nothing changed. Other members stay."""
    reason, text = ("Checked", "") if not found else (found[0][0], _lines(found))
    wanted = {
        VALID: (not found, reason, text),
        PRIORITIES_DISTINCT: (True, "NoOverlap", "")
        if not overlaps
        else (False, "SamePriority", overlap_text(overlaps)),
    }
    held = {item["type"]: item for item in stored.get("conditions") or () if item.get("type")}
    for type_, (value, reason, message) in wanted.items():
        status = "True" if value else "False"
        before = held.get(type_, {})
        same = before.get("status") == status
        held[type_] = {
            "type": type_,
            "status": status,
            "reason": reason,
            "message": message,
            "lastTransitionTime": before.get("lastTransitionTime") if same else wall,
        }
    return {**stored, "conditions": [held[type_] for type_ in sorted(held)]}


def _lines(found: Sequence[tuple[str, str]]) -> str:
    texts = [text for _, text in found[:_LISTED]]
    if len(found) > _LISTED:
        texts.append(f"and {len(found) - _LISTED} more")
    return "; ".join(texts)


def condition(status: Mapping[str, Any], type_: str) -> Mapping[str, Any]:
    """A condition of a status; empty when it is not there."""
    held = status.get("conditions") or ()
    return next((item for item in held if item.get("type") == type_), {})
