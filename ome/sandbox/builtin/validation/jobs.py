"""Jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.sandbox.builtin.causes import immutable, invalid, not_supported, required
from ome.sandbox.builtin.validation.numbers import not_negative
from ome.sandbox.builtin.validation.pods import validate_template
from ome.sandbox.builtin.validation.selectors import validate_selector

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ome.sandbox.refusal import Cause

__all__ = ["validate_job"]

_COUNTS = (
    "parallelism",
    "completions",
    "activeDeadlineSeconds",
    "backoffLimit",
    "ttlSecondsAfterFinished",
)
_UID = "batch.kubernetes.io/controller-uid"
_PLACEMENT = ("affinity", "nodeSelector", "tolerations", "schedulingGates")


def validate_job(document: Mapping[str, Any], old: Mapping[str, Any] | None) -> Iterator[Cause]:
    """A Job; its pods are not started again for ever."""
    spec = document["spec"]
    yield from not_negative(spec, _COUNTS, "spec")
    mode = spec["completionMode"]
    if mode not in ("NonIndexed", "Indexed"):
        yield not_supported("spec.completionMode", mode, ("Indexed", "NonIndexed"))
    if mode == "Indexed" and "completions" not in spec:
        yield required("spec.completions", "when completion mode is Indexed")
    yield from _selector(document)
    yield from validate_template(spec["template"], "spec.template")
    policy = spec["template"]["spec"].get("restartPolicy")
    if policy == "Always":
        yield required("spec.template.spec.restartPolicy", 'valid values: "OnFailure", "Never"')
    if old is not None:
        yield from _changes(spec, old)


def _selector(document: Mapping[str, Any]) -> Iterator[Cause]:
    spec = document["spec"]
    selector = spec.get("selector")
    if selector is None:
        yield required("spec.selector")
        return
    yield from validate_selector(selector, "spec.selector")
    generated = {"matchLabels": {_UID: document["metadata"].get("uid")}}
    if not spec.get("manualSelector") and selector != generated:
        yield invalid("spec.selector", selector, "`selector` not auto-generated")


def _changes(spec: Mapping[str, Any], old: Mapping[str, Any]) -> Iterator[Cause]:
    before = old["spec"]
    elastic = spec["completionMode"] == "Indexed" and spec.get("completions") == spec.get(
        "parallelism"
    )
    if spec.get("completions") != before.get("completions") and not elastic:
        yield immutable("spec.completions", spec.get("completions"))
    for name in ("selector", "completionMode", "podFailurePolicy", "backoffLimitPerIndex"):
        if spec.get(name) != before.get(name):
            yield immutable(f"spec.{name}", spec.get(name))
    template, known = spec["template"], before["template"]
    if before.get("suspend") and not old.get("status", {}).get("startTime"):
        template, known = _unplaced(template), _unplaced(known)
    if template != known:
        yield immutable("spec.template", spec["template"])


def _unplaced(template: Mapping[str, Any]) -> dict[str, Any]:
    """Until a suspended job starts it may still be moved."""
    spec = {name: value for name, value in template["spec"].items() if name not in _PLACEMENT}
    return {"spec": spec}
