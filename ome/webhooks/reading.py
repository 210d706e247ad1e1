"""From a raw object under review to a typed one, and when there is nothing to review.

An object on its way out is never held up, and neither is an update that changes nothing that the
checks read (a finalizer, a label of somebody else): what changed around it since it was stored is
no reason to refuse it now.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import pydantic
from cachetools import LRUCache

from ome.api import ClusterServingRuntime, ServingRuntime
from ome.selection import RuntimeCandidate
from ome.webhooks.registry import Problem, Undecodable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ome.api.references import ModelKey
    from ome.api.schema import KindObject
    from ome.webhooks.registry import Document, Lookup, Review

__all__ = [
    "annotations_of",
    "candidates",
    "copied",
    "exempt",
    "first_of",
    "leaving",
    "metadata_of",
    "plain_copy",
    "problems_of",
    "readable",
    "shared",
    "typed",
    "untouched",
]

K = TypeVar("K", bound="KindObject")

# Runtimes are read for every service; one that did not change is parsed once.
_parsed: LRUCache[tuple[str, str, str], Any] = LRUCache(maxsize=2048)
_lock = threading.Lock()


def metadata_of(document: Document | None) -> Mapping[str, Any]:
    """The metadata of an object, empty when there is none."""
    found = (document or {}).get("metadata")
    return found if isinstance(found, dict) else {}


def annotations_of(document: Document | None) -> dict[str, Any]:
    """The annotations of an object."""
    found = metadata_of(document).get("annotations")
    return found if isinstance(found, dict) else {}


def copied(value: Any) -> Any:
    """A deep copy of a JSON value, ten times as fast as that of ``copy``."""
    return msgspec.to_builtins(value)


def plain_copy(review: Review) -> dict[str, Any]:
    """A deep copy of the object that is reviewed."""
    made: dict[str, Any] = copied(review.object or {})
    return made


def leaving(review: Review) -> bool:
    """Whether the object is being deleted: it is neither changed nor judged any more."""
    return (
        review.operation == "DELETE"
        or review.object is None
        or metadata_of(review.object).get("deletionTimestamp") is not None
    )


def exempt(review: Review, read: Iterable[str] = ()) -> bool:
    """Whether there is nothing to judge: leaving, or an update of nothing that is looked at.

    ``read`` names the annotations that the checks of this kind look at.
    """
    return leaving(review) or untouched(review, read)


def untouched(review: Review, read: Iterable[str] = ()) -> bool:
    """Whether it is an update that leaves the spec and these annotations as they were."""
    if review.operation != "UPDATE" or review.old is None or review.object is None:
        return False
    if review.object.get("spec") != review.old.get("spec"):
        return False
    now, before = annotations_of(review.object), annotations_of(review.old)
    return all(now.get(name) == before.get(name) for name in read)


def readable(kind: type[K], document: Document | None) -> K | None:
    """The typed object, or None when a value has the wrong type."""
    try:
        return kind.model_validate(document)
    except pydantic.ValidationError:
        return None


def typed(kind: type[K], document: Document | None) -> K:
    """The typed object. Raises ``Undecodable`` with every field that is wrong."""
    found = readable(kind, document)
    if found is None:
        faults = "; ".join(
            f"{problem.field}: {problem.message}" for problem in problems_of(kind, document)
        )
        raise Undecodable(f"{kind.KIND} {metadata_of(document).get('name') or ''}: {faults}")
    return found


def problems_of(kind: type[KindObject], document: Document | None) -> tuple[Problem, ...]:
    """Why an object is not readable: one problem for each field."""
    try:
        kind.model_validate(document)
    except pydantic.ValidationError as error:
        return tuple(
            Problem(
                _field(item["loc"]),
                f"{item['msg'].removeprefix('Value error, ')}; correct the value (kubectl explain"
                f" {kind.SINGULAR} shows what is expected)",
            )
            for item in error.errors(include_url=False, include_input=False)
        )
    return ()


def _field(location: tuple[int | str, ...]) -> str:
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def shared(kind: type[K], document: Document) -> K | None:
    """As ``readable``, for an object of a cache: parsed once for each of its versions."""
    held = metadata_of(document)
    key = (kind.KIND, str(held.get("uid") or ""), str(held.get("resourceVersion") or ""))
    with _lock:
        found: K | None = _parsed.get(key)
    if found is None:
        found = readable(kind, document)
        if found is not None and key[1] and key[2]:
            with _lock:
                _parsed[key] = found
    return found


def first_of(models: Iterable[ModelKey], lookup: Lookup) -> Document | None:
    """The first of these models that exists."""
    for model in models:
        found = lookup.base_model(model.namespace, model.name)
        if found is not None and found.get("kind") == model.kind:
            return found
    return None


def candidates(documents: Iterable[Document]) -> list[RuntimeCandidate]:
    """Runtimes as selection takes them; what cannot be read is left out."""
    found: list[RuntimeCandidate] = []
    for document in documents:
        runtime: ServingRuntime | ClusterServingRuntime | None
        if document.get("kind") == ClusterServingRuntime.KIND:
            runtime = shared(ClusterServingRuntime, document)
        else:
            runtime = shared(ServingRuntime, document)
        if runtime is not None:
            held = runtime.metadata
            found.append(RuntimeCandidate(held.name, held.namespace, runtime.spec))
    return found
