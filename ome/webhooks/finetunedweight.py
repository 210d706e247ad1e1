"""FineTunedWeight at admission: nothing is filled in and nothing refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.api import FineTunedWeight
from ome.api.references import base_model
from ome.api.weights import kept_on_nodes
from ome.webhooks.reading import exempt, first_of, plain_copy, typed
from ome.webhooks.registry import IfAbsent, Verdict
from ome.webhooks.storageuris import parse_storage, storage_remarks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ome.api import ObjectReference, StorageSpec
    from ome.webhooks.registry import Lookup, Review

__all__ = ["default", "validate"]


def default(review: Review, lookup: Lookup) -> dict[str, Any]:
    """The weight as it is."""
    return plain_copy(review)


def validate(review: Review, lookup: Lookup) -> Verdict:
    """Remarks on a weight; ``Undecodable`` when it is no weight at all."""
    if exempt(review):
        return Verdict()
    weight = typed(FineTunedWeight, review.object)
    return Verdict(
        warnings=(
            *_base(weight.spec.base_model_ref, lookup),
            *_storage(weight.spec.storage),
        )
    )


def _base(reference: ObjectReference, lookup: Lookup) -> Iterator[str]:
    base = base_model(reference.name, reference.namespace)
    if first_of((base,), lookup) is None:
        yield IfAbsent(
            f"spec.baseModelRef: {base} not found; the weight will be Failed until it exists. A"
            " reference with namespace means a BaseModel, one without a ClusterBaseModel"
        )


def _storage(spec: StorageSpec) -> Iterator[str]:
    """Agents fetch what they fetch of models; the pods of a weight without a path, OCI only."""
    storage = parse_storage(spec.storage_uri)
    field = "spec.storage.storageUri"
    if spec.path and storage.type == "OCI" and not storage.fault:
        yield (
            "spec.storage.path: has no effect; an object of OCI is fetched and unpacked by the pods"
            " that serve it. Remove it"
        )
    if not kept_on_nodes(spec.storage_uri, spec.path):
        if storage.fault or storage.type != "OCI":
            why = storage.fault or f"{storage.type} is no storage that pods fetch weights from"
            yield (
                f"{field}: {why}; the weight will be Failed. Use"
                " oci://n/{namespace}/b/{bucket}/o/{object_path}, or set spec.storage.path to have"
                " the agents fetch it to nodes"
            )
        return
    if storage.type == "PVC":
        yield (
            f"{field}: a claim is not fetched to nodes; the weight will be Failed. Name the storage"
            " that the claim was filled from"
        )
    else:
        yield from storage_remarks(spec, "weight")
