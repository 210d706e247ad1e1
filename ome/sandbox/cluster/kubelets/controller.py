"""One loop plays the kubelets of all nodes: what a pod's state and time ask for next.

What comes next follows from the pod alone, so a pod that was changed meanwhile, by its user or by
another component, is never left in a state that nobody remembers.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ome.kube.resources import NODES, PODS
from ome.sandbox.cluster.context import Component
from ome.sandbox.cluster.kubelets import statuses
from ome.sandbox.cluster.kubelets.addresses import Addresses
from ome.sandbox.cluster.nodes import FAIL, ready_of
from ome.sandbox.cluster.objects import reference
from ome.sandbox.cluster.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable

    from ome.kube.resource import ObjectKey
    from ome.sandbox.cluster.context import Context
    from ome.sandbox.cluster.kubelets.programs import Programs
    from ome.sandbox.cluster.pods import PodView
    from ome.sandbox.stored import Stored

__all__ = ["Kubelets"]

_WORKERS = 2
_CROWD = 200
"""With more pods than these starting at once none tells of the steps on its way."""
Pod = dict[str, Any]


class Kubelets(Component):
    """Starts, fails and ends the pods that are bound to nodes."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._options = context.options
        self._programs = context.programs
        self._loop = context.loop("kubelets", self._sync, _WORKERS)
        self._writer = Writer(context.local, "kubelet")
        self._addresses = Addresses(context.local, context.pods)
        self._due: dict[ObjectKey, tuple[str, float]] = {}
        """When a pod that starts, stops, runs or crashes has done so, under what it does."""
        self._nodes: dict[str, str] = {}
        """The status of the condition Ready of each node: Unknown is a kubelet out of reach."""
        context.local.subscribe(NODES, self._node_changed)
        context.pods.on_change(self._pod_changed)

    async def run(self) -> None:
        await self._loop.run()

    def _node_changed(self, old: Stored | None, new: Stored | None) -> None:
        if new is None:
            assert old is not None
            self._nodes.pop(old.key.name, None)
            return
        now = ready_of(new)
        if self._nodes.get(new.key.name) != now:
            self._nodes[new.key.name] = now
            for pod in self._context.pods.on_node(new.key.name):
                self._loop.add(pod.key)

    def _pod_changed(self, old: PodView | None, new: PodView | None) -> None:
        if new is None or (new.finished and not new.deleting):
            if old is not None:
                self._due.pop(old.key, None)
                if new is None and self._programs is not None:
                    self._programs.stop(old.uid)
        elif new.node:
            self._loop.add(new.key)

    def _passed(self, key: ObjectKey, what: str, seconds: float) -> float:
        """Seconds that are left of what a pod does, which begins at the first question."""
        now = self._context.clock.monotonic()
        doing, due = self._due.get(key, ("", 0.0))
        if doing != what:
            due = now + seconds
            self._due[key] = (what, due)
        return due - now

    # One pod

    async def _sync(self, key: ObjectKey) -> float | None:
        view = self._context.pods.get(key)
        if view is None or not view.node:
            self._due.pop(key, None)
            return None
        state = self._nodes.get(view.node)
        if state is None:
            return None  # the node is gone, and its kubelet with it
        stored = self._context.local.get(PODS, key)
        assert stored is not None
        pod = stored.load()
        if view.deleting and state != "Unknown":
            return await self._end(view, pod)
        if state != "True":
            if view.ready:
                status = statuses.not_ready(pod, self._context.now, "NodeNotReady")
                await self._context.writer.set_status(PODS, key, view.uid, status)
            return None
        if view.finished:
            return None
        told = (pod["metadata"].get("annotations") or {}).get(FAIL, "")
        waiting = _waits_for(pod)
        if told == "Error":
            return await self._fail(view, pod)
        if view.phase == "Running":
            return await self._go_on(view, pod, told, waiting)
        return await self._begin(view, pod, told, waiting)

    async def _begin(self, view: PodView, pod: Pod, told: str, waiting: str) -> float | None:
        if told == "ImagePullBackOff" and waiting == told:
            return None
        left = self._passed(view.key, f"start {view.uid}", self._options.pod_start_seconds)
        if left > 0:
            if not waiting and len(self._due) < _CROWD:
                await self._set(view, statuses.creating)
            return left
        self._due.pop(view.key, None)
        if told == "ImagePullBackOff":
            if await self._set(view, statuses.image_error):
                self._say_pull_failed(view, pod)
            return None
        self._say_started(view, pod)
        if told == "CrashLoopBackOff":
            return await self._crash(view, pod)
        await self._run(view, pod)
        return None

    async def _run(self, view: PodView, pod: Pod) -> None:
        host = bool(pod["spec"].get("hostNetwork"))
        # A pod that was running already keeps its address.
        addresses = {} if view.address else self._addresses.of(view.node, host_network=host)
        await self._set(view, partial(statuses.running, addresses=addresses))

    async def _go_on(self, view: PodView, pod: Pod, told: str, waiting: str) -> float | None:
        """A running pod crashes again, recovers, has its job done, or just runs."""
        if told == "CrashLoopBackOff" and waiting == told:
            left = self._passed(view.key, "crash", self._options.crash_seconds)
            return left if left > 0 else await self._crash(view, pod)
        if waiting == "CrashLoopBackOff" or not view.ready:
            await self._run(view, pod)
            return None
        if self._programs is not None and self._programs.covers(pod):
            await self._run_program(self._programs, view, pod)
            return None
        if view.owner is not None and view.owner.kind == "Job":
            left = self._passed(view.key, f"job {view.uid}", self._options.job_seconds)
            if left > 0:
                return left
            await self._set(view, statuses.completed)
        self._due.pop(view.key, None)
        return None

    async def _run_program(self, programs: Programs, view: PodView, pod: Pod) -> None:
        ended = programs.outcome(pod, partial(self._loop.add, view.key))
        if ended is None:
            return
        state = statuses.completed if ended.code == 0 else statuses.failed
        await self._set(view, partial(state, ended=ended))

    async def _crash(self, view: PodView, pod: Pod) -> float:
        if await self._set(view, statuses.crashing):
            name = pod["spec"]["containers"][0]["name"]
            text = (
                f"Back-off restarting failed container {name} in pod"
                f" {view.key.name}_{view.key.namespace}({view.uid})"
            )
            self._teller(view).warning(self._about(pod, name), "BackOff", text)
        self._due.pop(view.key, None)
        return self._passed(view.key, "crash", self._options.crash_seconds)

    async def _fail(self, view: PodView, pod: Pod) -> float | None:
        left = self._passed(view.key, f"start {view.uid}", self._options.pod_start_seconds)
        if view.phase != "Running" and left > 0:
            return left
        self._due.pop(view.key, None)
        if await self._set(view, statuses.failed) and view.phase != "Running":
            self._say_started(view, pod)
        return None

    async def _end(self, view: PodView, pod: Pod) -> float | None:
        if self._programs is not None:
            self._programs.stop(view.uid)
        grace = pod["metadata"].get("deletionGracePeriodSeconds") or 0
        if not grace:
            return None  # others hold it by finalizers
        seconds = min(self._options.pod_stop_seconds, grace)
        fresh = self._due.get(view.key, ("",))[0] != f"stop {view.uid}"
        left = self._passed(view.key, f"stop {view.uid}", seconds)
        if fresh and view.phase == "Running":
            for container in pod["spec"]["containers"]:
                self._teller(view).normal(
                    self._about(pod, container["name"]),
                    "Killing",
                    f"Stopping container {container['name']}",
                )
        if left > 0:
            return left
        self._due.pop(view.key, None)
        await self._writer.delete(PODS, view.key, view.uid, grace=0)
        return None

    async def _set(self, view: PodView, state: Callable[..., dict[str, Any]]) -> bool:
        now = self._context.now

        def change(document: Pod) -> bool:
            if document["metadata"].get("deletionTimestamp"):
                return False
            document["status"] = state(document, now)
            return True

        written = await self._writer.change(PODS, view.key, view.uid, change, "status")
        return written is not None

    # Events

    def _teller(self, view: PodView) -> Any:
        return self._context.events.teller("kubelet", view.node)

    def _about(self, pod: Pod, container: str) -> dict[str, Any]:
        return {**reference(pod), "fieldPath": f"spec.containers{{{container}}}"}

    def _say_started(self, view: PodView, pod: Pod) -> None:
        if len(self._due) >= _CROWD:
            return
        teller = self._teller(view)
        for field in ("initContainers", "containers"):
            for container in pod["spec"].get(field) or ():
                path = f"spec.{field}{{{container['name']}}}"
                about = {**reference(pod), "fieldPath": path}
                image = container.get("image", "")
                here = "already present on machine and can be accessed by the pod"
                teller.normal(about, "Pulled", f'Container image "{image}" {here}')
                teller.normal(about, "Created", "Container created")
                teller.normal(about, "Started", "Container started")

    def _say_pull_failed(self, view: PodView, pod: Pod) -> None:
        teller = self._teller(view)
        for container in pod["spec"]["containers"]:
            about, image = self._about(pod, container["name"]), container.get("image", "")
            teller.normal(about, "Pulling", f'Pulling image "{image}"')
            told = f'Failed to pull image "{image}": told so by the annotation {FAIL}'
            teller.warning(about, "Failed", told)
            teller.warning(about, "Failed", "Error: ErrImagePull")
            teller.normal(about, "BackOff", f'Back-off pulling image "{image}"')
            teller.warning(about, "Failed", "Error: ImagePullBackOff")


def _waits_for(pod: Pod) -> str:
    """Why a container of the pod waits; empty when none does."""
    for entry in (pod.get("status") or {}).get("containerStatuses") or ():
        waiting = (entry.get("state") or {}).get("waiting")
        if waiting:
            return str(waiting.get("reason", ""))
    return ""
