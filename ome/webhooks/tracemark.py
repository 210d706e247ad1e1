"""Which request an object's spec is from: an annotation that joins its reconciles to that trace.

It is written with a change of the spec and only then, so labels, finalizers and status move nothing
and a tool that compares sees no difference it did not make. A dry run leaves it out: what it shows
is what would be different next time as well. Who sends a value of their own keeps it, so a pipeline
may put its own trace there; a second review of the same request finds the first one's and keeps it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.api import names
from ome.webhooks.reading import annotations_of

if TYPE_CHECKING:
    from ome.webhooks.registry import Review

__all__ = ["mark"]


def mark(review: Review, document: dict[str, Any], traceparent: str) -> None:
    """Put the trace context into a defaulted document whose spec differs from the stored one.

    Without one (the request is not sampled) an older one is taken out: it says nothing of this
    spec.
    """
    name = names.ANNOTATION_TRACEPARENT
    held = annotations_of(document).get(name)
    if review.dry_run or held != annotations_of(review.old).get(name):
        return
    if review.old is not None and document.get("spec") == review.old.get("spec"):
        return
    if traceparent:
        document["metadata"].setdefault("annotations", {})[name] = traceparent
    elif held is not None:
        del document["metadata"]["annotations"][name]
