"""What pods of OME get at admission; pure, and a second call changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.api import names
from ome.webhooks.pod.adapter import inject_adapter
from ome.webhooks.pod.edit import InjectionFailed, check_shape, containers
from ome.webhooks.pod.metrics import annotate_metrics
from ome.webhooks.pod.model_init import inject_model_init
from ome.webhooks.pod.rdma import inject_rdma
from ome.webhooks.pod.sidecar import inject_sidecar
from ome.webhooks.reading import copied

if TYPE_CHECKING:
    from ome.webhooks.registry import Lookup, Review

__all__ = ["InjectionFailed", "default"]

_OURS = (names.LABEL_INFERENCE_SERVICE, names.LABEL_TRAINING_JOB)


def default(review: Review, lookup: Lookup) -> dict[str, Any]:
    """The pod with everything that its annotations ask for; others than OME's as they are.

    Raises ``Undecodable``, ``InjectionFailed`` for the first thing that cannot be done, and
    ``BadSetting`` for settings that an asked-for injection needs.
    """
    sent = review.object or {}
    check_shape(sent)
    pod: dict[str, Any] = copied(sent)
    labels = pod["metadata"].get("labels") or {}
    if not any(label in labels for label in _OURS):
        return pod
    if review.namespace:
        pod["metadata"]["namespace"] = review.namespace
    annotate_metrics(pod, lookup)
    inject_model_init(pod, lookup)
    inject_adapter(pod, lookup)
    inject_sidecar(pod, lookup)
    inject_rdma(pod)
    _order(pod)
    return pod


def _order(pod: dict[str, Any]) -> None:
    """``model-init`` runs before ``fine-tuned-adapter``; all others keep their places."""
    if not pod["spec"].get("initContainers"):
        return
    init = containers(pod, "initContainers")
    places = {item.get("name"): place for place, item in reversed(list(enumerate(init)))}
    model = places.get(names.CONTAINER_MODEL_INIT)
    adapter = places.get(names.CONTAINER_ADAPTER)
    if model is not None and adapter is not None and adapter < model:
        init.insert(adapter, init.pop(model))
