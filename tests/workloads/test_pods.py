"""What a pod is given, and what of the user's is left alone."""

from __future__ import annotations

from typing import Any

import pytest

from ome.workloads import expose, plan
from ome.workloads.metadata import queue_labels
from tests.workloads.support import inputs, objects

Json = dict[str, Any]
PATH = "/raid/m"
RUNNER: Json = {"name": "ome-container", "image": "a"}


def rendered(
    engine: Json, runtime: Json | None = None, uri: str = "hf://a/b", **service: Any
) -> dict[str, Json]:
    """The objects of a service by kind and name."""
    documents: list[Json] = [
        {
            "kind": "InferenceService",
            "metadata": {"name": "chat", **service.pop("metadata", {})},
            "spec": {"model": {"name": "m"}, "engine": engine, **service},
        },
        {
            "kind": "ClusterBaseModel",
            "metadata": {"name": "m"},
            "spec": {"storage": {"storageUri": uri, "path": PATH}},
        },
    ]
    if runtime is not None:
        documents.append(
            {"kind": "ClusterServingRuntime", "metadata": {"name": "r"}, "spec": runtime}
        )
    made = objects(plan(inputs(documents)))
    return {f"{item['kind']}/{item['metadata']['name']}": item for item in made}


def pod(engine: Json, runtime: Json | None = None, **more: Any) -> Json:
    found: Json = rendered(engine, runtime, **more)["Deployment/chat-engine"]
    spec: Json = found["spec"]["template"]["spec"]
    return spec


def runner(**fields: Any) -> Json:
    return {"runner": {**RUNNER, **fields}}


READY = "models.ome.io/clusterbasemodel.m"


@pytest.mark.parametrize(
    ("own", "top", "config", "expected"),
    [
        ({}, {}, {}, {READY: "Ready"}),
        ({"a": "own"}, {"a": "top"}, {"a": "config"}, {READY: "Ready", "a": "own"}),
        ({}, {"a": "top"}, {"a": "config"}, {READY: "Ready", "a": "top"}),
        ({}, {}, {"a": "config"}, {READY: "Ready", "a": "config"}),
        ({}, {}, {READY: "Any"}, {READY: "Any"}),
        ({READY: "Own"}, {READY: "Top"}, {}, {READY: "Own"}),
    ],
)
def test_the_precedence_of_a_node_selector(
    own: Json, top: Json, config: Json, expected: Json
) -> None:
    runtime = {"nodeSelector": top, "engineConfig": {**runner(), "nodeSelector": config}}
    assert pod({"nodeSelector": own}, runtime)["nodeSelector"] == expected


def test_a_model_path_of_the_user_is_kept() -> None:
    (container,) = pod(runner(env=[{"name": "MODEL_PATH", "value": "/mine"}]))["containers"]
    assert container["env"] == [{"name": "MODEL_PATH", "value": "/mine"}]


def test_a_mount_at_the_models_path_is_kept() -> None:
    (container,) = pod(runner(volumeMounts=[{"name": "x", "mountPath": PATH}]))["containers"]
    assert container["volumeMounts"] == [{"name": "x", "mountPath": PATH}]


def test_a_volume_of_the_models_name_is_kept() -> None:
    volume = {"name": "m", "emptyDir": {}}
    assert pod({**runner(), "volumes": [volume]})["volumes"] == [volume]


def test_a_container_without_runner_gets_no_model() -> None:
    spec = pod({"containers": [{"name": "own", "image": "a", "args": ["{{.Name}}"]}]})
    (container,) = spec["containers"]
    assert container["args"] == ["chat"]
    assert container.keys().isdisjoint({"env", "volumeMounts", "readinessProbe"})


def test_the_sub_path_of_a_claim_has_no_trailing_slash() -> None:
    (container,) = pod(runner(), uri="pvc://demo:claim/a/b/")["containers"]
    assert container["volumeMounts"][0]["subPath"] == "a/b"


@pytest.mark.parametrize(
    ("limits", "requests", "expected"),
    [
        ({"nvidia.com/gpu": "4"}, {"nvidia.com/gpu": "2"}, "4"),
        ({}, {"nvidia.com/gpu": 2}, "2"),
        ({"nvidia.com/gpu": "0"}, {}, None),
        ({"amd.com/gpu": "8"}, {}, None),
    ],
)
def test_the_parallelism_follows_the_gpus(
    limits: Json, requests: Json, expected: str | None
) -> None:
    given = [{"name": "PARALLELISM_SIZE", "value": "user"}, {"name": "Z", "value": "1"}]
    resources = {"limits": limits, "requests": requests}
    (container,) = pod(runner(env=given, resources=resources))["containers"]
    assert container["env"][0] == {"name": "PARALLELISM_SIZE", "value": expected or "user"}
    assert container["env"][1] == {"name": "Z", "value": "1"}


TOP = [{"name": "ome-container", "resources": {"limits": {"cpu": "9", "nvidia.com/gpu": "8"}}}]


@pytest.mark.parametrize(
    ("engine", "limits"),
    [
        ({}, {"cpu": "1", "nvidia.com/gpu": "8"}),
        ({"runner": {"image": "b"}}, {"cpu": "1", "nvidia.com/gpu": "8"}),
        ({"runner": {"resources": {"limits": {"memory": "1Gi"}}}}, {"cpu": "1", "memory": "1Gi"}),
    ],
)
def test_resources_of_an_old_container_fill_the_gaps(engine: Json, limits: Json) -> None:
    config = runner(resources={"limits": {"cpu": "1"}})
    (container,) = pod(engine, {"containers": TOP, "engineConfig": config})["containers"]
    assert container["resources"]["limits"] == limits


