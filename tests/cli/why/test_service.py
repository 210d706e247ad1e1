"""What is the matter with a service, in words, and its past."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

from rich.console import Console

from ome.api import names
from ome.cli.why.facts import Facts, Target
from ome.cli.why.picture import show
from ome.cli.why.service import service_story
from ome.clock import rfc3339
from ome.controllers.resources import INFERENCE_SERVICES
from ome.kube.resource import ObjectKey

NOW = 1_800_000_000.0


def condition(type_: str, status: str, reason: str = "", message: str = "") -> dict[str, Any]:
    return {
        "type": type_,
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": rfc3339(NOW - 180),
    }


def facts(*conditions: dict[str, Any], observed: int = 1, **metadata: Any) -> Facts:
    document = {
        "metadata": {
            "name": "chat",
            "namespace": "demo",
            "generation": 1,
            "creationTimestamp": rfc3339(NOW - 3600),
            **metadata,
        },
        "spec": {"model": {"name": "llama"}},
        "status": {"observedGeneration": observed, "conditions": list(conditions)},
    }
    found = Facts(Target(INFERENCE_SERVICES, ObjectKey("demo", "chat"), document), NOW)
    found.model = {
        "kind": "ClusterBaseModel",
        "metadata": {"name": "llama"},
        "status": {"state": "Ready", "nodesReadyCount": 3},
    }
    return found


def pod(name: str, ready: str, **status: Any) -> dict[str, Any]:
    return {
        "metadata": {
            "name": name,
            "namespace": "demo",
            "uid": name,
            "labels": {"component": "engine", "serving-runtime": "sglang"},
        },
        "spec": {"containers": [{"name": "ome-container"}]},
        "status": {"conditions": [{"type": "Ready", "status": ready}], **status},
    }


def test_a_ready_service() -> None:
    found = facts(condition("Ready", "True"))
    found.target.document["status"]["url"] = "http://chat"
    found.pods = [pod("a", "True"), pod("b", "False")]
    story = service_story(found)
    assert story.well
    assert story.answer == "is Ready for 3 min, at http://chat"
    assert dict(story.facts) == {
        "model": "ClusterBaseModel llama: Ready, ready on 3 nodes",
        "runtime": "sglang, chosen by the operator (see ome explain)",
        "engine": "1 of 2 pods ready",
    }


def test_a_turn_that_it_waits_for_is_a_fact_and_no_trouble() -> None:
    waits = condition("RolloutPending", "True", "WaitingForTurn", "the pods stay as they are")
    story = service_story(facts(condition("Ready", "True"), waits))
    assert story.well
    assert ("rollout", "the pods stay as they are") in story.facts


def test_what_keeps_it_from_being_ready_is_said_once() -> None:
    found = facts(
        condition("EngineReady", "False", "RuntimeSelectionError", "no runtime\nfits"),
        condition("Ready", "False", "RuntimeSelectionError", "no runtime fits"),
        condition("IngressReady", "Unknown"),
    )
    story = service_story(found)
    assert story.answer == "is not Ready for 3 min"
    assert story.troubles == ["EngineReady: RuntimeSelectionError: no runtime fits"]


def test_trouble_of_pods_and_of_the_model_is_told() -> None:
    found = facts(condition("Ready", "False"), condition("EngineReady", "False", "Waiting", "x"))
    waiting = {"waiting": {"reason": "ErrImagePull", "message": "not found"}}
    found.pods = [
        pod("a", "False", containerStatuses=[{"name": "ome-container", "state": waiting}])
    ]
    assert found.model is not None
    found.model["status"] = {"state": "In_Transit", "conditions": []}
    story = service_story(found)
    assert story.troubles == [
        "EngineReady: Waiting: x",
        "pod a, container ome-container: image cannot be pulled: not found",
        "model llama is not ready: no report yet (see ome why model/llama)",
    ]
    assert not story.well


def test_what_the_operator_has_not_seen_is_said() -> None:
    assert "has not looked at it yet" in service_story(facts()).answer
    story = service_story(facts(condition("Ready", "True"), observed=0))
    assert story.answer == "has a spec that the operator has not acted on yet (Ready True)"
    assert not story.well
    story = service_story(facts(deletionTimestamp=rfc3339(NOW - 90), finalizers=["x/y"]))
    assert story.answer == "is being deleted, for 2 min; finalizers left: x/y"
    ours = [names.FINALIZER_INFERENCE_SERVICE]
    story = service_story(facts(deletionTimestamp=rfc3339(NOW - 90), finalizers=ours))
    assert story.answer.endswith(f"{ours[0]} (the manager removes that; does it run?)")


def test_the_past_is_in_order_and_each_thing_in_it_once() -> None:
    found = facts(condition("Ready", "True"))
    found.events = [
        {
            "metadata": {"name": "e"},
            "type": "Warning",
            "reason": "Failed",
            "message": "too  big",
            "count": 3,
            "lastTimestamp": rfc3339(NOW - 60),
            "involvedObject": {"kind": "Pod", "name": "a"},
        }
    ]
    found.flights = [
        {
            "at": NOW - 120,
            "saw": {"InferenceService": "41"},
            "decided": ["EngineReady none -> True", "told the user: Ready: yes"],
            "wrote": [
                "PATCH /apis/apps/v1/namespaces/demo/deployments/chat-engine 200",
                "PATCH /apis/ome.io/v1beta1/namespaces/demo/inferenceservices/chat/status 200",
            ],
        }
    ]
    story = service_story(found)
    assert [(moment.what, moment.bad, moment.times) for moment in story.history] == [
        ("created", False, 1),
        ("EngineReady none -> True", False, 1),
        (
            "manager: PATCH deployments/chat-engine: 200 (having seen version 41)",
            False,
            1,
        ),
        ("Pod a: Failed: too big", True, 3),
    ]
    json.dumps(story.document())
    out = StringIO()
    show(story, Console(file=out, width=100), NOW)
    text = out.getvalue()
    assert "Pod a: Failed: too big (3 times)" in text
    assert "60 s ago" in text
    assert len(text.splitlines()) < 24


def test_a_long_past_fits_a_screen() -> None:
    found = facts(condition("Ready", "True"))
    found.flights = [{"at": NOW - 100 + step, "decided": [f"step {step}"]} for step in range(40)]
    out = StringIO()
    show(service_story(found), Console(file=out, width=100), NOW)
    assert "and 29 things before" in out.getvalue()
    assert len(out.getvalue().splitlines()) < 24
