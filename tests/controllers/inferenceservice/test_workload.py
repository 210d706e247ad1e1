"""What workloads say of themselves, and what that makes of a component."""

from __future__ import annotations

from typing import Any

import pytest

from ome.controllers.inferenceservice.observing import verdict_of
from ome.controllers.inferenceservice.workload import Seen, is_rolling, rolls_since, see


def lws(*conditions: tuple[str, str], **status: Any) -> dict[str, Any]:
    """A LeaderWorkerSet whose conditions keep the words of the time when they were true."""
    words = {
        "Available": ("AllGroupsReady", "All replicas are ready"),
        "Progressing": ("GroupsProgressing", "Replicas are progressing"),
        "UpdateInProgress": ("GroupsUpdating", "Rolling Upgrade is in progress"),
    }
    said = [
        {"type": type_, "status": truth, "reason": words[type_][0], "message": words[type_][1]}
        for type_, truth in conditions
    ]
    return {
        "apiVersion": "leaderworkerset.x-k8s.io/v1",
        "kind": "LeaderWorkerSet",
        "metadata": {"name": "a", "generation": 2},
        "spec": {},
        "status": {**status, "conditions": said},
    }


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (lws(), None),
        (lws(("Progressing", "True")), None),
        (lws(("Available", "True")), ("True", "AllGroupsReady", "All replicas are ready")),
        (
            lws(("Available", "False"), ("Progressing", "True")),
            ("False", "GroupsProgressing", "Replicas are progressing"),
        ),
        (
            lws(("Available", "False"), ("UpdateInProgress", "True"), readyReplicas=0),
            ("False", "GroupsUpdating", "Rolling Upgrade is in progress"),
        ),
        (
            lws(("Available", "False"), ("UpdateInProgress", "True"), readyReplicas=1),
            (
                "Unknown",
                "RolloutInProgress",
                "pods of the newest revision are not all ready; those of the former serve"
                " meanwhile",
            ),
        ),
    ],
)
def test_groups_of_many_nodes(
    document: dict[str, Any], expected: tuple[str, str, str] | None
) -> None:
    assert verdict_of("MultiNode", [see(document)]) == expected


GOOD = Seen(ready=("True", "Probed", ""))
BAD = Seen(ready=("False", "Unprobed", "no answer"))


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ([], ("False", "NoDeployments", "No deployments available")),
        ([GOOD, GOOD], ("True", "Probed", "")),
        ([GOOD, BAD], ("False", "Unprobed", "no answer")),
        ([GOOD, Seen()], None),
    ],
)
def test_probers_of_ray_clusters(seen: list[Seen], expected: tuple[str, str, str] | None) -> None:
    assert verdict_of("MultiNodeRayVLLM", seen) == expected


def test_a_knative_service_is_ready_with_its_newest_revision() -> None:
    document: dict[str, Any] = {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {"name": "a", "generation": 2},
        "spec": {},
        "status": {
            "observedGeneration": 2,
            "conditions": [{"type": "Ready", "status": "True"}],
            "latestCreatedRevisionName": "a-2",
            "latestReadyRevisionName": "a-1",
        },
    }
    verdict = verdict_of("Serverless", [see(document)])
    assert verdict is not None
    assert verdict[:2] == ("Unknown", "RolloutInProgress")
    document["status"]["latestReadyRevisionName"] = "a-2"
    assert verdict_of("Serverless", [see(document)]) == ("True", "", "")


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ([], False),
        ([("Available", "True")], False),
        ([("Available", "False"), ("Progressing", "True")], False),
        ([("Available", "False"), ("UpdateInProgress", "True")], True),
        ([("Available", "True"), ("UpdateInProgress", "False")], False),
    ],
)
def test_groups_that_are_replaced(conditions: list[tuple[str, str]], expected: bool) -> None:
    assert is_rolling(lws(*conditions)) is expected


def test_since_when_groups_are_replaced() -> None:
    document = lws(("UpdateInProgress", "True"))
    assert rolls_since(document) is None
    document["status"]["conditions"][0]["lastTransitionTime"] = "1970-01-01T00:01:00Z"
    assert rolls_since(document) == 60
    assert rolls_since(lws(("Available", "True"))) is None


QUOTA = "exceeded quota: gpus, requested: nvidia.com/gpu=8, used: nvidia.com/gpu=8, limited: 8"


@pytest.mark.parametrize(
    ("status", "message", "expected"),
    [
        (
            "True",
            f'pods "chat-engine-5d7f-x2x9p" is forbidden: {QUOTA}',
            f"pods cannot be made: pods are forbidden: {QUOTA}",
        ),
        ("True", "", "pods cannot be made: FailedCreate"),
        ("False", "over", ""),
    ],
)
def test_a_deployment_says_why_it_has_no_pods(status: str, message: str, expected: str) -> None:
    failure = {"type": "ReplicaFailure", "status": status, "reason": "FailedCreate"}
    document = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "chat-engine"},
        "spec": {},
        "status": {"conditions": [{**failure, "message": message}]},
    }
    assert see(document).problem == expected
