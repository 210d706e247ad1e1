"""BaseModel and ClusterBaseModel: the same logic for both, over one aggregate of all nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ome.api import names
from ome.api.truncate import model_configmap_key
from ome.controllers.basemodel.aggregate import Aggregate
from ome.controllers.basemodel.nodes import GRACE, StaleReports
from ome.controllers.basemodel.reconciler import ModelReconciler
from ome.controllers.resources import BASE_MODELS, CLUSTER_BASE_MODELS
from ome.informers.projection import Metadata, PartialMetadata, WholeObject
from ome.kube.resource import ObjectKey
from ome.kube.resources import CONFIGMAPS, NODES
from ome.reconciler.controller import Controller
from ome.reconciler.mapping import self_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ome.controllers.context import ControllerContext
    from ome.informers.informer import Informer
    from ome.kube.resource import Resource

__all__ = ["setup"]


class ReportMap(msgspec.Struct, frozen=True, gc=False):
    """A status ConfigMap as the aggregate reads it."""

    metadata: Metadata
    data: dict[str, str] = {}


class _Holders:
    """Which models a key of the status ConfigMaps may mean.

    Keys are looked up, never parsed: a cut one cannot be, and two models can have the same (the
    BaseModel ``x`` of a namespace ``clusterbasemodel``, the ClusterBaseModel ``basemodel.x``).
    """

    def __init__(self) -> None:
        self._by_report: dict[str, dict[ObjectKey, Callable[[ObjectKey, str], None]]] = {}

    def follow(
        self, models: Informer[WholeObject], reported: Callable[[ObjectKey, str], None]
    ) -> None:
        """Know the models of one kind; ``reported`` is called with a model and its report key."""

        def index(old: WholeObject | None, new: WholeObject | None) -> None:
            present = new or old
            assert present is not None
            key = present.metadata.key
            report = model_configmap_key(*key)
            if new is not None:
                self._by_report.setdefault(report, {})[key] = reported
                return
            held = self._by_report.get(report, {})
            held.pop(key, None)
            if not held:
                self._by_report.pop(report, None)

        models.add_handler(index)

    def touch(self, reports: Iterable[str]) -> None:
        """Have the models of these keys looked at."""
        for report in reports:
            for key, reported in self._by_report.get(report, {}).items():
                reported(key, report)


def setup(context: ControllerContext) -> list[Controller[ObjectKey]]:
    """The controllers of both kinds and the one that clears reports of nodes that are gone."""
    aggregate, holders = Aggregate(), _Holders()
    controllers = [
        _model_controller(context, aggregate, holders, resource, finalizer)
        for resource, finalizer in (
            (BASE_MODELS, names.FINALIZER_BASE_MODEL),
            (CLUSTER_BASE_MODELS, names.FINALIZER_CLUSTER_BASE_MODEL),
        )
    ]
    return [*controllers, _reports(context, aggregate, holders)]


def _model_controller(
    context: ControllerContext,
    aggregate: Aggregate,
    holders: _Holders,
    resource: Resource,
    finalizer: str,
) -> Controller[ObjectKey]:
    models = context.informers.informer(resource, WholeObject)
    reconciler = ModelReconciler(context, resource, finalizer, models, aggregate)
    controller = Controller(
        resource.kind.lower(), reconciler.reconcile, clock=context.clock, rng=context.rng
    )

    def reported(key: ObjectKey, report: str) -> None:
        rest = reconciler.rest(key, report)
        if rest > 0:
            # The reports of a burst wait for the model's next write together.
            context.status_saved(resource.kind)
        controller.queue.add_after(key, rest)

    holders.follow(models, reported)
    controller.watch(models, self_key)
    return controller


def _reports(
    context: ControllerContext, aggregate: Aggregate, holders: _Holders
) -> Controller[ObjectKey]:
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
        holders.touch(aggregate.config_map(name, None if new is None else new.data))
        if new is not None and old is None and not aggregate.exists(name):
            controller.queue.add_after(ObjectKey("", name), GRACE)

    def on_node(old: PartialMetadata | None, new: PartialMetadata | None) -> None:
        if (old is None) == (new is None):
            return
        present = new or old
        assert present is not None
        name = present.metadata.name
        holders.touch(aggregate.node(name, new is not None))
        if new is None:
            controller.queue.add(ObjectKey("", name))

    nodes.add_handler(on_node)
    maps.add_handler(on_map)
    return controller
