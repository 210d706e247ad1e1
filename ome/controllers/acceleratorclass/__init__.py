"""AcceleratorClass: which nodes have the accelerator, and how many of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ome import api
from ome.controllers.acceleratorclass.aggregate import Aggregate, NodeFacts
from ome.controllers.acceleratorclass.reconciler import ClassReconciler
from ome.controllers.decode import KindDecoder, Unreadable
from ome.controllers.resources import ACCELERATOR_CLASSES
from ome.informers.projection import Metadata, WholeObject
from ome.kube.resource import ObjectKey
from ome.kube.resources import NODES
from ome.reconciler.controller import Controller
from ome.reconciler.mapping import self_key

if TYPE_CHECKING:
    from ome.controllers.context import ControllerContext

__all__ = ["setup"]


class NodeStatus(msgspec.Struct, frozen=True):
    """What a node has, by resource name."""

    capacity: dict[str, str] = {}
    allocatable: dict[str, str] = {}


class NodeView(msgspec.Struct, frozen=True):
    """The part of a node that classes look at."""

    metadata: Metadata
    status: NodeStatus = NodeStatus()


def setup(context: ControllerContext) -> list[Controller[ObjectKey]]:
    """The controller of classes over one aggregate of all nodes."""
    classes = context.informers.informer(ACCELERATOR_CLASSES, WholeObject)
    nodes = context.informers.informer(NODES, NodeView)
    aggregate, decode = Aggregate(), KindDecoder()
    reconciler = ClassReconciler(context, classes, aggregate, decode)
    controller = Controller(
        "acceleratorclass", reconciler.reconcile, clock=context.clock, rng=context.rng, workers=2
    )

    def on_class(old: WholeObject | None, new: WholeObject | None) -> None:
        present = new or old
        assert present is not None
        spec = None
        if new is not None:
            try:
                spec = decode(api.AcceleratorClass, new).spec
            except Unreadable:
                spec = None
        aggregate.accelerator_class(present.metadata.name, spec)

    def on_node(old: NodeView | None, new: NodeView | None) -> None:
        present = new or old
        assert present is not None
        facts = None if new is None else _facts(new)
        for name in aggregate.node(present.metadata.name, facts):
            controller.queue.add(ObjectKey("", name))

    # Before the watch: a pass must find the class in the aggregate.
    classes.add_handler(on_class)
    nodes.add_handler(on_node)
    controller.watch(classes, self_key)
    return [controller]


def _facts(node: NodeView) -> NodeFacts:
    status = node.status
    return NodeFacts(
        node.metadata.labels,
        status.capacity.get("memory", ""),
        _extended(status.capacity),
        _extended(status.allocatable),
    )


def _extended(resources: dict[str, str]) -> dict[str, str]:
    """Resources of devices; those of every node change with every heartbeat of some kubelets."""
    return {name: amount for name, amount in resources.items() if "/" in name}
