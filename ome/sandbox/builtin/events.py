"""One event, two views: it is stored as core/v1, events.k8s.io/v1 shows it under other names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["event_from_events_v1", "event_to_events_v1"]

_NEW_NAMES = {
    "involvedObject": "regarding",
    "message": "note",
    "reportingComponent": "reportingController",
    "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
}
_OLD_NAMES = {new: old for old, new in _NEW_NAMES.items()}
_ALWAYS_IN_CORE = ("reportingComponent", "reportingInstance")


def event_to_events_v1(document: Mapping[str, Any]) -> dict[str, Any]:
    """The view of ``events.k8s.io/v1`` on a stored event."""
    renamed = {_NEW_NAMES.get(name, name): value for name, value in document.items()}
    renamed["apiVersion"] = "events.k8s.io/v1"
    # The two are always there in core/v1 and never empty here.
    for name in ("reportingController", "reportingInstance"):
        if not renamed.get(name):
            renamed.pop(name, None)
    return renamed


def event_from_events_v1(document: Mapping[str, Any]) -> dict[str, Any]:
    """What is stored of an event written through ``events.k8s.io/v1``."""
    renamed = {_OLD_NAMES.get(name, name): value for name, value in document.items()}
    return {**dict.fromkeys(_ALWAYS_IN_CORE, ""), **renamed, "apiVersion": "v1"}
