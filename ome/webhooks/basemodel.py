"""BaseModel and ClusterBaseModel at admission: nothing is filled in and nothing refused.

What is wrong with a model shows in its state; a remark at the front door saves the wait.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.api import BaseModel, ClusterBaseModel, names
from ome.api.turns import nodes_at_once
from ome.selection import parse_size, parse_version
from ome.webhooks.reading import annotations_of, exempt, plain_copy, typed
from ome.webhooks.registry import Verdict
from ome.webhooks.storageuris import parse_storage, storage_remarks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ome.api import BaseModelSpec
    from ome.webhooks.registry import Lookup, Review

__all__ = ["default", "validate"]


def default(review: Review, lookup: Lookup) -> dict[str, Any]:
    """The model as it is."""
    return plain_copy(review)


def validate(review: Review, lookup: Lookup) -> Verdict:
    """Remarks on a model; ``Undecodable`` when it is no model at all."""
    if exempt(review):
        return Verdict()
    cluster = review.kind == ClusterBaseModel.KIND
    kind: type[ClusterBaseModel] | type[BaseModel] = ClusterBaseModel if cluster else BaseModel
    model = typed(kind, review.object)
    spec = model.spec
    scope = "" if cluster else review.namespace
    return Verdict(warnings=(*_turns(review), *_storage(spec, scope), *_texts(spec)))


def _turns(review: Review) -> Iterator[str]:
    name = names.ANNOTATION_MAX_CONCURRENT_NODES
    text = annotations_of(review.object).get(name)
    if isinstance(text, str) and nodes_at_once(text) is None:
        yield (
            f'metadata.annotations["{name}"]: {text!r} is ignored, so any number of nodes'
            " downloads at once; write a number from 1 to 9999"
        )


def _storage(spec: BaseModelSpec, namespace: str) -> Iterator[str]:
    storage = parse_storage(spec.storage.storage_uri)
    where = "spec.storage.storageUri"
    claim = storage.type == "PVC" and not storage.fault
    if claim and not namespace and not storage.namespace:
        yield (
            f"{where}: PVC namespace is required for ClusterBaseModel: use"
            " pvc://{namespace}:{pvc-name}/{sub-path}"
        )
    elif claim and namespace and storage.namespace not in ("", namespace):
        yield (
            f"{where}: cross-namespace PVC access is not allowed for BaseModel; use a claim of"
            f" namespace {namespace} or a ClusterBaseModel"
        )
    yield from storage_remarks(spec.storage, "model")


def _texts(spec: BaseModelSpec) -> Iterator[str]:
    size = spec.model_parameter_size
    if size and parse_size(size) is None:
        yield (
            f"spec.modelParameterSize: {size!r} is not a size, so it counts as absent; write one"
            " such as 7B or 1.5T"
        )
    for name, named in (
        ("modelFormat", spec.model_format),
        ("modelFramework", spec.model_framework),
    ):
        if named is not None and named.version is not None:
            try:
                parse_version(named.version)
            except ValueError as error:
                yield f"spec.{name}.version: {error}; no runtime fits it. Write one such as 1.2.3"
