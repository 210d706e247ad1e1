"""Jobs: success, failure, deadlines, suspension, and their removal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.sandbox.cluster.world import play

if TYPE_CHECKING:
    from tests.sandbox.cluster.world import World


def job(name: str, fail: str = "", **spec: Any) -> dict[str, Any]:
    metadata = {"annotations": {"kwok.ome.io/fail": fail}} if fail else {}
    container = {"name": "main", "image": "x"}
    template = {
        "metadata": metadata,
        "spec": {"restartPolicy": "Never", "containers": [container]},
    }
    return {
        "kind": "Job",
        "apiVersion": "batch/v1",
        "metadata": {"name": name},
        "spec": {"template": template, **spec},
    }


def ended(world: World, name: str) -> dict[str, str]:
    conditions = world.there("Job", name)["status"].get("conditions") or ()
    return {entry["type"]: entry["reason"] for entry in conditions if entry["status"] == "True"}


def test_a_job_completes_with_so_many_pods_one_after_the_other() -> None:
    async def body(world: World) -> None:
        await world.create(job("good", completions=3, parallelism=1))
        most = 0
        for _ in range(100):
            if ended(world, "good"):
                break
            most = max(most, world.there("Job", "good")["status"].get("active", 0))
            await world.settle(0.1)
        await world.settle(1)
        assert most == 1
        assert ended(world, "good") == {
            "SuccessCriteriaMet": "CompletionsReached",
            "Complete": "CompletionsReached",
        }
        status = world.there("Job", "good")["status"]
        assert status["succeeded"] == 3
        assert status["completionTime"]
        assert "active" not in status
        pods = world.all("Pod", **{"job-name": "good"})
        assert [pod["status"]["phase"] for pod in pods] == ["Succeeded"] * 3
        assert not any(pod["metadata"].get("finalizers") for pod in pods)
        assert ("Normal", "Completed", "Job completed") in world.events("good")

    play(body)


def test_a_job_fails_after_as_many_failures_as_allowed() -> None:
    async def body(world: World) -> None:
        await world.create(job("bad", "Error", backoffLimit=1))
        await world.settle(5)
        assert world.there("Job", "bad")["status"]["failed"] == 1
        assert not ended(world, "bad")
        await world.until(lambda: "Failed" in ended(world, "bad"))
        assert ended(world, "bad") == dict.fromkeys(
            ("FailureTarget", "Failed"), "BackoffLimitExceeded"
        )
        assert world.there("Job", "bad")["status"]["failed"] == 2

    play(body)


def test_a_job_that_takes_too_long_is_ended() -> None:
    async def body(world: World) -> None:
        await world.create(job("late", "ImagePullBackOff", activeDeadlineSeconds=5))
        await world.settle(3)
        assert world.there("Job", "late")["status"]["active"] == 1
        await world.until(lambda: "Failed" in ended(world, "late"))
        assert ended(world, "late")["Failed"] == "DeadlineExceeded"
        assert world.all("Pod", **{"job-name": "late"}) == []

    play(body)


def test_a_suspended_job_waits_and_goes_on() -> None:
    async def body(world: World) -> None:
        await world.create(job("rests", suspend=True))
        await world.settle(2)
        assert ended(world, "rests") == {"Suspended": "JobSuspended"}
        assert world.all("Pod") == []
        await world.patch("Job", "rests", {"spec": {"suspend": False}})
        await world.until(lambda: "Complete" in ended(world, "rests"))
        assert "Suspended" not in ended(world, "rests")

    play(body)


def test_a_job_goes_some_time_after_its_end() -> None:
    async def body(world: World) -> None:
        await world.create(job("gone", ttlSecondsAfterFinished=10))
        await world.until(lambda: "Complete" in ended(world, "gone"))
        await world.settle(5)
        assert world.get("Job", "gone") is not None
        await world.settle(8)
        assert world.get("Job", "gone") is None
        assert world.all("Pod") == []

    play(body)


def test_a_deleted_job_takes_its_running_pods_with_it() -> None:
    async def body(world: World) -> None:
        await world.create(job("stuck", "ImagePullBackOff", parallelism=2))
        await world.settle(2)
        assert len(world.all("Pod")) == 2
        await world.delete("Job", "stuck")
        await world.settle(3)
        assert world.all("Pod") == []

    play(body)


def test_a_pod_that_is_deleted_counts_as_failed_and_is_replaced() -> None:
    async def body(world: World) -> None:
        await world.create(job("holds", "ImagePullBackOff"))
        await world.settle(2)
        [first] = world.all("Pod")
        await world.delete("Pod", first["metadata"]["name"])
        await world.settle(15)
        [second] = world.all("Pod")
        assert second["metadata"]["uid"] != first["metadata"]["uid"]
        assert world.there("Job", "holds")["status"]["failed"] == 1

    play(body)
