"""InferenceService: from a model's name to a URL that answers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from ome.api import names
from ome.controllers.decode import KindDecoder
from ome.controllers.inferenceservice.applying import Writer
from ome.controllers.inferenceservice.children import Children
from ome.controllers.inferenceservice.cluster_domain import cluster_domain, knative_namespace
from ome.controllers.inferenceservice.exposing import Exposer
from ome.controllers.inferenceservice.healing import Healer
from ome.controllers.inferenceservice.measures import Measures
from ome.controllers.inferenceservice.needs import CHILD_KINDS, NEEDS, definition
from ome.controllers.inferenceservice.observing import BY_SERVICE_LABEL, Observer
from ome.controllers.inferenceservice.planning import Planner
from ome.controllers.inferenceservice.pods import PodView
from ome.controllers.inferenceservice.reach import declaration_or_reach_changed
from ome.controllers.inferenceservice.reconciler import Reconciler
from ome.controllers.inferenceservice.refusals import Refusals, refusal_changed
from ome.controllers.inferenceservice.telling import Teller
from ome.controllers.inferenceservice.triggers import Triggers
from ome.controllers.inferenceservice.usage import Dependency, Usage
from ome.controllers.inferenceservice.world import SHARED, Sources, World
from ome.controllers.origin import origin_of
from ome.controllers.resources import INFERENCE_SERVICES, LEADER_WORKER_SETS, ON_NODES
from ome.controllers.userobjects import UserObjects
from ome.informers.optional import OptionalKinds
from ome.informers.projection import Metadata, WholeObject
from ome.kube.resource import ObjectKey
from ome.kube.resources import CONFIGMAPS, PODS
from ome.reconciler.controller import Controller
from ome.reconciler.mapping import content_changed, controller_owner, declaration_changed, self_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ome.controllers.context import ControllerContext
    from ome.informers.informer import Informer
    from ome.informers.registry import Informers
    from ome.kube.resource import Resource

__all__ = ["setup"]

_SPREAD = 5.0
"""Seconds over which all services run again when the operator's settings change."""


class ConfigMapData(msgspec.Struct, frozen=True):
    """A ConfigMap whose data is read whole."""

    metadata: Metadata
    data: dict[str, str] = {}


class _ConfigMap:
    """The reader of one ConfigMap."""

    def __init__(self, context: ControllerContext, namespace: str, name: str) -> None:
        self._key = ObjectKey(namespace, name)
        self.informer = context.informers.informer(
            CONFIGMAPS, ConfigMapData, namespace=namespace, field_selector=f"metadata.name={name}"
        )

    def data(self) -> Mapping[str, str] | None:
        """What it holds; None when it is not there."""
        held = self.informer.store.get(self._key)
        return None if held is None else held.data


def setup(context: ControllerContext) -> list[Controller[ObjectKey]]:
    """The controller and everything that it watches."""
    informers = context.informers
    services = informers.informer(INFERENCE_SERVICES, WholeObject)
    shared = [informers.informer(resource, WholeObject) for resource in SHARED]
    sources = Sources(services.store, *(informer.store for informer in shared))
    optional = OptionalKinds(informers)
    children_informers = _children_informers(informers, optional)
    pods = informers.informer(PODS, PodView, label_selector=names.LABEL_INFERENCE_SERVICE)
    pods.store.add_index(BY_SERVICE_LABEL, _service_of_label)
    refusals = Refusals(informers, pods, children_informers[LEADER_WORKER_SETS])
    config = _ConfigMap(context, context.namespace, names.CONFIGMAP_INFERENCE_SERVICE)
    of_knative = _ConfigMap(context, knative_namespace(), names.CONFIGMAP_KNATIVE_DOMAINS)
    usage, decode = Usage(), KindDecoder()
    measures = Measures(context.registry)
    world = World(sources, decode)
    children = Children(context.client, context.applier, children_informers, optional)
    planner = Planner(world, children, config.data, cluster_domain())
    writer = Writer(children, context.events, context.clock)
    writes = UserObjects(context.applier, services, names.FINALIZER_INFERENCE_SERVICE)
    reconciler = Reconciler(
        services,
        writes=writes,
        world=world,
        usage=usage,
        planner=planner,
        writer=writer,
        healer=Healer(children, context.applier, context.clock),
        observer=Observer(world, children, pods, refusals, context.clock),
        exposer=Exposer(children, writer, lambda: tuple(of_knative.data() or ())),
        teller=Teller(context, writes, measures),
        measures=measures,
    )
    controller = Controller(
        "inferenceservice",
        reconciler.reconcile,
        clock=context.clock,
        rng=context.rng,
        workers=8,
        origin=origin_of(services),
    )
    controller.watch(services, self_key)
    owner = controller_owner("InferenceService", "ome.io")
    for informer in children_informers.values():
        controller.watch(informer, owner, predicate=content_changed)
    controller.watch(pods, _services_of_pod)
    controller.watch(refusals.events, refusals.services, predicate=refusal_changed)
    triggers = Triggers(usage, decode)
    for informer in shared:
        affected = partial(triggers.affected, informer.resource.kind)
        # Pods carry some annotations of their model, such as the name of its key.
        on_nodes = informer.resource in ON_NODES
        changed = declaration_or_reach_changed if on_nodes else declaration_changed
        controller.watch(informer, affected, predicate=changed)
    for resource in NEEDS:
        optional.on_change(resource, partial(_revisit, controller, usage, definition(resource)))
    for held in (config, of_knative):
        _watch_settings(controller, context, held.informer, services)
    return [controller]


def _children_informers(
    informers: Informers, optional: OptionalKinds
) -> dict[Resource, Informer[WholeObject]]:
    """What services are made of, by kind; some kinds are others' and may be absent."""
    return {
        resource: (optional if resource in NEEDS else informers).informer(
            resource, WholeObject, label_selector=names.LABEL_INFERENCE_SERVICE
        )
        for resource in CHILD_KINDS
    }


def _service_of_label(pod: PodView) -> Iterable[ObjectKey]:
    name = pod.metadata.labels.get(names.LABEL_INFERENCE_SERVICE)
    return (ObjectKey(pod.metadata.namespace, name),) if name else ()


def _services_of_pod(old: PodView | None, new: PodView | None) -> Iterable[ObjectKey]:
    return {key for pod in (old, new) if pod is not None for key in _service_of_label(pod)}


def _revisit(controller: Controller[ObjectKey], usage: Usage, kind: Dependency) -> None:
    """A kind of others has come or gone: its users run again."""
    for key in usage.users(kind):
        controller.queue.add(key)


def _watch_settings(
    controller: Controller[ObjectKey],
    context: ControllerContext,
    config: Informer[Any],
    services: Informer[WholeObject],
) -> None:
    def changed(old: ConfigMapData | None, new: ConfigMapData | None) -> None:
        if old is not None and new is not None and old.data == new.data:
            return
        for key in services.store.keys():
            controller.queue.add_after(key, context.rng.uniform(0, _SPREAD))

    config.add_handler(changed)
