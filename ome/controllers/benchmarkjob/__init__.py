"""BenchmarkJob: one Job that runs genai-bench, and a status that follows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ome.api import names
from ome.controllers.benchmarkjob.reconciler import BY_JOB, BenchmarkReconciler
from ome.controllers.benchmarkjob.resolving import Resolver, Stores, target_of
from ome.controllers.benchmarkjob.views import ConfigData, Job, Pod
from ome.controllers.decode import KindDecoder
from ome.controllers.resources import (
    BASE_MODELS,
    BENCHMARK_JOBS,
    CLUSTER_BASE_MODELS,
    CLUSTER_SERVING_RUNTIMES,
    FINE_TUNED_WEIGHTS,
    INFERENCE_SERVICES,
    SERVING_RUNTIMES,
)
from ome.informers.projection import PartialMetadata, WholeObject
from ome.kube.resource import ObjectKey
from ome.kube.resources import CONFIGMAPS, DEPLOYMENTS, JOBS, PODS, PVCS
from ome.reconciler.controller import Controller
from ome.reconciler.mapping import content_changed, controller_owner, self_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ome.controllers.context import ControllerContext
    from ome.informers.informer import Informer

__all__ = ["setup"]

_BY_TARGET = "target"


def setup(context: ControllerContext) -> list[Controller[ObjectKey]]:
    """The controller and everything that it watches."""
    informers = context.informers
    benchmarks = informers.informer(BENCHMARK_JOBS, WholeObject)
    services = informers.informer(INFERENCE_SERVICES, WholeObject)
    jobs = informers.informer(JOBS, Job, label_selector=names.LABEL_BENCHMARK)
    pods = informers.informer(PODS, Pod, label_selector=names.LABEL_BENCHMARK)
    pods.store.add_index(BY_JOB, _job_of)
    config = informers.informer(
        CONFIGMAPS,
        ConfigData,
        namespace=context.namespace,
        field_selector=f"metadata.name={names.CONFIGMAP_BENCHMARK_JOB}",
    )
    config_key = ObjectKey(context.namespace, names.CONFIGMAP_BENCHMARK_JOB)

    def settings() -> Mapping[str, str] | None:
        held = config.store.get(config_key)
        return None if held is None else held.data

    stores = Stores(
        services.store,
        informers.informer(BASE_MODELS, WholeObject).store,
        informers.informer(CLUSTER_BASE_MODELS, WholeObject).store,
        informers.informer(FINE_TUNED_WEIGHTS, WholeObject).store,
        informers.informer(SERVING_RUNTIMES, WholeObject).store,
        informers.informer(CLUSTER_SERVING_RUNTIMES, WholeObject).store,
        informers.informer(
            DEPLOYMENTS, WholeObject, label_selector=names.LABEL_INFERENCE_SERVICE
        ).store,
        informers.informer(PVCS, PartialMetadata).store,
    )
    decode = KindDecoder()
    resolver = Resolver(stores, decode, settings, context.namespace)
    reconciler = BenchmarkReconciler(context, benchmarks, jobs, pods, resolver, decode)
    controller = Controller(
        "benchmarkjob", reconciler.reconcile, clock=context.clock, rng=context.rng, workers=2
    )
    controller.watch(benchmarks, self_key)
    owner = controller_owner("BenchmarkJob", names.GROUP)
    controller.watch(jobs, owner, predicate=content_changed)
    controller.watch(pods, _benchmark_of_pod, predicate=content_changed)
    _watch_targets(controller, benchmarks, services)
    _watch_settings(controller, benchmarks, jobs, config)
    return [controller]


def _job_of(pod: Pod) -> Iterable[str]:
    owner = pod.metadata.controller
    return () if owner is None else (owner.uid,)


def _benchmark_of_pod(old: Pod | None, new: Pod | None) -> Iterable[ObjectKey]:
    """The Job, and so the BenchmarkJob, of a pod has the name that its label says."""
    present = new or old
    name = "" if present is None else present.metadata.labels.get(names.LABEL_BENCHMARK, "")
    return (ObjectKey(present.metadata.namespace, name),) if present is not None and name else ()


def _target(stored: WholeObject) -> Iterable[ObjectKey]:
    key = target_of(stored.document())
    return () if key is None else (key,)


def _watch_targets(
    controller: Controller[ObjectKey],
    benchmarks: Informer[WholeObject],
    services: Informer[WholeObject],
) -> None:
    """Benchmarks of a service run when it becomes ready."""
    benchmarks.store.add_index(_BY_TARGET, _target)

    def affected(old: WholeObject | None, new: WholeObject | None) -> Iterable[ObjectKey]:
        present = new or old
        if present is None or (old is not None and new is not None and old.status == new.status):
            return ()
        found = benchmarks.store.by_index(_BY_TARGET, present.metadata.key)
        return [benchmark.metadata.key for benchmark in found]

    controller.watch(services, affected)


def _watch_settings(
    controller: Controller[ObjectKey],
    benchmarks: Informer[WholeObject],
    jobs: Informer[Job],
    config: Informer[ConfigData],
) -> None:
    """Those without a Job look again when the operator's settings change."""

    def changed(old: ConfigData | None, new: ConfigData | None) -> None:
        if old is not None and new is not None and old.data == new.data:
            return
        for key in benchmarks.store.keys():
            if jobs.store.get(key) is None:
                controller.queue.add(key)

    config.add_handler(changed)
