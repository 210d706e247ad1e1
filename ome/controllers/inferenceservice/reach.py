"""Models and weights that no node has: pods that would read them there find no node to run on.

The scheduler says only that no node matches. Which label that is about, and that a model is behind
it, is known from the plan.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ome.api.truncate import model_node_label, weight_node_label
from ome.controllers.inferenceservice.weighing import KIND
from ome.controllers.inferenceservice.workload import is_workload, pod_templates
from ome.kube.resource import ObjectKey
from ome.reconciler.mapping import declaration_changed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ome.controllers.inferenceservice.choosing import Choice
    from ome.controllers.inferenceservice.usage import Dependency
    from ome.controllers.inferenceservice.world import World
    from ome.informers.projection import WholeObject
    from ome.workloads import PlannedComponent

__all__ = ["declaration_or_reach_changed", "on_no_node"]


class _Reach(msgspec.Struct, frozen=True, rename="camel"):
    nodes_ready: msgspec.Raw = msgspec.Raw()  # thousands of names, of which none is looked at


_NO_NODES = (b"", b"null", b"[]")
_REACH = msgspec.json.Decoder(_Reach)


def on_no_node(world: World, choice: Choice, component: PlannedComponent) -> str:
    """Which model or weight the pods of a component wait for; empty when nodes have them all."""
    templates = [
        template
        for desired in component.objects
        if is_workload(desired)
        for template in pod_templates(desired)
    ]
    wanted = {label for one in templates for label in one["spec"].get("nodeSelector") or {}}
    for label, needed in _needed(choice):
        stored = world.shared(needed.kind, ObjectKey(needed.namespace, needed.name))
        if label in wanted and stored is not None and not _is_on_nodes(stored):
            named = f"{needed.kind} {needed.name}"
            kind = "weight" if needed.kind == KIND else "model"
            return (
                f"no node reports {named} as ready, and these pods only run where it is; ome why"
                f" {kind}/{needed.name} says what keeps it from nodes"
            )
    return ""


def _needed(choice: Choice) -> Iterator[tuple[str, Dependency]]:
    """What nodes can have of a service, by the label that says it."""
    model = choice.model
    yield model_node_label(model.namespace, model.name), model.dependency
    for weight in choice.weights:
        yield weight_node_label(weight.name), weight.dependency


def _is_on_nodes(stored: WholeObject) -> bool:
    if not stored.status:
        return False
    return bytes(_REACH.decode(stored.status).nodes_ready) not in _NO_NODES


def declaration_or_reach_changed(old: WholeObject | None, new: WholeObject | None) -> bool:
    """As ``declaration_changed``, and that the first node has a model, or no node any more."""
    if old is None or new is None or declaration_changed(old, new):
        return True
    return _is_on_nodes(old) != _is_on_nodes(new)
