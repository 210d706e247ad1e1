"""Gate, metrics, RDMA and order: what a pod becomes."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ome.webhooks.pod import InjectionFailed, default
from ome.webhooks.pod.rdma import PROFILES
from ome.webhooks.registry import BadSetting, Undecodable
from tests.webhooks.support import SETTINGS, PlainLookup, pod, review, weight

LOOKUP = PlainLookup(SETTINGS, {"tuned": weight()})
ON = {"metricsAggregator": {"enableMetricAggregation": True, "enablePrometheusScraping": "true"}}


def mutated(sent: dict[str, Any], lookup: PlainLookup = LOOKUP) -> dict[str, Any]:
    """The pod after the webhook; a second call must change nothing, the input never."""
    before = copy.deepcopy(sent)
    result = default(review(sent), lookup)
    assert sent == before
    assert default(review(result), lookup) == result
    return result


def env(container: dict[str, Any]) -> dict[str, str]:
    names = [item["name"] for item in container["env"]]
    assert len(names) == len(set(names))
    return {item["name"]: item.get("value", "") for item in container["env"]}


# The gate


@pytest.mark.parametrize("labels", [{}, {"app": "web"}, {"inferenceservice": "x"}])
def test_a_pod_of_others_stays_as_it_is(labels: dict[str, str]) -> None:
    sent = pod({"rdma.ome.io/auto-inject": "true"}, labels=labels)
    assert default(review(sent), LOOKUP) == sent


@pytest.mark.parametrize("label", ["ome.io/inferenceservice", "ome.io/trainingjob"])
def test_either_label_opens_the_gate_whatever_its_value(label: str) -> None:
    assert mutated(pod(labels={label: ""}))["metadata"]["namespace"] == "team"


@pytest.mark.parametrize(
    ("broken", "where"),
    [
        ({}, "metadata"),
        ({"metadata": {}, "spec": None}, "spec"),
        ({"metadata": {"labels": {"a": 1}}, "spec": {}}, "labels"),
        ({"metadata": {}, "spec": {"containers": [{"env": "x"}]}}, "containers"),
        ({"metadata": {}, "spec": {"containers": {}}}, "containers"),
    ],
)
def test_what_is_no_pod_is_undecodable_and_says_where(broken: Any, where: str) -> None:
    with pytest.raises(Undecodable, match=where):
        default(review(broken), LOOKUP)


def test_settings_that_no_injection_needs_harm_no_pod() -> None:
    broken = PlainLookup({**SETTINGS, "modelInit": "not JSON", "servingSidecar": "not JSON"})
    assert "initContainers" not in mutated(pod(), broken)["spec"]
    with pytest.raises(BadSetting, match="unable to unmarshal modelInit json string: not JSON"):
        default(review(pod({"ome.io/inject-model-init": "true"})), broken)


# Metrics


def test_without_settings_both_annotations_are_there_and_empty() -> None:
    annotations = mutated(pod(), PlainLookup())["metadata"]["annotations"]
    assert annotations == {
        "ome.io/enable-metric-aggregation": "",
        "ome.io/enable-prometheus-scraping": "",
    }


@pytest.mark.parametrize(
    ("given", "port", "path"),
    [
        ({}, "8080", "/metrics"),
        ({"prometheus.ome.io/port": "9000", "prometheus.ome.io/path": "/m"}, "9000", "/m"),
        ({"prometheus.io/port": "1", "prometheus.io/path": "/own"}, "1", "/own"),
    ],
)
def test_outside_knative_the_container_itself_is_scraped(
    given: dict[str, str], port: str, path: str
) -> None:
    annotations = mutated(pod(given), PlainLookup(ON))["metadata"]["annotations"]
    assert annotations["prometheus.io/port"] == port
    assert annotations["prometheus.io/path"] == path


@pytest.mark.parametrize(("aggregate", "port"), [("true", "9088"), ("false", "9091")])
def test_behind_a_queue_proxy_the_proxy_is_scraped(aggregate: str, port: str) -> None:
    proxy = {"name": "queue-proxy", "env": [{"name": "KEPT", "value": "1"}]}
    sent = pod(
        {"ome.io/enable-metric-aggregation": aggregate, "prometheus.io/port": "1"},
        containers=[{"name": "ome-container"}, proxy],
    )
    result = mutated(sent, PlainLookup(ON))
    assert result["metadata"]["annotations"]["prometheus.io/port"] == port
    changed = result["spec"]["containers"][1]
    if aggregate == "false":
        assert changed == proxy
        return
    assert env(changed) == {
        "KEPT": "1",
        "CONTAINER_PROMETHEUS_METRICS_PORT": "8080",
        "CONTAINER_PROMETHEUS_METRICS_PATH": "/metrics",
        "AGGREGATE_PROMETHEUS_METRICS_PORT": "9088",
    }
    assert changed["ports"] == [{"name": "aggr-metric", "containerPort": 9088, "protocol": "TCP"}]


def test_only_the_exact_text_true_switches_on() -> None:
    sent = pod({"ome.io/enable-prometheus-scraping": "True"})
    assert "prometheus.io/port" not in mutated(sent)["metadata"]["annotations"]


def test_a_metrics_setting_of_another_type_is_named() -> None:
    lookup = PlainLookup({"metricsAggregator": {"enableMetricAggregation": 1}})
    with pytest.raises(BadSetting, match="enableMetricAggregation"):
        default(review(pod()), lookup)


# RDMA


def test_rdma_gives_variables_volumes_and_privileges() -> None:
    result = mutated(pod({"rdma.ome.io/auto-inject": "true", "rdma.ome.io/profile": ""}))
    target = result["spec"]["containers"][0]
    variables = env(target)
    assert len(variables) == 21
    assert list(variables) == sorted(variables)
    assert variables["NCCL_IB_HCA"] == (
        "=mlx5_0,mlx5_1,mlx5_3,mlx5_4,mlx5_5,mlx5_6,mlx5_7,mlx5_8,mlx5_9,mlx5_10,"
        "mlx5_12,mlx5_13,mlx5_14,mlx5_15,mlx5_16,mlx5_17"
    )
    assert result["spec"]["volumes"] == [
        {"name": "dshm", "emptyDir": {"medium": "Memory"}},
        {"name": "devinf", "hostPath": {"path": "/dev/infiniband"}},
    ]
    assert target["volumeMounts"] == [
        {"name": "dshm", "mountPath": "/dev/shm"},
        {"name": "devinf", "mountPath": "/dev/infiniband"},
    ]
    assert target["securityContext"] == {
        "runAsUser": 1000,
        "privileged": True,
        "capabilities": {"add": ["IPC_LOCK", "CAP_SYS_ADMIN"]},
    }


def test_rdma_keeps_what_the_user_set() -> None:
    main = {
        "name": "server",
        "env": [{"name": "NCCL_DEBUG", "value": "WARN"}],
        "volumeMounts": [{"name": "dshm", "mountPath": "/mine"}],
        "securityContext": {"privileged": False, "capabilities": {"add": ["CAP_SYS_ADMIN", "X"]}},
    }
    volume = {"name": "dshm", "emptyDir": {"sizeLimit": "1Gi"}}
    sent = pod(
        {"rdma.ome.io/auto-inject": "true", "rdma.ome.io/container-name": "server"},
        containers=[{"name": "ome-container"}, main],
        volumes=[volume],
    )
    result = mutated(sent)
    target = result["spec"]["containers"][1]
    assert env(target)["NCCL_DEBUG"] == "WARN"
    assert target["volumeMounts"][0] == {"name": "dshm", "mountPath": "/mine"}
    assert target["securityContext"]["privileged"] is False
    assert target["securityContext"]["capabilities"]["add"] == ["CAP_SYS_ADMIN", "X", "IPC_LOCK"]
    assert result["spec"]["volumes"][0] == volume
    assert result["spec"]["containers"][0] == {"name": "ome-container"}


def test_rdma_without_its_container_changes_nothing() -> None:
    sent = pod({"rdma.ome.io/auto-inject": "true", "rdma.ome.io/container-name": "none"})
    assert "volumes" not in mutated(sent)["spec"]


def test_an_unknown_rdma_profile_is_named_before_the_container_is_looked_for() -> None:
    sent = pod(
        {
            "rdma.ome.io/auto-inject": "true",
            "rdma.ome.io/profile": "ib",
            "rdma.ome.io/container-name": "none",
        }
    )
    with pytest.raises(InjectionFailed, match=r"unknown RDMA profile: ib; .*oci-roce"):
        default(review(sent), LOOKUP)


def test_the_result_shares_nothing_with_the_profile() -> None:
    result = mutated(pod({"rdma.ome.io/auto-inject": "true"}))
    result["spec"]["volumes"][0]["emptyDir"]["medium"] = "changed"
    assert PROFILES["oci-roce"].volumes[0]["emptyDir"]["medium"] == "Memory"


# Order of init containers


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a", "model-init", "b", "fine-tuned-adapter"],) * 2,
        (
            ["fine-tuned-adapter", "a", "model-init", "b"],
            ["model-init", "fine-tuned-adapter", "a", "b"],
        ),
        (["a", "fine-tuned-adapter", "model-init"], ["a", "model-init", "fine-tuned-adapter"]),
        (["fine-tuned-adapter", "a"],) * 2,
    ],
)
def test_model_init_runs_before_the_adapter(names: list[str], expected: list[str]) -> None:
    sent = pod(initContainers=[{"name": name} for name in names])
    assert [item["name"] for item in mutated(sent)["spec"]["initContainers"]] == expected


_SWITCHES = st.fixed_dictionaries(
    {},
    optional={
        "ome.io/inject-model-init": st.sampled_from(["true", "false", ""]),
        "ome.io/inject-fine-tuned-adapter": st.sampled_from(["tuned", ""]),
        "ome.io/inject-serving-sidecar": st.sampled_from(["true", "yes"]),
        "rdma.ome.io/auto-inject": st.sampled_from(["true", "1"]),
        "ome.io/enable-metric-aggregation": st.sampled_from(["true", "false"]),
        "ome.io/enable-prometheus-scraping": st.sampled_from(["true", "false"]),
        "ome.io/base-model-format": st.sampled_from(["TensorRT-LLM", "safetensors"]),
        "ome.io/base-model-vendor": st.sampled_from(["cohere", "meta"]),
    },
)


@given(_SWITCHES, st.booleans())
def test_whatever_is_asked_for_a_second_call_changes_nothing(
    annotations: dict[str, str], proxy: bool
) -> None:
    asked = {
        "ome.io/base-model-name": "llama.3",
        "ome.io/fine-tuned-weight-ft-strategy": "tfew",
        **annotations,
    }
    sent = pod(asked)
    sent["spec"]["unknownToUs"] = {"kept": True}
    if proxy:
        sent["spec"]["containers"].append({"name": "queue-proxy"})
    assert mutated(sent)["spec"]["unknownToUs"] == {"kept": True}
