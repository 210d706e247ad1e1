"""An engine on Ray: clusters, and a prober beside each."""

from __future__ import annotations

from typing import Any

import pytest

from ome.workloads import ConfigError, RenderError, parse_operator_config, plan
from ome.workloads.prober import ProberConfig
from ome.workloads.ray import ray_name
from tests.workloads.support import by_name, documents, inputs

Json = dict[str, Any]
RUNNER: Json = {"name": "ome-container", "image": "a", "ports": [{"containerPort": 8000}]}
RAY = {"ome.io/deploymentMode": "MultiNodeRayVLLM"}
CLUSTER, PROBER = "RayCluster/chat-engine-0", "Deployment/chat-engine-0-mnp"


def rendered(
    engine: Json | None = None, prober: str = "", annotations: Json | None = None, **metadata: Any
) -> dict[str, Json]:
    held = documents(
        {"engine": {"runner": RUNNER, **(engine or {})}},
        {"annotations": {**RAY, **(annotations or {})}, **metadata},
    )
    if prober:
        held.append({"kind": "ConfigMap", "data": {"multinodeProber": prober}})
    return by_name(plan(inputs(held)))


@pytest.mark.parametrize(
    ("replicas", "expected"), [({}, 1), ({"minReplicas": 0}, 0), ({"minReplicas": 3}, 3)]
)
def test_there_are_as_many_clusters_as_replicas(replicas: Json, expected: int) -> None:
    made = rendered(replicas)
    clusters = [f"RayCluster/chat-engine-{index}" for index in range(expected)]
    assert [key for key in made if key.startswith("RayCluster/")] == clusters
    assert [key for key in made if key.endswith("-mnp")] == [
        f"Deployment/chat-engine-{index}-mnp" for index in range(expected)
    ]


def test_probers_decide_and_each_selects_its_own_pods() -> None:
    held = documents({"engine": {"runner": RUNNER, "minReplicas": 2}}, {"annotations": RAY})
    made = plan(inputs(held))
    (component,) = made.components
    assert [(ref.kind, ref.name) for ref in component.workloads] == [
        ("Deployment", "chat-engine-0-mnp"),
        ("Deployment", "chat-engine-1-mnp"),
    ]
    found = by_name(made)
    selectors = []
    for index in range(2):
        deployed = found[f"Deployment/chat-engine-{index}-mnp"]["spec"]
        selector = deployed["selector"]["matchLabels"]
        assert selector.items() <= deployed["template"]["metadata"]["labels"].items()
        selectors.append(selector)
    assert selectors[0] != selectors[1]


def test_containers_stop_ray_unless_they_stop_something_else() -> None:
    own = {"preStop": {"exec": {"command": ["mine"]}}}
    made = rendered({"containers": [{"name": "side", "image": "s", "lifecycle": own}]})
    for group in (
        made[CLUSTER]["spec"]["headGroupSpec"],
        made[CLUSTER]["spec"]["workerGroupSpecs"][0],
    ):
        side, serving = group["template"]["spec"]["containers"]
        assert side["lifecycle"] == own
        assert serving["lifecycle"]["preStop"]["exec"]["command"] == [
            "/bin/bash",
            "-lc",
            "ray stop",
        ]


def test_a_leader_block_is_the_engines_pod() -> None:
    leader = {"runner": {"name": "ome-container", "image": "leads"}}
    made = rendered({"leader": leader})
    for group in (
        made[CLUSTER]["spec"]["headGroupSpec"],
        made[CLUSTER]["spec"]["workerGroupSpecs"][0],
    ):
        assert [item["image"] for item in group["template"]["spec"]["containers"]] == ["leads"]


def test_a_prober_asks_for_no_container_of_the_model_server() -> None:
    asked = {"ome.io/inject-model-init": "true", "team": "a"}
    made = rendered(annotations=asked)
    head = made[CLUSTER]["spec"]["headGroupSpec"]["template"]["metadata"]["annotations"]
    assert asked.items() <= head.items()
    prober = made[PROBER]["spec"]["template"]["metadata"]["annotations"]
    assert (prober["team"], "ome.io/inject-model-init" in prober) == ("a", False)


