"""The DaemonSet of ome-resources, and that the agent takes what it is given there."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from ome.cli import agent, nodeagent
from tests.charts.support import CHARTS, Json, keyed, refused, rendered

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.agent.settings import Settings

pytestmark = [pytest.mark.control_plane, pytest.mark.timeout(120)]

CHART = "ome-resources"
FIELDS = {
    "spec.nodeName": "gpu-1",
    "metadata.namespace": "prod",
    "status.podIP": "10.1.2.3",
}
"""What a kubelet would fill in."""


def daemon_set(given: Json) -> tuple[Json, Json]:
    """The pod of the DaemonSet and its labels."""
    found = keyed(rendered(CHART, given, "prod"))
    template = found["DaemonSet", "ome-model-agent-daemonset"]["spec"]["template"]
    return template["spec"], template["metadata"]["labels"]


def environment(container: Json) -> dict[str, str]:
    """The variables as the process has them."""
    types = (CHARTS / CHART / "files/instance-types.json").read_text()
    found = {}
    for entry in container["env"]:
        source = entry.get("valueFrom", {})
        if "fieldRef" in source:
            found[entry["name"]] = FIELDS[source["fieldRef"]["fieldPath"]]
        elif "configMapKeyRef" in source:
            assert source["configMapKeyRef"]["key"] == "instance-type-map"
            found[entry["name"]] = types
        else:
            found[entry["name"]] = entry["value"]
    return found


def started(monkeypatch: pytest.MonkeyPatch, container: Json) -> tuple[Any, ...]:
    """What ``ome agent`` makes of the container: flags, node, settings, instance types."""
    calls: list[tuple[Any, ...]] = []

    def run(_: Any, *given: Any) -> int:
        calls.append(given)
        return 0

    monkeypatch.setattr(anyio, "run", run)
    monkeypatch.setattr(nodeagent, "configure_logging", lambda _: None)
    for name, value in environment(container).items():
        monkeypatch.setenv(name, value)
    assert agent.run(container["args"]) == 0
    (call,) = calls
    return call


def test_the_agent_takes_what_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    given: Json = {
        "modelAgent.hostPath": "/raid/models",
        "modelAgent.health.port": 9999,
        "modelAgent.env": {"DOWNLOAD_RETRY": 5, "HF_RETRY_INTERVAL": "20s", "PEERS": False},
        "modelStorage.allowedRoots": ["/nvme/models", "/mnt/shared"],
    }
    pod, _ = daemon_set(given)
    (container,) = pod["containers"]
    flags, node, settings, types = started(monkeypatch, container)
    seen: Mapping[str, Any] = flags
    held: Settings = settings
    assert (node, seen["namespace"], seen["port"], seen["peers"]) == ("gpu-1", "prod", 9999, False)
    assert (held.root, held.roots) == ("/raid/models", ("/nvme/models", "/mnt/shared"))
    assert (held.workers, held.object_attempts, held.retry_seconds) == (2, 5, 20.0)
    assert types == json.loads((CHARTS / CHART / "files/instance-types.json").read_text())
    assert container["ports"][0]["containerPort"] == seen["port"]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["port"] == "metrics"


def test_a_variable_is_not_overruled_by_an_argument(monkeypatch: pytest.MonkeyPatch) -> None:
    pod, _ = daemon_set({"modelAgent.env": {"NUM_DOWNLOAD_WORKER": 4}})
    _, _, settings, _ = started(monkeypatch, pod["containers"][0])
    held: Settings = settings
    assert held.workers == 4


def rolled(given: Json) -> Any:
    found = keyed(rendered(CHART, given))["DaemonSet", "ome-model-agent-daemonset"]
    return found["spec"]["updateStrategy"]["rollingUpdate"]["maxUnavailable"]


@pytest.mark.parametrize("at_once", [1, 50, 1000000, "10%", "100%"])
def test_so_many_agents_are_replaced_at_a_time(at_once: int | str) -> None:
    assert rolled({"modelAgent.maxUnavailable": at_once}) == at_once


def test_agents_are_replaced_one_by_one_unless_it_is_said() -> None:
    assert rolled({}) == 1


@pytest.mark.parametrize("wrong", [0, -1, "0%", "101%", "ten", 1.5])
def test_a_number_of_agents_that_cannot_be_is_refused(wrong: object) -> None:
    assert "maxUnavailable" in refused(CHART, {"modelAgent.maxUnavailable": wrong})


def test_agents_reach_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    pod, labels = daemon_set({})
    (container,) = pod["containers"]
    flags, *_ = started(monkeypatch, container)
    assert flags["peers"]
    assert nodeagent.address_of(os.environ["POD_IP"], flags["port"]) == "http://10.1.2.3:8080"
    # Variables of Services would be taken for flags.
    assert pod["enableServiceLinks"] is False
    for item in rendered(CHART):
        if item["kind"] == "NetworkPolicy":
            chosen = item["spec"]["podSelector"]["matchLabels"]
            assert not chosen.items() <= labels.items(), "agents would be cut off"