def test_a_readiness_probe_is_only_given_to_the_main_container() -> None:
    sidecar = {"name": "sidecar", "image": "b", "ports": [{"containerPort": 9}]}
    first, last = pod({"containers": [sidecar], **runner()})["containers"]
    assert (first["name"], "readinessProbe" in first) == ("sidecar", False)
    assert last["readinessProbe"]["tcpSocket"] == {"port": 8080}


# Services.


def test_ports_keep_names_and_protocols() -> None:
    ports = [{"containerPort": 53, "protocol": "UDP"}, {"containerPort": 80, "name": "web"}]
    service = rendered(runner(ports=ports))["Service/chat-engine"]
    assert service["spec"]["ports"] == [
        {"name": "port-0", "port": 53, "targetPort": 53, "protocol": "UDP"},
        {"name": "web", "port": 80, "targetPort": 80, "protocol": "TCP"},
    ]
    (single,) = rendered(runner(ports=[{"containerPort": 80}]))["Service/chat-engine"]["spec"][
        "ports"
    ]
    assert single == {"port": 80, "targetPort": 80, "protocol": "TCP"}


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("LoadBalancer", {"type": "LoadBalancer", "loadBalancerIP": "192.0.2.1"}),
        ("NodePort", {"type": "NodePort"}),
        ("ClusterIP", {"type": "ClusterIP"}),
        ("loadbalancer", {"type": "ClusterIP"}),
        ("", {"type": "ClusterIP"}),
    ],
)
def test_the_type_of_both_services(wanted: str, expected: Json) -> None:
    annotations = {"ome.io/service-type": wanted, "ome.io/load-balancer-ip": "192.0.2.1"}
    made = rendered(runner(), metadata={"annotations": annotations})
    for name in ("chat", "chat-engine"):
        spec = made[f"Service/{name}"]["spec"]
        assert {key: spec[key] for key in ("type", "loadBalancerIP") if key in spec} == expected


def test_the_fall_back_carries_cloud_annotations_only() -> None:
    kept = {"cloud.google.com/neg": "x", "service.kubernetes.io/y": "z"}
    others = {"cloud.google.com/": "bare", "team": "a", "xcloud.google.com/neg": "x"}
    made = rendered(runner(), metadata={"annotations": {**kept, **others}})
    assert made["Service/chat"]["metadata"]["annotations"] == kept


@pytest.mark.parametrize(
    ("predictor", "selector"),
    [
        (None, {"component": "engine"}),
        ({}, {"component": "engine"}),
        ({"minReplicas": 0}, {}),
        ({"model": {"baseModel": "m"}}, {}),
        ({"model": {}}, {"component": "engine"}),
        ({"tolerations": [{"operator": "Exists"}]}, {}),
    ],
)
def test_an_old_predictor_keeps_its_traffic(predictor: Json | None, selector: Json) -> None:
    made = rendered(runner(), predictor=predictor)
    expected = {"ome.io/inferenceservice": "chat", **selector}
    assert made["Service/chat"]["spec"]["selector"] == expected


def test_a_cluster_local_service_with_a_long_name_answers_at_the_cut_one() -> None:
    name = "my-really-long-inference-service-name-for-testing-limits-x"
    labels = {"networking.ome.io/visibility": "cluster-local"}
    service = {"metadata": {"name": name, "labels": labels}, "kind": "InferenceService"}
    spec = {"model": {"name": "m"}, "engine": runner()}
    model = {
        "kind": "ClusterBaseModel",
        "metadata": {"name": "m"},
        "spec": {"storage": {"storageUri": "hf://a/b"}},
    }
    made = plan(inputs([{**service, "spec": spec}, model]))
    cut = "a964cb01-ong-inference-service-name-for-testing-limits-x-engine"
    assert made.exposed is not None
    exposure = expose(made.exposed, {})
    assert exposure.url == f"http://{cut}.demo.svc.cluster.local:8080"
    assert (exposure.objects, exposure.reason) == ((), "ClusterLocal")


# Batch schedulers.

QUEUE, DEDICATED = "ome.io/volcano-queue", "ome.io/dedicated-ai-cluster"


@pytest.mark.parametrize(
    ("annotations", "labels"),
    [
        ({}, {}),
        ({"kueue-enabled": "true"}, {}),
        ({QUEUE: "q", DEDICATED: "d"}, {"volcano.sh/queue-name": "q"}),
        (
            {DEDICATED: "d"},
            {
                "volcano.sh/queue-name": "d",
                "ray.io/priority-class-name": "volcano-scheduling-high-priority",
            },
        ),
        (
            {DEDICATED: "d", "kueue-enabled": "true"},
            {
                "kueue.x-k8s.io/queue-name": "d",
                "kueue.x-k8s.io/priority-class": "kueue-scheduling-high-priority",
            },
        ),
        ({"volcano": ""}, {"ray.io/scheduler-name": "volcano"}),
    ],
)
def test_annotations_ask_for_a_queue(annotations: Json, labels: Json) -> None:
    assert queue_labels(annotations) == labels
