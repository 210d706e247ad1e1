"""The Job controller, and the one that removes Jobs some time after their end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.kube.resource import ObjectKey
from ome.kube.resources import JOBS, PODS
from ome.sandbox.cluster.context import Component
from ome.sandbox.cluster.jobs.tally import (
    TRACKING,
    Tally,
    Verdict,
    finished,
    tally,
    verdict,
    wanted,
)
from ome.sandbox.cluster.objects import condition, reference, seconds_of
from ome.sandbox.cluster.podmaking import first_to_go, pod_from
from ome.sandbox.refusal import Refused

if TYPE_CHECKING:
    from ome.sandbox.cluster.context import Context
    from ome.sandbox.cluster.pods import PodView
    from ome.sandbox.stored import Stored

__all__ = ["Jobs"]

_FIRST_PAUSE, _LONGEST_PAUSE = 10.0, 600.0
Document = dict[str, Any]


class Jobs(Component):
    """Runs the pods of Jobs."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._loop = context.loop("jobs", self._sync, 2)
        self._events = context.events.teller("job-controller")
        self._failures: dict[str, tuple[int, float]] = {}
        """Of each Job that has some: how many in a row, and when the last was seen."""
        context.local.subscribe(JOBS, self._changed)
        context.pods.on_change(self._pod_changed)

    async def run(self) -> None:
        await self._loop.run()

    def _changed(self, old: Stored | None, new: Stored | None) -> None:
        if new is not None:
            self._loop.add(new.key)
        elif old is not None:
            self._failures.pop(old.uid, None)
            for pod in self._context.pods.owned_by(old.uid):
                self._loop.add(pod.key)

    def _pod_changed(self, old: PodView | None, new: PodView | None) -> None:
        pod = new or old
        assert pod is not None
        if pod.owner is not None and pod.owner.kind == "Job":
            self._loop.add(ObjectKey(pod.key.namespace, pod.owner.name))
            if TRACKING in pod.finalizers and pod.deleting:
                self._loop.add(pod.key)

    async def _sync(self, key: ObjectKey) -> float | None:
        stored = self._context.local.get(JOBS, key)
        await self._release_orphan(key)
        if stored is None:
            return None
        job = stored.load()
        if job["metadata"].get("deletionTimestamp"):
            for pod in self._context.pods.owned_by(stored.uid):
                await self._untrack(pod)
            return None
        if finished(job):
            return await self._remove_later(job)
        pods = self._context.pods.owned_by(stored.uid)
        count = tally(job, pods)
        over = verdict(job, count, self._context.clock.wall())
        self._note_failures(job, count)
        again = None
        if over is not None or job["spec"].get("suspend"):
            await self._end(job, count.active)
        else:
            again = await self._start(job, count)
        count = tally(job, self._context.pods.owned_by(stored.uid))
        await self._report(job, count, over)
        for pod in self._context.pods.owned_by(stored.uid):
            if pod.uid in count.noted():
                await self._untrack(pod)
        return _sooner(again, self._deadline(job, over))

    # Pods

    async def _start(self, job: Document, count: Tally) -> float | None:
        """Make what is missing; the seconds until more may be tried after a failure."""
        about, missing = reference(job), wanted(job, count) - len(count.active)
        if missing < 0:
            await self._end(job, first_to_go(count.active)[:-missing])
            return None
        if missing == 0:
            return None
        pause = self._pause(job["metadata"]["uid"])
        if pause > 0:
            return pause
        for _ in range(missing):
            document = pod_from(job["spec"]["template"], job)
            finalizers = document["metadata"].setdefault("finalizers", [])
            finalizers.append(TRACKING)
            try:
                made = await self._context.writer.create(PODS, document)
            except Refused as refused:
                self._events.warning(about, "FailedCreate", f"Error creating: {refused.message}")
                raise
            self._events.normal(about, "SuccessfulCreate", f"Created pod: {made.key.name}")
        return None

    async def _end(self, job: Document, pods: list[PodView]) -> None:
        about = reference(job)
        for pod in pods:
            if await self._context.writer.delete(PODS, pod.key, pod.uid):
                self._events.normal(about, "SuccessfulDelete", f"Deleted pod: {pod.key.name}")

    async def _untrack(self, pod: PodView) -> None:
        if TRACKING not in pod.finalizers:
            return

        def change(document: Document) -> None:
            held = document["metadata"].get("finalizers") or []
            document["metadata"]["finalizers"] = [name for name in held if name != TRACKING]

        await self._context.writer.change(PODS, pod.key, pod.uid, change)

    async def _release_orphan(self, key: ObjectKey) -> None:
        """A pod that is going, whose Job is gone: nobody will count it any more."""
        pod = self._context.pods.get(key)
        if pod is None or pod.owner is None or TRACKING not in pod.finalizers:
            return
        job = self._context.local.get(JOBS, ObjectKey(key.namespace, pod.owner.name))
        if job is None or job.uid != pod.owner.uid:
            await self._untrack(pod)

    # Pauses after failures

    def _note_failures(self, job: Document, count: Tally) -> None:
        uid = job["metadata"]["uid"]
        known, _ = self._failures.get(uid, (0, 0.0))
        if count.all_failed > known:
            self._failures[uid] = (count.all_failed, self._context.clock.monotonic())

    def _pause(self, uid: str) -> float:
        failures, last = self._failures.get(uid, (0, 0.0))
        if not failures:
            return 0.0
        pause = min(_FIRST_PAUSE * 2.0 ** min(failures - 1, 10), _LONGEST_PAUSE)
        return last + pause - self._context.clock.monotonic()

    # Status

    async def _report(self, job: Document, count: Tally, over: Verdict | None) -> None:
        now, old = self._context.now, job.get("status") or {}
        conditions = list(old.get("conditions") or ())
        suspended = bool(job["spec"].get("suspend"))
        status: Document = {
            "ready": count.ready,
            "terminating": count.terminating,
            "uncountedTerminatedPods": _without_empty(
                {"succeeded": count.noted_succeeded, "failed": count.noted_failed}
            ),
        }
        numbers = {
            "active": len(count.active),
            "succeeded": count.succeeded,
            "failed": count.failed,
        }
        status |= {name: value for name, value in numbers.items() if value}
        if not suspended or over is not None:
            status["startTime"] = old.get("startTime") or now
        told = self._suspension(conditions, suspended, now) if over is None else []
        told += self._ending(conditions, count, over, now)
        if any(entry["type"] == "Complete" for entry in conditions):
            status["completionTime"] = now
        if told and told[0][1] == "Resumed":
            status["startTime"] = now
        if conditions:
            status["conditions"] = conditions
        key = ObjectKey(job["metadata"]["namespace"], job["metadata"]["name"])
        uid = job["metadata"]["uid"]
        if await self._context.writer.set_status(JOBS, key, uid, status) is not None:
            for normal, reason, message in told:
                say = self._events.normal if normal else self._events.warning
                say(reference(job), reason, message)

    def _suspension(
        self, conditions: list[Document], suspended: bool, now: str
    ) -> list[tuple[bool, str, str]]:
        held = condition({"conditions": conditions}, "Suspended")
        was = held is not None and held["status"] == "True"
        if suspended == was:
            return []
        word = "Suspended" if suspended else "Resumed"
        text = f"Job {word.lower()}"
        conditions[:] = [entry for entry in conditions if entry["type"] != "Suspended"]
        value = "True" if suspended else "False"
        conditions.append(_condition("Suspended", value, f"Job{word}", text, now))
        return [(True, word, text)]

    def _ending(
        self, conditions: list[Document], count: Tally, over: Verdict | None, now: str
    ) -> list[tuple[bool, str, str]]:
        """Say first that the Job will end so, and when its pods are gone and counted, that it
        did."""
        if over is None:
            return []
        first, last = (
            ("SuccessCriteriaMet", "Complete") if over.success else ("FailureTarget", "Failed")
        )
        if condition({"conditions": conditions}, first) is None:
            conditions.append(_condition(first, "True", over.reason, over.message, now))
        if count.active or count.terminating or count.noted():
            return []
        conditions.append(_condition(last, "True", over.reason, over.message, now))
        if over.success:
            return [(True, "Completed", "Job completed")]
        return [(False, over.reason, over.message)]

    def _deadline(self, job: Document, over: Verdict | None) -> float | None:
        deadline = job["spec"].get("activeDeadlineSeconds")
        if over is not None or deadline is None or job["spec"].get("suspend"):
            return None
        started = seconds_of((job.get("status") or {}).get("startTime"))
        wall = self._context.clock.wall()
        return max((started or wall) + float(deadline) - wall, 0.05)

    async def _remove_later(self, job: Document) -> float | None:
        for pod in self._context.pods.owned_by(job["metadata"]["uid"]):
            await self._untrack(pod)
        seconds = job["spec"].get("ttlSecondsAfterFinished")
        if seconds is None:
            return None
        status = job["status"]
        end = next(
            seconds_of(held["lastTransitionTime"])
            for name in ("Complete", "Failed")
            if (held := condition(status, name)) is not None
        )
        left = float(end + seconds - self._context.clock.wall())
        if left > 0:
            return left
        key = ObjectKey(job["metadata"]["namespace"], job["metadata"]["name"])
        uid = job["metadata"]["uid"]
        await self._context.writer.delete(JOBS, key, uid, propagation="Foreground")
        return None


def _condition(type_: str, status: str, reason: str, message: str, now: str) -> Document:
    return {
        "type": type_,
        "status": status,
        "reason": reason,
        "message": message,
        "lastProbeTime": now,
        "lastTransitionTime": now,
    }


def _without_empty(value: dict[str, list[str]]) -> dict[str, list[str]]:
    return {name: items for name, items in value.items() if items}


def _sooner(left: float | None, right: float | None) -> float | None:
    times = [time for time in (left, right) if time is not None]
    return min(times) if times else None
