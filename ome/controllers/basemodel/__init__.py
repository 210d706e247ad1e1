"""BaseModel and ClusterBaseModel: the same logic for both, over one aggregate of all nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ome.api import names
from ome.api.truncate import model_configmap_key
from ome.controllers.basemodel.claim_sources import ClaimSources
from ome.controllers.basemodel.claims import ClaimModels
from ome.controllers.basemodel.measures import ModelNodes
from ome.controllers.basemodel.nodes import GRACE, StaleReports
from ome.controllers.basemodel.reconciler import ModelReconciler
from ome.controllers.basemodel.reports import NodeReports
from ome.controllers.resources import BASE_MODELS, CLUSTER_BASE_MODELS
from ome.controllers.userobjects import UserObjects
from ome.informers.projection import Metadata, PartialMetadata, WholeObject
from ome.kube.resource import ObjectKey
from ome.kube.resources import CONFIGMAPS, NODES
from ome.reconciler.controller import Controller
from ome.reconciler.mapping import self_key

if TYPE_CHECKING:
    from ome.controllers.context import ControllerContext
    from ome.kube.resource import Resource

__all__ = ["setup"]


class ReportMap(msgspec.Struct, frozen=True, gc=False):
    """A status ConfigMap as the aggregate reads it."""

    metadata: Metadata
    data: dict[str, str] = {}


def setup(
    context: ControllerContext, reports: NodeReports | None = None
) -> list[Controller[ObjectKey]]:
    """The controllers of both kinds and the one that clears reports of nodes that are gone.

    ``reports`` is what other kinds read of the nodes, too.
    """
    book, sources = reports or NodeReports(), ClaimSources(context)
    controllers = [
        _model_controller(context, book, sources, resource, finalizer)
        for resource, finalizer in (
            (BASE_MODELS, names.FINALIZER_BASE_MODEL),
            (CLUSTER_BASE_MODELS, names.FINALIZER_CLUSTER_BASE_MODEL),
        )
    ]
    if context.registry is not None:
        context.registry.register(ModelNodes(book))
    return [*controllers, _reports(context, book)]


def _model_controller(
    context: ControllerContext,
    book: NodeReports,
    sources: ClaimSources,
    resource: Resource,
    finalizer: str,
) -> Controller[ObjectKey]:
    models = context.informers.informer(resource, WholeObject)
    writes = UserObjects(context.applier, models, finalizer)
    claims = ClaimModels(context, resource.kind, writes, sources)
    reconciler = ModelReconciler(context, models, writes, book.aggregate, claims)
    controller = Controller(
        resource.kind.lower(), reconciler.reconcile, clock=context.clock, rng=context.rng
    )

    def reported(key: ObjectKey, report: str) -> None:
        rest = reconciler.reported(key, report)
        if rest is not None:
            controller.queue.add_after(key, rest)

    book.follow(models, reported, model_configmap_key)
    controller.watch(models, self_key, predicate=writes.changed_by_others)
    sources.wake(controller, models)
    return controller


def _reports(context: ControllerContext, book: NodeReports) -> Controller[ObjectKey]:
    aggregate = book.aggregate
    nodes = context.informers.informer(NODES, PartialMetadata, metadata_only=True)
    maps = context.informers.informer(
        CONFIGMAPS,
        ReportMap,
        namespace=context.namespace,
        label_selector=f"{names.LABEL_MODEL_STATUS}=true",
    )
    stale = StaleReports(context, nodes, maps)
    controller = Controller(
        "modelreports", stale.reconcile, clock=context.clock, rng=context.rng, workers=1
    )

    def on_map(old: ReportMap | None, new: ReportMap | None) -> None:
        present = new or old
        assert present is not None
        name = present.metadata.name
        book.touch(aggregate.config_map(name, None if new is None else new.data))
        if new is not None and old is None and not aggregate.exists(name):
            controller.queue.add_after(ObjectKey("", name), GRACE)

    def on_node(old: PartialMetadata | None, new: PartialMetadata | None) -> None:
        if (old is None) == (new is None):
            return
        present = new or old
        assert present is not None
        name = present.metadata.name
        book.touch(aggregate.node(name, new is not None))
        if new is None:
            controller.queue.add(ObjectKey("", name))

    nodes.add_handler(on_node)
    maps.add_handler(on_map)
    return controller
