"""A component on many nodes: groups of a leader and its workers."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from ome.workloads import RenderError, contested_names, plan
from ome.workloads.contested import workload_set_name
from tests.workloads.support import by_name, documents, inputs

Json = dict[str, Any]
GPU = {"limits": {"nvidia.com/gpu": "8"}}
RUNNER: Json = {"name": "ome-container", "image": "a"}
WORKER: Json = {"size": 1, "runner": RUNNER}
LWS = "LeaderWorkerSet/lws-chat-engine"


def rendered(engine: Json, runtime: Json | None = None, **metadata: Any) -> dict[str, Json]:
    return by_name(plan(inputs(documents({"engine": engine}, metadata, runtime=runtime))))


def group(engine: Json, runtime: Json | None = None, **metadata: Any) -> Json:
    """The template of a group: leaders, workers, size."""
    made: Json = rendered(engine, runtime, **metadata)[LWS]["spec"]["leaderWorkerTemplate"]
    return made


def containers(template: Json) -> list[Json]:
    found: list[Json] = template["spec"]["containers"]
    return found


def variables(template: Json) -> dict[str, str]:
    return {item["name"]: item["value"] for item in containers(template)[0].get("env", [])}


@pytest.mark.parametrize(
    ("size", "expected"), [({"size": 3}, 4), ({"size": 0}, 1), ({}, 1), ({"size": None}, 1)]
)
def test_a_group_is_a_leader_and_its_workers(size: Json, expected: int) -> None:
    assert group({"leader": {"runner": RUNNER}, "worker": {"runner": RUNNER, **size}})["size"] == (
        expected
    )


def test_sizes_of_service_and_runtime_merge() -> None:
    runtime = {"engineConfig": {"leader": {"runner": RUNNER}, "worker": WORKER}}
    made = group({"worker": {"size": 3}}, runtime)
    assert made["size"] == 4
    assert containers(made["workerTemplate"])[0]["image"] == "a"


@pytest.mark.parametrize(
    ("replicas", "expected"), [({}, 1), ({"minReplicas": 0}, 0), ({"minReplicas": 3}, 3)]
)
def test_replicas_are_those_asked_for(replicas: Json, expected: int) -> None:
    made = rendered({"leader": {"runner": RUNNER}, "maxReplicas": 9, **replicas})
    assert made[LWS]["spec"]["replicas"] == expected


def test_without_workers_a_group_is_its_leader_alone() -> None:
    made = group({"leader": {"runner": RUNNER}})
    assert made["size"] == 1
    assert made["workerTemplate"]["spec"] == made["leaderTemplate"]["spec"]


def test_a_leader_inherits_nothing_from_its_component() -> None:
    engine = {
        "runner": {**RUNNER, "image": "component"},
        "tolerations": [{"operator": "Exists"}],
        "leader": {"runner": RUNNER},
        "worker": WORKER,
    }
    leader = group(engine)["leaderTemplate"]["spec"]
    assert "tolerations" not in leader
    assert [item["image"] for item in leader["containers"]] == ["a"]


def test_workers_need_containers_of_their_own() -> None:
    for mode in ("MultiNode", "RawDeployment", "Serverless", "MultiNodeRayVLLM"):
        engine = {"runner": RUNNER, "worker": {"size": 1}}
        with pytest.raises(RenderError) as raised:
            rendered({**engine, "annotations": {"ome.io/deploymentMode": mode}})
        text = str(raised.value)
        assert "failed to reconcile worker pod spec: no containers found in worker pod spec" in text
        assert "set spec.engine.worker.runner" in text


def test_leaders_serve_and_workers_are_found_by_nobody() -> None:
    annotations = {f"prometheus.io/{key}": "x" for key in ("path", "port", "scrape", "other")}
    made = group({"leader": {"runner": RUNNER}, "worker": WORKER}, annotations=annotations)
    leader, worker = made["leaderTemplate"]["metadata"], made["workerTemplate"]["metadata"]
    assert (leader["labels"]["app"], leader["labels"]["ray.io/node-type"]) == (
        "chat-engine",
        "head",
    )
    assert not {"app", "ray.io/node-type"} & worker["labels"].keys()
    assert annotations.items() <= leader["annotations"].items()
    assert [key for key in worker["annotations"] if key in annotations] == ["prometheus.io/other"]
    for described in (leader, worker):
        assert (described["name"], described["namespace"]) == ("chat-engine", "demo")
        assert described["labels"]["ome.io/inferenceservice"] == "chat"


def test_scheduling_labels_are_on_pods_only() -> None:
    made = rendered(
        {"leader": {"runner": RUNNER}, "worker": WORKER}, annotations={"ome.io/volcano-queue": "q"}
    )
    queue, app = "volcano.sh/queue-name", "app"
    template = made[LWS]["spec"]["leaderWorkerTemplate"]
    for name in ("leaderTemplate", "workerTemplate"):
        assert template[name]["metadata"]["labels"][queue] == "q"
    for item in made.values():
        assert not {queue, app} & (item["metadata"].get("labels") or {}).keys()


def test_the_service_leads_to_leaders_and_their_budget_counts_them() -> None:
    made = rendered({"leader": {"runner": RUNNER}, "worker": WORKER, "minAvailable": "50%"})
    assert made["Service/chat-engine"]["spec"]["selector"] == {
        "ome.io/inferenceservice": "chat",
        "component": "engine",
        "ray.io/node-type": "head",
    }
    assert made["PodDisruptionBudget/chat-engine"]["spec"] == {
        "selector": {"matchLabels": {"app": "chat-engine"}},
        "minAvailable": "50%",
    }
    assert "HorizontalPodAutoscaler/chat-engine" not in made


def test_no_probe_is_made_up_for_pods_of_a_group() -> None:
    made = group({"leader": {"runner": RUNNER}, "worker": WORKER})
    for name in ("leaderTemplate", "workerTemplate"):
        assert "readinessProbe" not in containers(made[name])[0]
        assert made[name]["spec"]["terminationGracePeriodSeconds"] == 30
        assert containers(made[name])[0]["imagePullPolicy"] == "IfNotPresent"


def test_leader_and_worker_count_their_own_gpus() -> None:
    made = group(
        {
            "leader": {"runner": {**RUNNER, "resources": GPU}},
            "worker": {
                "size": 2,
                "runner": {**RUNNER, "resources": {"limits": {"nvidia.com/gpu": 4}}},
            },
        }
    )
    assert variables(made["leaderTemplate"])["PARALLELISM_SIZE"] == "24"
    assert variables(made["workerTemplate"])["PARALLELISM_SIZE"] == "12"


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ({"leader": {"containers": [RUNNER]}}, "24"),
        ({"runner": RUNNER}, "24"),
        ({"containers": [RUNNER]}, "16"),
    ],
)
def test_a_decoder_counts_its_leader_where_it_has_one(block: Json, expected: str) -> None:
    worker = {"size": 2, "runner": {**RUNNER, "resources": GPU}}
    spec = {"engine": {"runner": RUNNER}, "decoder": {**block, "worker": worker}}
    made = by_name(plan(inputs(documents(spec))))["LeaderWorkerSet/lws-chat-decoder"]
    template = made["spec"]["leaderWorkerTemplate"]["workerTemplate"]
    assert variables(template)["PARALLELISM_SIZE"] == expected


# Autoscaling: groups are moved through the scale subresource of their set, when that is asked for.

CLASS = "ome.io/autoscalerClass"
ENGINE: Json = {"leader": {"runner": RUNNER}, "worker": WORKER, "minReplicas": 2, "maxReplicas": 6}
TARGET = {"apiVersion": "leaderworkerset.x-k8s.io/v1", "kind": "LeaderWorkerSet"}


@pytest.mark.parametrize(
    ("engine", "annotations", "kind"),
    [
        ({}, {}, None),
        ({}, {CLASS: "external"}, None),
        ({}, {CLASS: "hpa"}, "HorizontalPodAutoscaler/chat-engine"),
        ({}, {CLASS: "keda"}, "ScaledObject/scaledobject-chat-engine"),
        ({"kedaConfig": {"enableKeda": True}}, {}, "ScaledObject/scaledobject-chat-engine"),
        ({"annotations": {CLASS: "hpa"}}, {CLASS: "keda"}, "HorizontalPodAutoscaler/chat-engine"),
        ({"annotations": {CLASS: "external"}}, {CLASS: "keda"}, None),
    ],
)
def test_groups_are_scaled_by_what_was_asked_for(
    engine: Json, annotations: dict[str, str], kind: str | None
) -> None:
    made = rendered({**ENGINE, **engine}, annotations=annotations)
    scalers = [name for name in made if name.startswith(("Horizontal", "ScaledObject"))]
    assert scalers == ([] if kind is None else [kind])
    if not engine and not annotations:
        assert made[LWS]["spec"]["replicas"] == 2
        return
    assert "replicas" not in made[LWS]["spec"]
    assert made[LWS]["metadata"]["annotations"]["ome.io/asked-replicas"] == "2"
    if kind is None:
        return
    scaler = made[kind]
    assert scaler["spec"]["scaleTargetRef"] == {**TARGET, "name": "lws-chat-engine"}
    assert 2 in (scaler["spec"].get("minReplicas"), scaler["spec"].get("minReplicaCount"))
    assert 6 in (scaler["spec"].get("maxReplicas"), scaler["spec"].get("maxReplicaCount"))
    assert "app" not in scaler["metadata"]["labels"]


def test_a_decoder_of_groups_is_scaled_too() -> None:
    decoder = {"decoder": {**ENGINE, "annotations": {CLASS: "hpa"}}}
    made = by_name(plan(inputs(documents({"engine": {"runner": RUNNER}, **decoder}))))
    targets = {
        name: item["spec"]["scaleTargetRef"]["name"]
        for name, item in made.items()
        if item["kind"] == "HorizontalPodAutoscaler"
    }
    assert targets == {
        "HorizontalPodAutoscaler/chat-engine": "chat-engine",
        "HorizontalPodAutoscaler/chat-decoder": "lws-chat-decoder",
    }


def test_the_scaler_of_a_set_follows_its_name() -> None:
    held = inputs(documents({"engine": ENGINE}, {"name": TWINS[0], "annotations": {CLASS: "hpa"}}))
    short = workload_set_name(f"{TWINS[0]}-engine")
    taken = dataclasses.replace(held, taken=frozenset({("LeaderWorkerSet", short)}))
    made = by_name(plan(taken))
    other = workload_set_name(f"{TWINS[0]}-engine", taken=True)
    scaler = made[f"HorizontalPodAutoscaler/{TWINS[0]}-engine"]
    assert scaler["spec"]["scaleTargetRef"]["name"] == other


def test_groups_at_zero_have_bounds_of_one_when_they_are_scaled() -> None:
    made = rendered({**ENGINE, "minReplicas": 0}, annotations={CLASS: "hpa"})
    scaler = made["HorizontalPodAutoscaler/chat-engine"]["spec"]
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (1, 6)


def test_an_unknown_class_is_refused_for_groups_too() -> None:
    with pytest.raises(RenderError, match="unknown autoscaler class type: vpa; set annotation"):
        rendered(ENGINE, annotations={CLASS: "vpa"})


# Where a pod may run: its own block goes before its component's.


@pytest.mark.parametrize(
    ("component", "part", "expected"),
    [
        ({}, {}, {"rack": "config", "pool": "runtime"}),
        ({"rack": "component"}, {}, {"rack": "component", "pool": "runtime"}),
        ({"rack": "component"}, {"rack": "part"}, {"rack": "part", "pool": "runtime"}),
        ({}, {"pool": "part"}, {"rack": "config", "pool": "part"}),
    ],
)
@pytest.mark.parametrize("name", ["leader", "worker"])
def test_the_selector_of_a_part(name: str, component: Json, part: Json, expected: Json) -> None:
    block = {"runner": RUNNER, "nodeSelector": {"rack": "config"}}
    runtime = {
        "nodeSelector": {"pool": "runtime"},
        "engineConfig": {"leader": block, "worker": {**block, "size": 1}},
    }
    made = group({"nodeSelector": component, name: {"nodeSelector": part}}, runtime)
    selector = made[f"{name}Template"]["spec"]["nodeSelector"]
    assert selector == {"models.ome.io/clusterbasemodel.m": "Ready", **expected}


# Names.

TWINS = [f"team-{letter}-assistant-llama-3-3-70b-instruct-product-line" for letter in "ab"]


def test_a_set_has_the_tail_of_its_components_name() -> None:
    assert workload_set_name("chat-engine") == "lws-chat-engine"
    names = {workload_set_name(f"{name}-engine") for name in TWINS}
    assert names == {"lws-" + f"{TWINS[0]}-engine"[-50:]}
    assert {len(name) for name in names} == {54}


def test_a_taken_tail_is_replaced_by_a_hash_of_the_same_length() -> None:
    names = {workload_set_name(f"{name}-engine", taken=True) for name in TWINS}
    assert len(names) == 2
    assert {len(name) for name in names} == {54}
    assert {name[-20:] for name in names} == {"-product-line-engine"}


def test_a_plan_uses_the_other_name_where_it_must() -> None:
    held = inputs(documents({"engine": {"leader": {"runner": RUNNER}}}, {"name": TWINS[0]}))
    short = workload_set_name(f"{TWINS[0]}-engine")
    assert ("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet", short) in contested_names(TWINS[0])
    (before,) = plan(held).components[0].workloads
    taken = dataclasses.replace(held, taken=frozenset({("LeaderWorkerSet", short)}))
    (after,) = plan(taken).components[0].workloads
    assert (before.name, after.name) == (
        short,
        workload_set_name(f"{TWINS[0]}-engine", taken=True),
    )


@pytest.mark.parametrize(
    ("length", "kinds"),
    [
        (20, []),
        (21, ["ConfigMap"]),
        (42, ["ConfigMap"]),
        (43, ["ConfigMap", "ScaledObject", "LeaderWorkerSet"]),
        (44, ["ConfigMap", *["ScaledObject", "LeaderWorkerSet"] * 2, "ScaledObject"]),
    ],
)
def test_only_names_that_are_cut_are_contested(length: int, kinds: list[str]) -> None:
    assert [kind for _, kind, _ in contested_names("x" * length)] == kinds


def test_labels_of_long_names_are_cut_alike() -> None:
    name = "customer-support-assistant-llama-3-3-70b-instruct-product-a"
    made = by_name(
        plan(inputs(documents({"engine": {"leader": {"runner": RUNNER}}}, {"name": name})))
    )
    cut = "a6bded70-port-assistant-llama-3-3-70b-instruct-product-a-engine"
    (sets,) = [item for key, item in made.items() if key.startswith("LeaderWorkerSet/")]
    leader = sets["spec"]["leaderWorkerTemplate"]["leaderTemplate"]
    assert leader["metadata"]["labels"]["app"] == cut
    assert f"Service/{cut}" in made
    budget = made[f"PodDisruptionBudget/{name}-engine"]
    assert budget["spec"]["selector"] == {"matchLabels": {"app": cut}}
