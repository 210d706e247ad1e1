"""The entry of a component in a service's status, and its conditions: pure."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from ome.api import AcceleratorClassSpec
from ome.controllers.inferenceservice.component_status import component_entry
from ome.controllers.inferenceservice.status import (
    ComponentOutcome,
    Ingress,
    Outcome,
    compute_status,
)
from ome.controllers.inferenceservice.workload import NOTHING, Seen
from ome.selection import AcceleratorChoice

Verdict = tuple[Literal["True", "False", "Unknown"], str, str]

NOW, LATER = "2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z"
URL = "http://chat-engine.demo.example.test"
UP: Verdict = ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
DOWN: Verdict = (
    "False",
    "MinimumReplicasUnavailable",
    "Deployment does not have minimum availability.",
)
OPEN = Ingress("True", "IngressDisabled", "", url="http://chat", address="http://chat.demo")


def traffic(*shares: tuple[str, int, bool]) -> tuple[dict[str, Any], ...]:
    return tuple(
        {"revisionName": name, "percent": percent, "latestRevision": latest}
        for name, percent, latest in shares
    )


def serverless(created: str, ready: str, *shares: tuple[str, int, bool]) -> Seen:
    return Seen(revision=created, ready_revision=ready, traffic=traffic(*shares))


def test_an_address_stays_when_a_component_ceases_to_serve() -> None:
    seen = Seen(revision="1", address={"url": "http://inside"})
    first = component_entry({}, seen, URL, None, serverless=True)
    assert first == {"url": URL, "address": {"url": "http://inside"}, "latestCreatedRevision": "1"}
    assert component_entry(first, Seen(revision="2"), "", None, serverless=True) == {
        **first,
        "latestCreatedRevision": "2",
    }
    assert component_entry(first, NOTHING, "", None, serverless=True) == first


@pytest.mark.parametrize(
    ("stored", "seen", "latest", "previous"),
    [
        ({}, serverless("r1", "r1", ("r1", 100, True)), "r1", None),
        (
            {"latestRolledoutRevision": "r1"},
            serverless("r2", "r2", ("r2", 100, True)),
            "r2",
            "r1",
        ),
        # A canary has not been rolled out.
        (
            {"latestRolledoutRevision": "r1"},
            serverless("r2", "r2", ("r2", 20, True), ("r1", 80, False)),
            "r1",
            None,
        ),
        # The newest is not ready: what has all traffic is still the one before.
        (
            {"latestRolledoutRevision": "r1"},
            serverless("r2", "r1", ("r1", 100, True)),
            "r1",
            None,
        ),
        # Rolled back: the same revision as canary and as the one before it has all traffic.
        (
            {"latestRolledoutRevision": "r2", "previousRolledoutRevision": "r1"},
            serverless("r2", "r2", ("r2", 40, True), ("r2", 60, False)),
            "r1",
            "r1",
        ),
        (
            {"latestRolledoutRevision": "r2"},
            serverless("r2", "r2", ("r2", 40, True), ("r2", 60, False)),
            "r2",
            None,
        ),
    ],
)
def test_which_revision_was_rolled_out(
    stored: dict[str, Any], seen: Seen, latest: str, previous: str | None
) -> None:
    entry = component_entry(stored, seen, "", None, serverless=True)
    assert entry.get("latestRolledoutRevision") == latest
    assert entry.get("previousRolledoutRevision") == previous
    assert entry["traffic"] == [dict(target) for target in seen.traffic]


def test_the_accelerator_is_that_of_the_last_choice() -> None:
    spec = AcceleratorClassSpec.model_validate(
        {
            "discovery": {"nodeSelector": {"gpu": "h100"}},
            "capabilities": {},
            "resources": [{"name": "nvidia.com/gpu", "quantity": "8"}],
        }
    )
    entry = component_entry({}, NOTHING, "", AcceleratorChoice("engine", "h100", spec, "asked for"))
    assert entry["selectedAccelerator"] == {
        "acceleratorClass": "h100",
        "reason": "asked for",
        "nodeSelector": {"gpu": "h100"},
        "resourceRequests": {"nvidia.com/gpu": "8"},
    }
    assert component_entry(entry, NOTHING, "", None) == {}


def after(
    *components: ComponentOutcome,
    stored: dict[str, Any] | None = None,
    wall: str = NOW,
    present: frozenset[str] = frozenset(),
    ingress: Ingress | None = OPEN,
) -> dict[str, Any]:
    names = present or frozenset(item.name for item in components)
    outcome = Outcome(1, components, ingress=ingress, present=names)
    return compute_status(stored or {}, outcome, wall=wall)


def conditions(status: dict[str, Any]) -> dict[str, tuple[str, str, str]]:
    return {
        item["type"]: (item["status"], item.get("reason", ""), item.get("message", ""))
        for item in status["conditions"]
    }


def test_every_component_that_a_service_has_counts() -> None:
    engine = ComponentOutcome("engine", ready=UP, url=URL)
    assert conditions(after(engine))["Ready"][0] == "True"
    for name in ("decoder", "router"):
        waits = ComponentOutcome(name)
        status = after(engine, waits)
        text = f"{name} component initializing"
        assert conditions(status)[f"{name.capitalize()}Ready"] == ("False", "Initializing", text)
        assert conditions(status)["Ready"] == ("False", "Initializing", text)
        down = after(engine, ComponentOutcome(name, ready=DOWN))
        assert conditions(down)["Ready"] == DOWN


def test_a_removed_component_leaves_nothing() -> None:
    engine = ComponentOutcome("engine", ready=UP, url=URL)
    router = ComponentOutcome(
        "router", ready=DOWN, seen=Seen(route=UP, configuration=UP), serverless=True, url="http://r"
    )
    both = after(engine, router)
    assert {"RouterReady", "RouterRouteReady", "RouterConfigurationReady"} <= conditions(
        both
    ).keys()
    left = after(engine, stored=both)
    assert set(conditions(left)) == {"EngineReady", "IngressReady", "Ready"}
    assert conditions(left)["Ready"][0] == "True"
    assert set(left["components"]) == {"engine"}


def test_the_trouble_of_pods_follows_what_the_workload_says() -> None:
    trouble = "pod a, container ome-container: image cannot be pulled"
    begins = after(ComponentOutcome("engine", problem=trouble))
    assert conditions(begins)["EngineReady"][2] == f"engine component initializing; {trouble}"
    down = after(ComponentOutcome("engine", ready=DOWN, problem=trouble))
    assert conditions(down)["EngineReady"][2] == f"{DOWN[2]}; {trouble}"
    up = after(ComponentOutcome("engine", ready=UP, problem=trouble))
    assert conditions(up)["EngineReady"] == UP


def test_a_condition_that_says_the_same_keeps_its_time() -> None:
    engine = ComponentOutcome("engine", ready=UP, url=URL)
    first = after(engine)
    assert after(engine, stored=first, wall=LATER) == first
    down = after(ComponentOutcome("engine", ready=DOWN), stored=first, wall=LATER)
    times = {item["type"]: item["lastTransitionTime"] for item in down["conditions"]}
    assert times == {"EngineReady": LATER, "IngressReady": NOW, "Ready": LATER}
    assert down["components"]["engine"]["url"] == URL
    assert (down["url"], down["address"]) == ("http://chat", {"url": "http://chat.demo"})


def test_a_workload_that_was_not_looked_at_leaves_its_condition() -> None:
    first = after(ComponentOutcome("engine", ready=UP, url=URL))
    lags = ComponentOutcome("engine", ready=DOWN, settled=False)
    assert conditions(after(lags, stored=first))["EngineReady"] == UP
    assert conditions(after(lags))["EngineReady"] == DOWN


def test_percent_signs_and_unknown_members_stay_as_they_are() -> None:
    said: Verdict = ("False", "Broken", "100% of %s and %d")
    stored = {"restURL": "http://rest", "ours": {"later": 1}}
    status = after(ComponentOutcome("engine", ready=said), stored=stored)
    assert conditions(status)["Ready"] == said
    assert (status["restURL"], status["ours"]) == ("http://rest", {"later": 1})


@pytest.mark.parametrize(
    ("followed", "expected"),
    [
        (UP, ("True", "", "")),
        (DOWN, ("False", "EngineRouteReady not ready", "")),
        (("Unknown", "Deploying", ""), ("Unknown", "EngineRouteReady not ready", "")),
        (None, ("Unknown", "EngineRouteReady not ready", "")),
    ],
)
def test_what_a_serverless_engine_says_is_said_of_the_service(
    followed: Verdict | None, expected: tuple[str, str, str]
) -> None:
    engine = ComponentOutcome("engine", ready=UP, seen=Seen(route=followed), serverless=True)
    status = after(engine)
    assert conditions(status)["RoutesReady"] == expected
    severities = {item["type"]: item.get("severity") for item in status["conditions"]}
    assert severities["RoutesReady"] == "Info"
    assert severities["Ready"] is severities["EngineReady"] is None
    raw = after(ComponentOutcome("engine", ready=UP), stored=status)
    assert "RoutesReady" not in conditions(raw)
    assert "EngineRouteReady" not in conditions(raw)