def test_the_prober_asks_the_head() -> None:
    (container,) = rendered()[PROBER]["spec"]["template"]["spec"]["containers"]
    endpoint = "http://chat-engine-0.demo.svc.cluster.local:8080"
    assert container["args"] == ["--vllm-endpoint", endpoint, "--addr", "0.0.0.0:8080"]


# Every port of a Service has a name where there are several.


@pytest.mark.parametrize(
    ("ports", "expected"),
    [
        ([], "chat-engine"),
        ([{"containerPort": 8000}], "port-0"),
        ([{"containerPort": 8000, "name": "api"}], "api"),
    ],
)
def test_the_ports_of_the_head_service(ports: list[Json], expected: str) -> None:
    made = rendered({"runner": {**RUNNER, "ports": ports}})
    found = made["Service/chat-engine"]["spec"]["ports"]
    assert found[0]["name"] == expected
    assert {"dashboard", "redis"} < {port["name"] for port in found}
    assert len({port["port"] for port in found}) == len(found)


# Names.


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("chat-engine-0", "chat-engine-0"),
        ("x" * 50, "x" * 50),
        ("a" + "b" * 50, "b" * 50),
        ("4-chat", "r-chat"),
        ("a4" + "b" * 49, "r" + "b" * 49),
        ("a-" + "b" * 49, "r" + "b" * 49),
    ],
)
def test_names_are_cut_as_ray_cuts_them(name: str, expected: str) -> None:
    assert ray_name(name) == expected


# The operator's settings.


def test_the_shipped_prober_holds_without_a_setting() -> None:
    config = parse_operator_config({}).prober
    assert config == ProberConfig()
    assert (config.startup_failure_threshold, config.unavailable_threshold_seconds) == (150, 600)


@pytest.mark.parametrize(
    ("text", "resources", "delay"),
    [
        ('{"image": "p"}', {"cpu": "100m", "memory": "100Mi"}, 120),
        ('{"image": "p", "cpuRequest": "", "cpuLimit": ""}', {"memory": "100Mi"}, 120),
        (
            '{"image": "p", "cpuRequest": "1", "cpuLimit": "1", "startupInitialDelaySeconds": 5}',
            {"cpu": "1", "memory": "100Mi"},
            5,
        ),
    ],
)
def test_the_prober_follows_its_settings(text: str, resources: Json, delay: int) -> None:
    (container,) = rendered(prober=text)[PROBER]["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "p"
    assert container["resources"] == {"requests": resources, "limits": resources}
    assert container["startupProbe"]["initialDelaySeconds"] == delay


def test_a_prober_without_any_quantity_asks_for_nothing() -> None:
    keys = ("cpuRequest", "cpuLimit", "memoryRequest", "memoryLimit")
    text = "{" + ", ".join(f'"{key}": ""' for key in keys) + "}"
    (container,) = rendered(prober=text)[PROBER]["spec"]["template"]["spec"]["containers"]
    assert "resources" not in container


def test_a_prober_needs_an_image() -> None:
    with pytest.raises(RenderError, match="key multinodeProber: image is required"):
        rendered(prober='{"image": ""}')


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "unable to parse multinodeProber config json"),
        ("[]", "key multinodeProber must hold a JSON object"),
        ('{"image": 1}', "key multinodeProber: image must be a string"),
        ('{"startupPeriodSeconds": "5"}', "startupPeriodSeconds must be a whole number"),
        ('{"startupPeriodSeconds": true}', "startupPeriodSeconds must be a whole number"),
    ],
)
def test_settings_that_cannot_be_read_are_named(text: str, words: str) -> None:
    with pytest.raises(ConfigError, match="multinodeProber") as raised:
        parse_operator_config({"multinodeProber": text})
    assert words in str(raised.value)
