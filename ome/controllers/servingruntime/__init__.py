"""ServingRuntime and ClusterServingRuntime: what is wrong with them, said in their status.

Services that use a runtime are run by their own controller; here is only what a runtime's author
should know: names that do not exist, bounds that bound nothing, and others of the same rank.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ome import api
from ome.controllers.decode import KindDecoder, Unreadable
from ome.controllers.resources import (
    ACCELERATOR_CLASSES,
    CLUSTER_SERVING_RUNTIMES,
    SERVING_RUNTIMES,
)
from ome.controllers.servingruntime.overlaps import Overlaps
from ome.controllers.servingruntime.reconciler import RuntimeReconciler
from ome.informers.projection import WholeObject
from ome.reconciler.controller import Controller
from ome.reconciler.mapping import generation_changed, self_key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ome.controllers.context import ControllerContext
    from ome.controllers.servingruntime.reconciler import Kind
    from ome.informers.informer import Informer
    from ome.kube.resource import ObjectKey

__all__ = ["setup"]

_BY_CLASS = "accelerator class"
"""Index of runtimes: the classes that they list."""


def setup(context: ControllerContext) -> list[Controller[ObjectKey]]:
    """The controllers of both kinds."""
    decode = KindDecoder()
    classes = context.informers.informer(ACCELERATOR_CLASSES, WholeObject)
    return [
        _controller(
            context, kind, context.informers.informer(resource, WholeObject), classes, decode
        )
        for kind, resource in (
            (api.ServingRuntime, SERVING_RUNTIMES),
            (api.ClusterServingRuntime, CLUSTER_SERVING_RUNTIMES),
        )
    ]


def _controller(
    context: ControllerContext,
    kind: Kind,
    runtimes: Informer[WholeObject],
    classes: Informer[WholeObject],
    decode: KindDecoder,
) -> Controller[ObjectKey]:
    overlaps = Overlaps()
    reconciler = RuntimeReconciler(context, kind, runtimes, classes, overlaps, decode)
    controller = Controller(
        kind.KIND.lower(), reconciler.reconcile, clock=context.clock, rng=context.rng, workers=2
    )

    def spec_of(stored: WholeObject | None) -> api.ServingRuntimeSpec | None:
        try:
            return None if stored is None else decode(kind, stored).spec
        except Unreadable:
            return None

    def listed(stored: WholeObject) -> Iterable[str]:
        spec = spec_of(stored)
        required = None if spec is None else spec.accelerator_requirements
        return (required.accelerator_classes if required is not None else None) or ()

    def ranked(old: WholeObject | None, new: WholeObject | None) -> Iterable[ObjectKey]:
        present = new or old
        assert present is not None
        return overlaps.runtime(present.metadata.key, spec_of(new))

    def users(old: WholeObject | None, new: WholeObject | None) -> Iterable[ObjectKey]:
        present = new or old
        if present is None or (old is not None and new is not None):
            return ()
        found = runtimes.store.by_index(_BY_CLASS, present.metadata.name)
        return [stored.metadata.key for stored in found]

    runtimes.store.add_index(_BY_CLASS, listed)
    controller.watch(runtimes, ranked, predicate=generation_changed)
    controller.watch(runtimes, self_key)
    controller.watch(classes, users)
    return controller
