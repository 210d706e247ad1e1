"""FineTunedWeight: whether its base model exists, its files can be found, and which nodes have it.

A weight whose storage names a path is kept on nodes, which report as they do for models; others
are fetched by the pods that serve them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ome.api.truncate import weight_configmap_key
from ome.controllers.basemodel.reports import NodeReports
from ome.controllers.finetunedweight.reconciler import WeightReconciler, base_of
from ome.controllers.resources import BASE_MODELS, CLUSTER_BASE_MODELS, FINE_TUNED_WEIGHTS
from ome.informers.projection import WholeObject
from ome.reconciler.controller import Controller
from ome.reconciler.mapping import self_key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ome.controllers.context import ControllerContext
    from ome.informers.informer import Informer
    from ome.kube.resource import ObjectKey

__all__ = ["setup"]

_BY_BASE = "base model"


def setup(
    context: ControllerContext, reports: NodeReports | None = None
) -> list[Controller[ObjectKey]]:
    """The controller; ``reports`` is what the models' controllers keep of the nodes."""
    weights = context.informers.informer(FINE_TUNED_WEIGHTS, WholeObject)
    models = {
        resource.kind: context.informers.informer(resource, WholeObject)
        for resource in (BASE_MODELS, CLUSTER_BASE_MODELS)
    }
    book = reports or NodeReports()
    reconciler = WeightReconciler(context, weights, models, book.aggregate)
    controller = Controller(
        "finetunedweight", reconciler.reconcile, clock=context.clock, rng=context.rng, workers=2
    )

    def reported(key: ObjectKey, _report: str) -> None:
        controller.queue.add(key)

    book.follow(weights, reported, lambda _namespace, name: weight_configmap_key(name))
    weights.store.add_index(_BY_BASE, _base_models)
    controller.watch(weights, self_key)
    for models_of_kind in models.values():
        _watch_bases(controller, weights, models_of_kind)
    return [controller]


def _base_models(weight: WholeObject) -> Iterable[tuple[str, ObjectKey]]:
    base = base_of(weight.document())
    return () if base is None else (base,)


def _watch_bases(
    controller: Controller[ObjectKey],
    weights: Informer[WholeObject],
    models: Informer[WholeObject],
) -> None:
    """A weight is looked at when its base model appears or goes."""

    def affected(old: WholeObject | None, new: WholeObject | None) -> Iterable[ObjectKey]:
        present = new or old
        if present is None or (old is not None and new is not None):
            return ()
        base = (models.resource.kind, present.metadata.key)
        return [weight.metadata.key for weight in weights.store.by_index(_BY_BASE, base)]

    controller.watch(models, affected)
