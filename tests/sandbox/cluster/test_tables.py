"""Pure functions behind statuses: rollouts, jobs, groups."""

from __future__ import annotations

from typing import Any

import pytest

from ome.kube.resource import ObjectKey
from ome.sandbox.cluster.deployments import status
from ome.sandbox.cluster.deployments.revisions import made, newest, same_template
from ome.sandbox.cluster.deployments.rolling import bounds_of
from ome.sandbox.cluster.jobs.tally import TRACKING, Tally, tally, verdict, wanted
from ome.sandbox.cluster.leaderworkersets.groups import INDEX, REVISION, Group, to_replace
from ome.sandbox.cluster.podmaking import first_to_go
from ome.sandbox.cluster.pods import PodView

LONG_AGO = "2025-12-31T23:58:00Z"
NOW = status.Moment("2026-01-01T00:00:00Z", 1767225600.0)


def pod(name: str, **fields: Any) -> PodView:
    values: dict[str, Any] = {
        "labels": {},
        "generation": 1,
        "created": 0.0,
        "deleting": False,
        "owner": None,
        "node": "n",
        "address": "",
        "phase": "Running",
        "ready": True,
        "restarts": 0,
        "finalizers": (),
        "ready_since": 0.0,
    }
    return PodView(key=ObjectKey("work", name), uid=name, **{**values, **fields})


# Rollouts


def deployment(**held: Any) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d", "namespace": "n", "uid": "u", "generation": 1},
        "spec": {
            "replicas": 2,
            "progressDeadlineSeconds": 60,
            "selector": {"matchLabels": {"app": "d"}},
            "template": {"metadata": {"labels": {"app": "d"}}, "spec": {"containers": []}},
        },
        "status": held,
    }


def progressing(reason: str, stamp: str, value: str = "True") -> list[dict[str, Any]]:
    return status.set_condition([], "Progressing", value, reason, "", stamp)


@pytest.mark.parametrize(
    ("conditions", "updated", "available", "reason"),
    [
        (progressing("NewReplicaSetCreated", NOW.stamp), 1, 0, "ReplicaSetUpdated"),
        (progressing("ReplicaSetUpdated", NOW.stamp), 2, 2, "NewReplicaSetAvailable"),
        (progressing("ReplicaSetUpdated", LONG_AGO), 0, 0, "ProgressDeadlineExceeded"),
        (progressing("ReplicaSetUpdated", "2025-12-31T23:59:30Z"), 0, 0, "ReplicaSetUpdated"),
        (progressing("DeploymentPaused", LONG_AGO), 0, 0, "DeploymentPaused"),
    ],
)  # fmt: skip
def test_how_a_rollout_goes(
    conditions: list[dict[str, Any]], updated: int, available: int, reason: str
) -> None:
    document = deployment(conditions=conditions)
    fresh = {
        "replicas": updated,
        "updatedReplicas": updated,
        "availableReplicas": available,
        "observedGeneration": 1,
    }
    new = {"metadata": {"name": "d-1"}}
    found = status.rollout_conditions(document, fresh, new, [], NOW)
    assert next(c["reason"] for c in found if c["type"] == "Progressing") == reason


