"""The trace context is put on an object with a change of its spec, and only then."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ome.api import names
from ome.webhooks.registry import Review
from ome.webhooks.tracemark import mark

NAME = names.ANNOTATION_TRACEPARENT
NEW, OLD, OWN = (f"00-{digit * 32}-{digit * 16}-01" for digit in "abc")


def service(held: str | None = None, replicas: int = 1) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": "chat"}
    if held is not None:
        metadata["annotations"] = {NAME: held}
    return {"metadata": metadata, "spec": {"engine": {"minReplicas": replicas}}}


def marked(
    sent: dict[str, Any], old: dict[str, Any] | None, traceparent: str = NEW, **more: Any
) -> dict[str, Any]:
    operation = "UPDATE" if old else "CREATE"
    document = copy.deepcopy(sent)
    mark(
        Review(operation, "InferenceService", "demo", "chat", sent, old, **more),
        document,
        traceparent,
    )
    return document


@pytest.mark.parametrize(
    ("sent", "old", "found"),
    [
        (service(), None, NEW),
        (service(OWN), None, OWN),
        (service(OLD, 2), service(OLD), NEW),
        (service(None, 2), service(), NEW),
        (service(OWN, 2), service(OLD), OWN),
        (service(OLD), service(OLD), OLD),
        (service(), service(OLD), None),
        (service(), service(), None),
    ],
    ids=[
        "created",
        "created with the sender's own",
        "changed",
        "changed, never marked before",
        "changed with the sender's own",
        "not changed",
        "not changed, taken away by its sender",
        "not changed, never marked",
    ],
)
def test_when_it_is_written(
    sent: dict[str, Any], old: dict[str, Any] | None, found: str | None
) -> None:
    document = marked(sent, old)
    assert (document["metadata"].get("annotations") or {}).get(NAME) == found
    assert document["spec"] == sent["spec"]


@pytest.mark.parametrize("old", [None, service(OLD)])
def test_a_second_review_of_a_request_changes_nothing(old: dict[str, Any] | None) -> None:
    first = marked(service(OLD if old else None, 2), old)
    assert marked(first, old, traceparent=OWN) == first


def test_a_dry_run_leaves_it_as_it_is() -> None:
    assert marked(service(OLD, 2), service(OLD), dry_run=True) == service(OLD, 2)
    assert marked(service(), None, dry_run=True) == service()


def test_what_is_not_sampled_keeps_no_older_trace() -> None:
    assert NAME not in marked(service(OLD, 2), service(OLD), "")["metadata"]["annotations"]
    assert marked(service(OLD), service(OLD), "") == service(OLD)
    assert marked(service(), None, "") == service()
