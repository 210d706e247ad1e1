"""Pods whose containers are programs: started once, followed to their end, stopped with the pod."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.sandbox.cluster.kubelets.programs import Ended
from tests.sandbox.cluster.world import play

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.sandbox.cluster.world import World


class Fake:
    """Programs that end when they are told to."""

    def __init__(self) -> None:
        self.asked: dict[str, Callable[[], None]] = {}
        self.ended: dict[str, Ended] = {}
        self.stopped: list[str] = []

    def covers(self, pod: Mapping[str, Any]) -> bool:
        return "benchmark" in (pod["metadata"].get("labels") or {})

    def outcome(self, pod: Mapping[str, Any], told: Callable[[], None]) -> Ended | None:
        uid = pod["metadata"]["uid"]
        self.asked[uid] = told
        return self.ended.get(uid)

    def stop(self, uid: str) -> None:
        self.stopped.append(uid)

    async def log(self, uid: str, tail_lines: int | None) -> str | None:
        return None

    def end(self, ended: Ended) -> None:
        """End all that runs."""
        for uid, told in list(self.asked.items()):
            if uid not in self.ended:
                self.ended[uid] = ended
                told()


JOB = {
    "kind": "Job",
    "metadata": {"name": "bench"},
    "spec": {
        "backoffLimit": 0,
        "template": {
            "metadata": {"labels": {"benchmark": "bench"}},
            "spec": {
                "restartPolicy": "Never",
                "containers": [{"name": "bench", "image": "i"}],
            },
        },
    },
}


def the_state(world: World) -> Any:
    (pod,) = world.all("Pod")
    return pod["status"]["containerStatuses"][0]["state"]["terminated"]


def conditions(world: World) -> set[str]:
    held = (world.there("Job", "bench").get("status") or {}).get("conditions") or ()
    return {item["type"] for item in held if item["status"] == "True"}


def test_a_job_lasts_as_long_as_its_program() -> None:
    programs = Fake()

    async def body(world: World) -> None:
        await world.create(JOB)
        await world.settle(60)
        assert len(programs.asked) == 1
        assert conditions(world) == set()
        programs.end(Ended(0))
        await world.until(lambda: "Complete" in conditions(world))
        assert the_state(world)["reason"] == "Completed"
        (uid,) = programs.asked
        assert programs.stopped == []
        await world.delete("Job", "bench")
        await world.until(lambda: uid in programs.stopped)

    play(body, programs=programs)


def test_a_program_that_fails_says_why_in_its_pod() -> None:
    programs = Fake()

    async def body(world: World) -> None:
        await world.create(JOB)
        await world.until(lambda: programs.asked)
        programs.end(Ended(3, "no space left"))
        await world.until(lambda: "Failed" in conditions(world))
        state = the_state(world)
        told = (state["exitCode"], state["reason"], state["message"])
        assert told == (3, "Error", "no space left")

    play(body, programs=programs)


def test_a_pod_that_is_deleted_stops_its_program() -> None:
    programs = Fake()

    async def body(world: World) -> None:
        await world.create(JOB)
        await world.until(lambda: programs.asked)
        (uid,) = programs.asked
        await world.delete("Job", "bench")
        await world.until(lambda: uid in programs.stopped)
        await world.until(lambda: not world.all("Pod"))

    play(body, programs=programs)