def test_a_template_is_found_again_whatever_its_hash() -> None:
    document = deployment()
    replica_set = made(document, [], bounds_of(document["spec"]), 2)
    replica_set["metadata"]["creationTimestamp"] = NOW.stamp
    assert newest(document, [replica_set]) is replica_set
    assert replica_set["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "1"
    other = {**document["spec"]["template"], "spec": {"containers": [{"name": "x"}]}}
    assert not same_template(other, document["spec"]["template"])


def test_who_is_first_to_go() -> None:
    pods = [
        pod("old", ready_since=10.0),
        pod("young", ready_since=20.0),
        pod("crowded", node="m", ready_since=1.0),
        pod("crowded-too", node="m", ready_since=0.5),
        pod("unready", node="k", ready=False, phase="Pending"),
        pod("nowhere", node="", ready=False, phase="Pending"),
    ]
    assert [found.key.name for found in first_to_go(pods)] == [
        "nowhere", "unready", "young", "old", "crowded", "crowded-too",
    ]  # fmt: skip


# Jobs


def job(held: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    template = {"spec": {"restartPolicy": "Never"}}
    return {"spec": {"template": template, **spec}, "status": held or {}}


def test_a_pod_is_noted_first_and_counted_once_it_is_let_go() -> None:
    tracked = pod("a", phase="Succeeded", finalizers=(TRACKING,))
    first = tally(job(), [tracked])
    assert (first.succeeded, first.noted_succeeded) == (0, ["a"])
    held = {"uncountedTerminatedPods": {"succeeded": ["a"]}}
    again = tally(job(held), [tracked])
    assert (again.succeeded, again.noted_succeeded) == (0, ["a"])
    last = tally(job(held), [pod("a", phase="Succeeded")])
    assert (last.succeeded, last.noted_succeeded) == (1, [])
    gone = tally(job({**held, "failed": 2}), [])
    assert (gone.succeeded, gone.failed) == (1, 2)


def test_a_tracked_pod_that_is_deleted_has_failed() -> None:
    count = tally(job(), [pod("a", deleting=True, finalizers=(TRACKING,)), pod("b")])
    assert count.noted_failed == ["a"]
    assert [found.key.name for found in count.active] == ["b"]
    assert count.terminating == 1


@pytest.mark.parametrize(
    ("spec", "count", "pods"),
    [
        ({"completions": 5, "parallelism": 2}, Tally(succeeded=1), 2),
        ({"completions": 5, "parallelism": 2}, Tally(succeeded=4), 1),
        ({"completions": 5, "parallelism": 2}, Tally(succeeded=5), 0),
        ({"parallelism": 3}, Tally(), 3),
        ({"parallelism": 3}, Tally(succeeded=1, active=[pod("a")]), 1),
        ({"completions": 1, "suspend": True}, Tally(), 0),
    ],
)
def test_how_many_pods_a_job_wants(spec: dict[str, Any], count: Tally, pods: int) -> None:
    assert wanted(job(**spec), count) == pods


@pytest.mark.parametrize(
    ("spec", "count", "reason"),
    [
        ({"completions": 2}, Tally(succeeded=1), None),
        ({"completions": 2}, Tally(succeeded=1, noted_succeeded=["a"]), "CompletionsReached"),
        ({"backoffLimit": 0}, Tally(failed=1), "BackoffLimitExceeded"),
        ({"backoffLimit": 1}, Tally(noted_failed=["a"]), None),
        ({"activeDeadlineSeconds": 60}, Tally(), "DeadlineExceeded"),
        ({"activeDeadlineSeconds": 60, "suspend": True}, Tally(), None),
        ({}, Tally(succeeded=1), "CompletionsReached"),
        ({}, Tally(succeeded=1, active=[pod("a")]), None),
    ],
)
def test_when_a_job_is_over(spec: dict[str, Any], count: Tally, reason: str | None) -> None:
    found = verdict(job({"startTime": "2025-12-31T23:59:00Z"}, **spec), count, NOW.wall)
    assert (found.reason if found else None) == reason


# Groups


def group(number: int, revision: str, *, ready: bool = True) -> Group:
    leader = pod(f"g-{number}", labels={REVISION: revision}, ready=ready)
    return Group(leader, {1: pod(f"g-{number}-1", labels={INDEX: "1"}, ready=ready)})


@pytest.mark.parametrize(
    ("rolling", "groups", "gone"),
    [
        ({}, {0: group(0, "old"), 1: group(1, "old"), 2: group(2, "old")}, [2]),
        ({"maxUnavailable": 2}, {n: group(n, "old") for n in range(3)}, [2, 1]),
        ({}, {0: group(0, "old"), 1: group(1, "old"), 2: group(2, "new", ready=False)}, []),
        ({}, {0: group(0, "old"), 1: group(1, "old", ready=False), 2: group(2, "new")}, [1]),
        ({"partition": 2}, {n: group(n, "old") for n in range(3)}, [2]),
        ({}, {n: group(n, "new") for n in range(3)}, []),
    ],
)
def test_which_groups_may_be_replaced(
    rolling: dict[str, Any], groups: dict[int, Group], gone: list[int]
) -> None:
    spec = {
        "replicas": 3,
        "leaderWorkerTemplate": {"size": 2},
        "rolloutStrategy": {"rollingUpdateConfiguration": rolling},
    }
    assert to_replace(groups, {"spec": spec}, "new") == gone
