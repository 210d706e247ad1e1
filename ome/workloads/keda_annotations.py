"""What the annotations of class ``keda`` may say: one reader each, for rendering and admission.

A reader gives what a text means, or raises ``ValueError`` with what to write instead.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import msgspec

from ome.api import names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "KNOWN_METRICS",
    "READERS",
    "advanced",
    "is_number",
    "known_metrics",
    "triggers",
    "whole_number",
]

KNOWN_METRICS = {
    "vllm:num_requests_waiting": "requests that wait",
    "vllm:num_requests_running": "requests that run",
    "vllm:kv_cache_usage_perc": "used share of the KV cache, 0 to 1",
    "vllm:gpu_cache_usage_perc": "the same, of older versions",
    "sglang:num_queue_reqs": "requests that wait",
    "sglang:num_running_reqs": "requests that run",
    "sglang:token_usage": "used share of the KV cache, 0 to 1",
    "sglang:gen_throughput": "generated tokens a second",
}
"""Gauges of the engines by name. The sum over the pods, which KEDA divides by their number."""

_WHOLE = re.compile(r"[0-9]{1,9}")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_BEHAVIORS = ("static", "currentReplicas", "currentReplicasIfHigher", "currentReplicasIfLower")
_A_TRIGGER = '[{"type": "cron", "metadata": {"timezone": "Etc/UTC", ...}}]'
_AN_ADVANCED = '{"restoreToOriginalReplicaCount": true}'

_Text = Annotated[str, msgspec.Meta(min_length=1)]
T = TypeVar("T")


class _Section(
    msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, rename="camel"
):
    """A part of KEDA's own API, with its names."""


class _Credentials(_Section, frozen=True):
    name: _Text
    kind: Literal["TriggerAuthentication", "ClusterTriggerAuthentication"] | None = None


class _Trigger(_Section, frozen=True):
    type: _Text
    metadata: dict[str, str]
    name: str | None = None
    metric_type: Literal["AverageValue", "Value", "Utilization"] | None = None
    use_cached_metrics: bool | None = None
    authentication_ref: _Credentials | None = None


class _Autoscaler(_Section, frozen=True):
    name: str | None = None
    behavior: dict[str, Any] | None = None


class _Modifiers(_Section, frozen=True):
    formula: str | None = None
    target: str | None = None
    activation_target: str | None = None
    metric_type: Literal["AverageValue", "Value"] | None = None


class _Advanced(_Section, frozen=True):
    restore_to_original_replica_count: bool | None = None
    horizontal_pod_autoscaler_config: _Autoscaler | None = None
    scaling_modifiers: _Modifiers | None = None


def is_number(text: str) -> bool:
    """Whether a text is a finite number as KEDA reads one."""
    return bool(_NUMBER.fullmatch(text)) and math.isfinite(float(text))


def whole_number(text: str) -> int:
    """A count or a number of seconds."""
    if not _WHOLE.fullmatch(text):
        raise ValueError("write a whole number")
    return int(text)


def known_metrics(text: str) -> tuple[tuple[str, str], ...]:
    """Gauges by name, each with the threshold that stands behind it or an empty text."""
    found: list[tuple[str, str]] = []
    for entry in text.split(","):
        name, given, threshold = (part.strip() for part in entry.partition("="))
        if name not in KNOWN_METRICS:
            raise ValueError(
                f"known are {', '.join(KNOWN_METRICS)}. For others write a query in annotation"
                f" {names.ANNOTATION_KEDA_QUERY}"
            )
        if given and not is_number(threshold):
            raise ValueError(f"write a number as the threshold of a metric: {name}=10")
        found.append((name, threshold))
    return tuple(found)


def triggers(text: str) -> list[dict[str, Any]]:
    """KEDA triggers, as a ScaledObject has them."""
    expected = f"write a JSON list of KEDA triggers, such as {_A_TRIGGER}"
    found = _decoded(text, list[_Trigger], expected)
    if not found:
        raise ValueError(expected)
    return [msgspec.to_builtins(trigger) for trigger in found]


def advanced(text: str) -> dict[str, Any]:
    """The section ``advanced`` of a ScaledObject."""
    expected = f"write KEDA's section advanced as a JSON object, such as {_AN_ADVANCED}"
    found: dict[str, Any] = msgspec.to_builtins(_decoded(text, _Advanced, expected))
    return found


def _decoded(text: str, expected: type[T], instead: str) -> T:
    try:
        return msgspec.json.decode(text, type=expected)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(f"{instead}: {error}") from error


def _number(text: str) -> str:
    if not is_number(text):
        raise ValueError("write a number such as 10 or 0.5")
    return text


def _idle(text: str) -> int:
    if text != "0":
        raise ValueError(
            "write 0: it must be below minReplicas, and the HPA that KEDA makes allows nothing else"
        )
    return 0


def _behavior(text: str) -> str:
    if text not in _BEHAVIORS:
        raise ValueError(f"use one of {', '.join(_BEHAVIORS)}")
    return text


READERS: Mapping[str, Callable[[str], object]] = {
    names.ANNOTATION_KEDA_METRIC: known_metrics,
    names.ANNOTATION_KEDA_TRIGGERS: triggers,
    names.ANNOTATION_KEDA_ACTIVATION: _number,
    names.ANNOTATION_KEDA_IDLE_REPLICAS: _idle,
    names.ANNOTATION_KEDA_POLLING: whole_number,
    names.ANNOTATION_KEDA_COOLDOWN: whole_number,
    names.ANNOTATION_KEDA_INITIAL_COOLDOWN: whole_number,
    names.ANNOTATION_KEDA_FALLBACK_REPLICAS: whole_number,
    names.ANNOTATION_KEDA_FALLBACK_FAILURES: whole_number,
    names.ANNOTATION_KEDA_FALLBACK_BEHAVIOR: _behavior,
    names.ANNOTATION_KEDA_ADVANCED: advanced,
}
"""Of each annotation that is ours; those of ``kedaConfig``'s fields are taken as they are."""
