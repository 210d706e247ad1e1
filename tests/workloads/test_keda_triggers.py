"""Several KEDA triggers for a component, and the sections that stand beside them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from ome.workloads import RenderError
from tests.workloads.test_keda import DEFAULT_QUERY, KEDA, spec

TRIGGERS, METRIC, QUERY = (
    f"{KEDA}/{name}" for name in ("triggers", "prometheus.metric", "prometheus.query")
)
SERVER = "http://prometheus-operated.monitoring.svc.cluster.local:9090"
CRON: dict[str, Any] = {
    "type": "cron",
    "metadata": {
        "timezone": "Etc/UTC",
        "start": "0 8 * * *",
        "end": "0 18 * * *",
        "desiredReplicas": "4",
    },
}


def triggers(notes: dict[str, str], *arguments: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = spec({}, notes, *arguments)["triggers"]
    return found


def queries(notes: dict[str, str], *arguments: Any) -> list[str]:
    """What each trigger asks, or its type where it asks nothing."""
    return [item["metadata"].get("query") or item["type"] for item in triggers(notes, *arguments)]


def listed(*items: dict[str, Any]) -> dict[str, str]:
    return {TRIGGERS: json.dumps(items)}


def test_gauges_are_triggers_each_with_its_threshold() -> None:
    text = "vllm:num_requests_waiting=5, vllm:kv_cache_usage_perc = 0.8,sglang:token_usage"
    found = triggers({METRIC: text, f"{KEDA}/threshold": "7", f"{KEDA}/activation-threshold": "1"})
    told = [(item["metadata"]["metricName"], item["metadata"]["threshold"]) for item in found]
    assert told == [
        ("vllm:num_requests_waiting", "5"),
        ("vllm:kv_cache_usage_perc", "0.8"),
        ("sglang:token_usage", "7"),
    ]
    for item in found:
        assert item["metadata"]["activationThreshold"] == "1"
        assert item["metadata"]["serverAddress"] == SERVER
        assert item["metadata"]["query"].endswith('{ome_io_inferenceservice="chat"})')


CUSTOM = {"customPromQuery": "up"}


@pytest.mark.parametrize(
    ("notes", "service", "cluster", "expected"),
    [
        ({}, None, None, [DEFAULT_QUERY]),
        (listed(CRON), None, None, ["cron"]),
        (listed(CRON, CRON), None, CUSTOM, ["cron", "cron"]),
        (listed(CRON), CUSTOM, None, ["up", "cron"]),
        ({**listed(CRON), QUERY: "x"}, None, None, ["x", "cron"]),
        (
            {**listed(CRON), METRIC: "sglang:num_queue_reqs"},
            None,
            None,
            ['sum(sglang:num_queue_reqs{ome_io_inferenceservice="chat"})', "cron"],
        ),
    ],
)
def test_a_query_stands_beside_other_triggers_only_when_it_was_asked_for(
    notes: dict[str, str],
    service: dict[str, Any] | None,
    cluster: dict[str, Any] | None,
    expected: list[str],
) -> None:
    assert queries(notes, service, cluster) == expected


def test_a_trigger_is_sent_as_it_was_written() -> None:
    whole = {
        **CRON,
        "name": "office",
        "metricType": "Value",
        "useCachedMetrics": True,
        "authenticationRef": {"name": "a", "kind": "ClusterTriggerAuthentication"},
    }
    assert triggers(listed(whole)) == [whole]


def test_a_further_query_asks_the_same_server_with_the_same_credentials() -> None:
    config = {
        "promServerAddress": "http://p:9090",
        "authenticationRef": {"name": "token"},
        "authModes": "bearer",
    }
    asked = {"query": "x", "threshold": "1"}
    query: dict[str, Any] = {"type": "prometheus", "metadata": asked}
    (found,) = triggers(listed(query), config)
    assert found["metadata"] == {
        **asked,
        "serverAddress": "http://p:9090",
        "authModes": "bearer",
    }
    assert found["authenticationRef"] == {"name": "token", "kind": "TriggerAuthentication"}
    elsewhere = {**query, "metadata": {**asked, "serverAddress": "http://q"}}
    assert triggers(listed(elsewhere), config) == [elsewhere]
    own = {**query, "authenticationRef": {"name": "mine"}}
    (found,) = triggers(listed(own), config)
    assert found["authenticationRef"] == {"name": "mine"}
    assert "authModes" not in found["metadata"]


def test_a_component_may_idle_when_a_trigger_sees_its_requests() -> None:
    found = spec({}, {**listed(CRON), f"{KEDA}/idle-replicas": "0"})
    assert found["idleReplicaCount"] == 0


@pytest.mark.parametrize(
    "given",
    [
        {"restoreToOriginalReplicaCount": True},
        {
            "horizontalPodAutoscalerConfig": {
                "name": "mine",
                "behavior": {"scaleDown": {"stabilizationWindowSeconds": 600}},
            },
            "scalingModifiers": {"formula": "a + b", "target": "2", "metricType": "Value"},
        },
    ],
)
def test_the_section_advanced_is_sent_as_it_was_written(given: dict[str, Any]) -> None:
    assert spec({}, {f"{KEDA}/advanced": json.dumps(given)})["advanced"] == given


def test_pace_and_fallback_have_every_member() -> None:
    found = spec(
        {},
        {
            f"{KEDA}/initial-cooldown-period": "60",
            f"{KEDA}/fallback-replicas": "3",
            f"{KEDA}/fallback-behavior": "currentReplicasIfHigher",
        },
    )
    assert found["initialCooldownPeriod"] == 60
    assert found["fallback"] == {
        "failureThreshold": 3,
        "replicas": 3,
        "behavior": "currentReplicasIfHigher",
    }


@pytest.mark.parametrize(
    ("notes", "message"),
    [
        ({METRIC: "vllm:num_requests_waiting=many"}, "write a number as the threshold"),
        ({METRIC: "vllm:num_requests_waiting="}, "write a number as the threshold"),
        ({METRIC: "vllm:num_requests_waiting,"}, "known are"),
        ({TRIGGERS: ""}, "write a JSON list of KEDA triggers, such as [{"),
        ({TRIGGERS: "[]"}, "write a JSON list of KEDA triggers"),
        ({TRIGGERS: "{}"}, "Expected `array`, got `object`"),
        ({TRIGGERS: "[" * 100_000}, "write a JSON list of KEDA triggers"),
        (listed({"type": "cron"}), "missing required field `metadata`"),
        (listed({**CRON, "type": ""}), "`$[0].type`"),
        (listed(CRON, {**CRON, "metadata": {"desiredReplicas": 4}}), "`$[1].metadata[...]`"),
        (listed({**CRON, "typ": "x"}), "unknown field `typ`"),
        (listed({**CRON, "metricType": "Mean"}), "`$[0].metricType`"),
        (listed({**CRON, "authenticationRef": {}}), "required field `name`"),
        ({f"{KEDA}/advanced": "[]"}, "write KEDA's section advanced as a JSON object, such as {"),
        ({f"{KEDA}/advanced": '{"behavior": {}}'}, "unknown field `behavior`"),
        ({f"{KEDA}/advanced": '{"x": ' * 50_000}, "write KEDA's section advanced"),
        ({f"{KEDA}/activation-threshold": "much"}, "write a number such as 10 or 0.5"),
        ({f"{KEDA}/fallback-behavior": "static"}, "does nothing alone"),
        (
            {f"{KEDA}/fallback-replicas": "1", f"{KEDA}/fallback-behavior": "none"},
            "use one of static, currentReplicas",
        ),
        ({f"{KEDA}/initial-cooldown-period": "1m"}, "write a whole number"),
    ],
)
def test_what_is_refused(notes: dict[str, str], message: str) -> None:
    with pytest.raises(RenderError, match=re.escape(message)) as raised:
        spec({}, notes)
    text = str(raised.value)
    assert raised.value.component == "engine"
    assert any(name in text for name in notes)
    assert "\n" not in text
