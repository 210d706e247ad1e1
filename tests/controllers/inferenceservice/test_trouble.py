"""What keeps pods from running, in one stable line."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from ome.controllers.inferenceservice.pods import PodView
from ome.controllers.inferenceservice.trouble import pod_problem


def pod(name: str = "a", gpus: str = "8", **status: Any) -> PodView:
    metadata = {"name": name, "creationTimestamp": "2026-01-01T00:00:00Z"}
    resources = {"limits": {"nvidia.com/gpu": gpus}}
    document = {
        "metadata": metadata,
        "spec": {"containers": [{"name": "ome-container", "resources": resources}]},
        "status": status,
    }
    return msgspec.convert(document, PodView)


def unscheduled(message: str) -> dict[str, Any]:
    entry = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
    return {"conditions": [{**entry, "message": message}]}


def container(**state: Any) -> dict[str, Any]:
    return {"containerStatuses": [{"name": "ome-container", **state}]}


GPUS = unscheduled("0/3 nodes are available: 3 Insufficient nvidia.com/gpu.")
CRASHED = {"terminated": {"exitCode": 1, "reason": "Error", "message": "no such file\n"}}
CRASHES = "pod a, container ome-container: CrashLoopBackOff: no such file (exit code 1)"
NO_IMAGE = "pod a, container ome-container: image cannot be pulled: not found"


REFUSED = {
    "phase": "Failed",
    "reason": "UnexpectedAdmissionError",
    "message": "Allocate failed: no healthy devices",
}
SAID = "pod a: UnexpectedAdmissionError: Allocate failed: no healthy devices"
EVICTED = {"phase": "Failed", "reason": "Evicted", "message": "The node was low on disk."}


@pytest.mark.parametrize(
    ("pods", "expected"),
    [
        ([pod(**REFUSED)], SAID),
        # One after the other is refused: the line stays.
        ([pod(**REFUSED), pod("b", **REFUSED)], SAID),
        ([pod(**REFUSED), pod("b", **REFUSED), pod("c")], SAID),
        ([pod(**EVICTED), pod("b", **REFUSED)], SAID.replace("pod a", "pod b")),
        # How its containers were stopped is nobody's crash loop.
        (
            [pod(**EVICTED, **container(state={"terminated": {"exitCode": 137}}))],
            "pod a: Evicted: The node was low on disk.",
        ),
        # Another has taken its place.
        ([pod(**EVICTED), pod("b", **container(state={"running": {}}))], ""),
        ([pod(**EVICTED), pod("b", **GPUS)], "8 nvidia.com/gpu missing for 1 pod that no node"),
        # Without a reason of the node's it is the container's own end.
        ([pod(phase="Failed", **container(state=CRASHED))], CRASHES),
    ],
)
def test_a_pod_that_its_node_gave_up(pods: list[PodView], expected: str) -> None:
    said = pod_problem(pods)
    assert said.startswith(expected)
    assert bool(said) == bool(expected)


@pytest.mark.parametrize(
    ("pods", "expected"),
    [
        ([], ""),
        ([pod()], ""),
        (
            [pod(**GPUS)],
            "8 nvidia.com/gpu missing for 1 pod that no node has room for; free some, add nodes,"
            " or ask for fewer",
        ),
        (
            [pod(**GPUS), pod("b", **GPUS), pod("c")],
            "16 nvidia.com/gpu missing for 2 pods that no node has room for; free some, add"
            " nodes, or ask for fewer",
        ),
        (
            [pod(**unscheduled("0/3 nodes are available: 3 node(s) had untolerated taint."))],
            "pod a: Unschedulable: 0/3 nodes are available: 3 node(s) had untolerated taint.",
        ),
        ([pod(**container(state={"waiting": {"reason": "ContainerCreating"}}))], ""),
        (
            [pod(**container(state={"waiting": {"reason": "CreateContainerConfigError"}}))],
            "pod a, container ome-container: CreateContainerConfigError",
        ),
        # The same line in every phase of the same trouble.
        (
            [
                pod(
                    **container(
                        state={
                            "waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s"}
                        },
                        lastState=CRASHED,
                    )
                )
            ],
            CRASHES,
        ),
        ([pod(**container(state={"running": {}}, lastState=CRASHED))], CRASHES),
        ([pod(**container(state=CRASHED))], CRASHES),
        ([pod(**container(state={"running": {}}, ready=True, lastState=CRASHED))], ""),
        (
            [
                pod(
                    **container(
                        state={"waiting": {"reason": "ErrImagePull", "message": "not found"}}
                    )
                )
            ],
            NO_IMAGE,
        ),
        (
            [
                pod(
                    **container(
                        state={
                            "waiting": {
                                "reason": "ImagePullBackOff",
                                "message": 'Back-off pulling image "x": ErrImagePull: not found',
                            }
                        }
                    )
                )
            ],
            NO_IMAGE,
        ),
    ],
)
def test_a_line_for_each_trouble(pods: list[PodView], expected: str) -> None:
    assert pod_problem(pods) == expected
