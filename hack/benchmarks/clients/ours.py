"""Our informer on the recorded server, as the manager runs it.

``status``: the real controllers of models with their aggregate, projection, handlers and queues.
``store``: the same projection and nothing that reads it.
``whole``: each object kept whole, and given back as a dict for each event.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import random
import sys
from typing import TYPE_CHECKING, Any

import anyio
import structlog

from benchmarks import _recording as recording
from benchmarks.clients import _moments as moments
from ome.api import names
from ome.clock import SystemClock
from ome.controllers.basemodel import ReportMap, setup
from ome.controllers.context import ControllerContext
from ome.informers.metrics import PrometheusInformerMetrics
from ome.informers.projection import WholeObject
from ome.informers.registry import Informers
from ome.kube import Applier, Client, EventRecorder, ObjectKey
from ome.kube.http import connect
from ome.kube.resources import CONFIGMAPS
from ome.reconciler.queue import WorkQueue
from ome.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from ome.informers.informer import Informer


async def work(queue: WorkQueue[ObjectKey]) -> None:
    """What a worker does around a reconcile."""
    while True:
        key = await queue.get()
        queue.forget(key)
        queue.done(key)


class Run:
    """One process's measurement."""

    def __init__(self, client: Client, form: str) -> None:
        clock, rng, metrics = SystemClock(), random.Random(1), Metrics()
        self.informers = Informers(
            client, clock, rng, metrics=PrometheusInformerMetrics(metrics.registry)
        )
        self.ended = anyio.Event()
        self.queues: list[WorkQueue[ObjectKey]] = []
        if form == "store":
            self.maps: Informer[Any] = self._maps(ReportMap)
        elif form == "whole":
            self.maps = self._maps(WholeObject)
            self.queues.append(WorkQueue(clock, rng, metrics=metrics.queue("whole")))
            self.maps.add_handler(self._give_back)
        else:
            context = ControllerContext(
                client,
                self.informers,
                Applier(client),
                EventRecorder(client, "bench", clock),
                clock,
                rng,
                recording.NAMESPACE,
            )
            for controller in setup(context):
                controller.observe(
                    metrics.controller(controller.name, controller.workers),
                    metrics.queue(controller.name),
                )
                self.queues.append(controller.queue)
            self.maps = self._maps(ReportMap)
        self.maps.store.namespace(recording.NAMESPACE)  # an index, as the peers have
        self.maps.add_handler(self._look_for_the_end)

    def _maps(self, projection: type[Any]) -> Informer[Any]:
        return self.informers.informer(
            CONFIGMAPS,
            projection,
            namespace=recording.NAMESPACE,
            label_selector=f"{names.LABEL_MODEL_STATUS}=true",
        )

    def _give_back(self, _: WholeObject | None, new: WholeObject | None) -> None:
        if new is not None:
            document = new.document()
            metadata = document["metadata"]
            self.queues[0].add(ObjectKey(metadata["namespace"], metadata["name"]))

    def _look_for_the_end(self, _: Any, new: Any) -> None:
        if new is not None and new.metadata.name == recording.END:
            self.ended.set()

    async def measure(self, *, stream: bool) -> dict[str, Any]:
        before = moments.now()
        async with anyio.create_task_group() as group:
            for queue in self.queues:
                group.start_soon(work, queue)
            await group.start(self.informers.run)
            await self.informers.wait_synced()
            listed = moments.now()
            objects = len(self.maps.store)
            ended = listed
            if stream:
                await self.ended.wait()
                ended = moments.now()
            group.cancel_scope.cancel()
        return {"before": before, "listed": listed, "ended": ended, "objects": objects}


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kubeconfig", required=True)
    parser.add_argument("--form", choices=("status", "whole", "store"), default="status")
    parser.add_argument("--no-stream", action="store_true")
    parser.add_argument("--profile", default="")
    wanted = parser.parse_args()
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    async with await connect(wanted.kubeconfig) as transport:
        client = Client(transport, clock=SystemClock(), rng=random.Random(1))
        run = Run(client, wanted.form)
        if wanted.profile:
            import cProfile

            with cProfile.Profile() as profile:
                result = await run.measure(stream=not wanted.no_stream)
            profile.dump_stats(wanted.profile)
        else:
            result = await run.measure(stream=not wanted.no_stream)
    print(json.dumps(result), flush=True)
    os._exit(0)  # tearing down is not what is measured


if __name__ == "__main__":
    anyio.run(main)
