"""Who may replace pods now."""

from __future__ import annotations

from typing import Any

import pytest

from ome.controllers.inferenceservice.rollout import SERVICE_GENERATION, take_turn
from ome.controllers.inferenceservice.workload import is_rolling

DONE = "NewReplicaSetAvailable"


def deployment(
    revision: str = "2", progressing: str = "True", reason: str = "", **status: int
) -> dict[str, Any]:
    settled = {"observedGeneration": 3, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "generation": 3,
            "annotations": {
                "deployment.kubernetes.io/revision": revision,
                SERVICE_GENERATION: "1",
            },
        },
        "spec": {"replicas": 2},
        "status": {
            **settled,
            **status,
            "conditions": [{"type": "Progressing", "status": progressing, "reason": reason}],
        },
    }


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (deployment(), False),
        (deployment(updatedReplicas=1), True),
        (deployment(replicas=3), True),
        (deployment(availableReplicas=1), True),
        (deployment(observedGeneration=2), True),
        (deployment(revision="1", updatedReplicas=0), False),
        (deployment(revision="1", observedGeneration=2), True),
        (deployment(progressing="False", availableReplicas=0), False),
        # Done, and scaled up or down since, or with a pod that broke: it takes no pods away.
        (deployment(reason=DONE, availableReplicas=1), False),
        (deployment(reason=DONE, updatedReplicas=1, replicas=1), False),
        (deployment(reason=DONE, replicas=3), True),
        (deployment(reason=DONE, observedGeneration=2), True),
    ],
)
def test_a_deployment_that_replaces_serving_pods_is_rolling(
    document: dict[str, Any], expected: bool
) -> None:
    assert is_rolling(document) is expected


def test_the_services_own_edit_goes_at_once() -> None:
    assert take_turn("a/x", 2, deployment(), ["a/y", "a/z"], 1).granted
    assert take_turn("a/x", 1, None, ["a/y"], 1).granted


def test_a_shared_change_waits_for_those_ahead() -> None:
    turn = take_turn("a/x", 1, deployment(), ["a/z", "a/y", "a/x"], 1)
    assert not turn.granted
    assert turn.ahead == ("a/y", "a/z")
    assert take_turn("a/x", 1, deployment(), ["a/x"], 1).granted
    assert take_turn("a/x", 1, deployment(), ["a/y"], 2).granted
    assert take_turn("a/x", 1, deployment(), ["a/y", "a/y"], 2).granted, "services are counted"
