"""Events, as core/v1 and as events.k8s.io/v1 have them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.sandbox.builtin import names
from ome.sandbox.builtin.causes import invalid, required
from ome.sandbox.builtin.events import event_from_events_v1

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ome.sandbox.refusal import Cause

__all__ = ["validate_event", "validate_events_v1"]

_UNSET = ("firstTimestamp", "lastTimestamp", "count", "source")
"""What only older clients write; the causes use the names of core/v1."""


def validate_event(document: Mapping[str, Any], old: Mapping[str, Any] | None) -> Iterator[Cause]:
    """An event of core/v1; one with ``eventTime`` must be as complete as a new one."""
    yield from _namespace(document)
    if document.get("eventTime"):
        yield from _complete(document, "reportingComponent")


def validate_events_v1(
    document: Mapping[str, Any], old: Mapping[str, Any] | None
) -> Iterator[Cause]:
    """An event of events.k8s.io/v1, in the names of either version."""
    if "regarding" in document or "reportingController" in document:
        document = event_from_events_v1(document)
    yield from _namespace(document)
    if not document.get("eventTime"):
        yield required("eventTime")
    else:
        yield from _complete(document, "reportingController")
    type_ = document.get("type", "")
    if type_ not in ("Normal", "Warning"):
        yield invalid("type", "", f"has invalid value: {type_}")
    if old is None:
        for name in _UNSET:
            if document.get(name):
                yield invalid(name, "", "needs to be unset")


def _namespace(document: Mapping[str, Any]) -> Iterator[Cause]:
    said = document.get("involvedObject", {}).get("namespace", "")
    own = document["metadata"].get("namespace", "")
    # Events about objects of the cluster are in the default namespace.
    if own != (said or "default"):
        yield invalid("involvedObject.namespace", said, "does not match event.namespace")


def _complete(document: Mapping[str, Any], controller: str) -> Iterator[Cause]:
    said_by = document.get("reportingComponent", "")
    if not said_by:
        yield required(controller)
    for text in names.qualified_name(said_by):
        yield invalid(controller, said_by, text)
    for name, most in (("reportingInstance", 128), ("action", 128), ("reason", 128)):
        if not document.get(name):
            yield required(name)
        elif len(document[name]) > most:
            yield invalid(name, "", f"can have at most {most} characters")
    if len(document.get("message", "")) > 1024:
        yield invalid("message", "", "can have at most 1024 characters")
