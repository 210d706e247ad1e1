"""The simulated cluster: everything that a control plane and its nodes do beside the API server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from ome.sandbox.cluster.autoscaling import Autoscaling
from ome.sandbox.cluster.collector import Collector
from ome.sandbox.cluster.context import Context
from ome.sandbox.cluster.deployments import Deployments
from ome.sandbox.cluster.disruption import Disruption
from ome.sandbox.cluster.events import Events
from ome.sandbox.cluster.jobs import Jobs
from ome.sandbox.cluster.kubelets import Kubelets
from ome.sandbox.cluster.leaderworkersets import LeaderWorkerSets
from ome.sandbox.cluster.lostpods import LostPods
from ome.sandbox.cluster.namespaces import Namespaces
from ome.sandbox.cluster.nodes import Nodes
from ome.sandbox.cluster.options import Options
from ome.sandbox.cluster.pods import PodIndex
from ome.sandbox.cluster.replicasets import ReplicaSets
from ome.sandbox.cluster.scheduler import Scheduler
from ome.sandbox.cluster.services import ServiceEndpoints
from ome.sandbox.cluster.serving import KnativeServices, RayClusters
from ome.sandbox.cluster.statefulsets import StatefulSets
from ome.sandbox.cluster.writer import Writer

if TYPE_CHECKING:
    import random

    from ome.clock import Clock
    from ome.sandbox.cluster.context import Component
    from ome.sandbox.cluster.kubelets.programs import Programs
    from ome.sandbox.local import LocalApi

__all__ = ["Cluster"]

_USER = "kube-controller-manager"


class Cluster:
    """Nodes, scheduler, kubelets and controllers on one server.

    Works only through ``local``, in the time of ``clock`` and with the chance of ``rng``: the same
    seed does the same.
    """

    def __init__(
        self,
        local: LocalApi,
        clock: Clock,
        rng: random.Random,
        options: Options | None = None,
        programs: Programs | None = None,
    ) -> None:
        self._programs = programs
        self._local = local
        self._clock = clock
        self._rng = rng
        self._options = options or Options()

    async def run(self) -> None:
        """Work until cancelled."""
        events = Events(self._local, self._clock)
        pods = PodIndex(self._local)
        context = Context(
            self._local,
            self._clock,
            self._rng,
            self._options,
            Writer(self._local, _USER),
            events,
            pods,
            self._programs,
        )
        components: list[Component] = [
            Nodes(context),
            Namespaces(context),
            Collector(context),
            Deployments(context),
            ReplicaSets(context),
            StatefulSets(context),
            Jobs(context),
            LeaderWorkerSets(context),
            KnativeServices(context),
            RayClusters(context),
            Scheduler(context),
            Kubelets(context),
            LostPods(context),
            ServiceEndpoints(context),
            Disruption(context),
            Autoscaling(context),
        ]
        # Only now: all of them have said that they want to hear of pods.
        pods.start()
        async with anyio.create_task_group() as group:
            group.start_soon(events.run)
            for component in components:
                group.start_soon(component.run)
