"""What pods show of their model, and what the service's status makes of it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from ome.controllers.inferenceservice.pods import ModelState, PodView, model_state, worst
from ome.controllers.inferenceservice.status import ComponentOutcome, Outcome, compute_status

NOW = "2026-01-02T00:00:00Z"
ENDED = "2026-01-01T10:00:00Z"
ERROR = {"exitCode": 3, "reason": "Error", "message": "no weights", "finishedAt": ENDED}
KILLED = {"exitCode": 137, "reason": "OOMKilled", "finishedAt": ENDED}
DONE = {"exitCode": 0, "reason": "Completed"}
LOOP = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s"}}
RUNNING: dict[str, Any] = {"running": {}}


def pod(
    name: str = "a",
    *,
    born: str = "2026-01-01T00:00:00Z",
    init: dict[str, Any] | None = None,
    main: dict[str, Any] | None = None,
    last: dict[str, Any] | None = None,
    container: str = "ome-container",
    prepares: str = "model-init",
) -> PodView:
    """A pod with the states of an init container and of its main one."""
    ended = {} if last is None else {"lastState": {"terminated": last}}
    status: dict[str, Any] = {}
    if init is not None:
        status["initContainerStatuses"] = [{"name": prepares, "state": init, **ended}]
    if main is not None:
        status["containerStatuses"] = [{"name": container, "state": main, **ended}]
    metadata = {"name": name, "creationTimestamp": born}
    return msgspec.convert({"metadata": metadata, "spec": {}, "status": status}, PodView)


def target(*pods: PodView, ready: bool = False) -> str | None:
    found = model_state(pods, ready)
    return None if found is None else found.target


def test_without_pods_or_once_ready_nothing_is_looked_at() -> None:
    assert model_state([], ready=True) == ModelState("Pending")
    pods = [pod("a", main={"terminated": ERROR}), pod("b", main=RUNNING)]
    assert model_state(pods, ready=True) == ModelState("Loaded", 2)


@pytest.mark.parametrize(
    "prepares", ["storage-initializer", "model-init", "fine-tuned-adapter", "fine-tuned-adapter-2"]
)
@pytest.mark.parametrize(
    ("init", "last", "expected"),
    [
        (RUNNING, None, "Loading"),
        ({"terminated": ERROR}, None, "FailedToLoad"),
        ({"terminated": KILLED}, None, "FailedToLoad"),
        (LOOP, ERROR, "FailedToLoad"),
        (LOOP, None, None),
        ({"waiting": {"reason": "PodInitializing"}}, None, "Pending"),
        ({"terminated": DONE}, None, "Pending"),
    ],
)
def test_what_prepares_a_model(
    prepares: str, init: dict[str, Any], last: dict[str, Any] | None, expected: str | None
) -> None:
    assert target(pod(prepares=prepares, init=init, last=last)) == expected


@pytest.mark.parametrize(
    ("main", "last", "expected"),
    [
        (RUNNING, None, "Loading"),
        (RUNNING, ERROR, "Loading"),
        ({"terminated": ERROR}, None, "FailedToLoad"),
        ({"terminated": KILLED}, None, "FailedToLoad"),
        ({"terminated": DONE}, None, "Pending"),
        (LOOP, KILLED, "FailedToLoad"),
        (LOOP, None, "Pending"),
        ({"waiting": {"reason": "ContainerCreating"}}, None, "Pending"),
    ],
)
def test_what_serves_a_model(
    main: dict[str, Any], last: dict[str, Any] | None, expected: str
) -> None:
    assert target(pod(init={"terminated": DONE}, main=main, last=last)) == expected


def test_the_newest_pod_speaks() -> None:
    old = pod("z", main={"terminated": ERROR})
    new = pod("a", born="2026-01-01T00:00:01Z", main=RUNNING)
    assert target(new, old) == target(old, new) == "Loading"


def test_a_pod_that_its_node_gave_up_says_nothing_of_the_model() -> None:
    status = {"phase": "Failed", "reason": "Evicted"}
    state = [{"name": "ome-container", "state": {"terminated": KILLED}}]
    evicted = msgspec.convert(
        {
            "metadata": {"name": "e", "creationTimestamp": "2026-01-01T00:00:09Z"},
            "status": {**status, "containerStatuses": state},
        },
        PodView,
    )
    assert target(evicted) == "Pending"
    assert target(evicted, pod(main=RUNNING)) == "Loading"
    assert model_state([evicted, pod(main=RUNNING)], ready=True) == ModelState("Loaded", 1)


def test_other_containers_say_nothing_of_the_model() -> None:
    assert target(pod(container="sidecar", main={"terminated": ERROR})) is None
    assert target(pod(prepares="copy", init={"terminated": ERROR})) == "Pending"


def test_a_failure_names_pod_text_code_and_time() -> None:
    found = model_state([pod(main=LOOP, last=ERROR)], ready=False)
    assert found is not None
    assert found.failure is not None
    failure = found.failure
    assert (failure.pod, failure.message, failure.exit_code) == ("a", "no weights", 3)
    assert failure.time == ENDED
    unnamed = model_state([pod(main={"terminated": KILLED})], ready=False)
    assert unnamed is not None
    assert unnamed.failure is not None
    assert unnamed.failure.message == "OOMKilled"


@pytest.mark.parametrize(
    ("engine", "decoder", "expected"),
    [
        ("Loaded", "FailedToLoad", "FailedToLoad"),
        ("FailedToLoad", "Loaded", "FailedToLoad"),
        ("Loading", "Pending", "Pending"),
        ("Loaded", "Loading", "Loading"),
        ("Loaded", "Loaded", "Loaded"),
    ],
)
def test_the_worse_component_counts(engine: str, decoder: str, expected: str) -> None:
    found = worst([ModelState(engine, 3), ModelState(decoder, 5)])
    assert found == ModelState(expected, 3)


def told(
    stored: dict[str, Any] | None = None, **states: ModelState | None
) -> dict[str, Any] | None:
    """``modelStatus`` after a pass that saw these components."""
    components = tuple(ComponentOutcome(name, model=state) for name, state in states.items())
    outcome = Outcome(1, components, present=frozenset(states))
    status = compute_status({"modelStatus": stored} if stored else {}, outcome, wall=NOW)
    return status.get("modelStatus")


FAILED = model_state([pod(main={"terminated": ERROR})], ready=False)


def test_a_router_says_nothing_of_the_model() -> None:
    found = told(engine=ModelState("Loaded", 2), router=ModelState("Pending", 7))
    assert found is not None
    assert found["modelCopies"] == {"failedCopies": 0, "totalCopies": 2}
    assert found["transitionStatus"] == "UpToDate"
    assert told(router=ModelState("Loaded", 2)) is None


def test_from_nothing_to_loaded_and_back() -> None:
    first = told(engine=ModelState("Pending"))
    assert first == {
        "transitionStatus": "InProgress",
        "modelRevisionStates": {"activeModelState": "", "targetModelState": "Pending"},
    }
    loaded = told(first, engine=ModelState("Loaded", 1))
    assert loaded == {
        "transitionStatus": "UpToDate",
        "modelRevisionStates": {"activeModelState": "Loaded", "targetModelState": "Loaded"},
        "modelCopies": {"failedCopies": 0, "totalCopies": 1},
    }
    failed = told(loaded, engine=FAILED)
    assert failed is not None
    assert failed["transitionStatus"] == "BlockedByFailedLoad"
    assert failed["modelRevisionStates"] == {
        "activeModelState": "Loaded",
        "targetModelState": "FailedToLoad",
    }
    assert failed["lastFailureInfo"] == {
        "reason": "ModelLoadFailed",
        "message": "no weights",
        "location": "a",
        "exitCode": 3,
        "time": ENDED,
    }
    mended = told(failed, engine=ModelState("Loaded", 1))
    assert mended is not None
    assert mended["transitionStatus"] == "UpToDate"
    assert mended["lastFailureInfo"] == failed["lastFailureInfo"], "it is kept"


def test_what_nobody_knows_changes_nothing() -> None:
    stored = told(engine=ModelState("Pending"))
    assert told(stored, engine=None) == stored
    # A decoder that has loaded says nothing of an engine that does not tell.
    assert told(stored, engine=None, decoder=ModelState("Loaded", 4)) == stored
    failed = told(stored, engine=None, decoder=FAILED)
    assert failed is not None
    assert failed["transitionStatus"] == "BlockedByFailedLoad"
