"""A router: its configuration, its access rights, and what it does not get."""

from __future__ import annotations

from typing import Any

import pytest

from ome.workloads import plan
from tests.workloads.support import by_name, documents, inputs

Json = dict[str, Any]
RUNNER: Json = {"name": "router", "image": "r"}
ENGINE: Json = {"runner": {"image": "a"}}


def rendered(router: Json, runtime: Json | None = None, **metadata: Any) -> dict[str, Json]:
    base = None if runtime is None else {"routerConfig": runtime, "nodeSelector": {"pool": "gpu"}}
    return by_name(
        plan(inputs(documents({"engine": ENGINE, "router": router}, metadata, runtime=base)))
    )


def pod(router: Json, runtime: Json | None = None, **metadata: Any) -> Json:
    made = rendered(router, runtime, **metadata)["Deployment/chat-router"]
    spec: Json = made["spec"]["template"]["spec"]
    return spec


@pytest.mark.parametrize(
    ("env", "runtime", "own", "expected"),
    [
        ([], {}, {"B": "1", "A": "2"}, ["A=2", "B=1"]),
        (["Z=0"], {}, {"B": "1", "A": "2"}, ["Z=0", "A=2", "B=1"]),
        (["A=0", "Z=0"], {}, {"A": "2"}, ["Z=0", "A=2"]),
        ([], {"A": "runtime", "C": "3"}, {"A": "own"}, ["A=own", "C=3"]),
        (["Z=0"], {}, {}, ["Z=0"]),
        ([], {}, {"A": ""}, ["A="]),
    ],
)
def test_configuration_becomes_environment(
    env: list[str], runtime: Json, own: Json, expected: list[str]
) -> None:
    held = [dict(zip(("name", "value"), item.split("="), strict=True)) for item in env]
    (container,) = pod({"config": own}, {"config": runtime, "runner": {**RUNNER, "env": held}})[
        "containers"
    ]
    assert [f"{item['name']}={item.get('value', '')}" for item in container["env"]] == expected


def test_a_variable_with_a_source_is_replaced_whole() -> None:
    source = {"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}
    (container,) = pod({"runner": {**RUNNER, "env": [source]}, "config": {"A": "1"}})["containers"]
    assert container["env"] == [{"name": "A", "value": "1"}]


def test_a_router_has_no_model_and_runs_anywhere() -> None:
    spec = pod({"runner": {**RUNNER, "resources": {"limits": {"nvidia.com/gpu": "1"}}}}, {})
    assert not {"volumes", "nodeSelector", "affinity"} & spec.keys()
    assert not {"env", "volumeMounts"} & spec["containers"][0].keys()


def test_its_own_selector_is_kept() -> None:
    assert pod({"nodeSelector": {"a": "b"}}, {"runner": RUNNER})["nodeSelector"] == {"a": "b"}


def test_an_init_container_for_the_model_finds_its_volumes() -> None:
    annotations = {"ome.io/inject-model-init": "true"}
    spec = pod({"runner": RUNNER}, annotations=annotations)
    assert [item["name"] for item in spec["volumes"]] == ["model-empty-dir", "m"]
    assert "volumeMounts" not in spec["containers"][0]


# Access.

KINDS = ("ServiceAccount", "Role", "RoleBinding")


@pytest.mark.parametrize(
    ("own", "runtime", "account", "kinds"),
    [
        ({}, {}, "chat-router", KINDS),
        ({}, {"serviceAccountName": "theirs"}, "chat-router", KINDS),
        ({"serviceAccountName": "mine"}, {"serviceAccountName": "theirs"}, "mine", KINDS[1:]),
        ({"serviceAccountName": "chat-router"}, {}, "chat-router", KINDS),
    ],
)
@pytest.mark.parametrize("replicas", [1, 0])
def test_the_account_of_a_router(
    own: Json, runtime: Json, account: str, kinds: tuple[str, ...], replicas: int
) -> None:
    made = rendered({**own, "minReplicas": replicas}, {"runner": RUNNER, **runtime})
    workload = made["Service/chat-router"] if replicas == 0 else made["Deployment/chat-router"]
    assert workload["spec"]["template"]["spec"]["serviceAccountName"] == account
    assert tuple(key.split("/")[0] for key in made if key.split("/")[0] in KINDS) == kinds
    assert made["RoleBinding/chat-router"]["subjects"] == [
        {"kind": "ServiceAccount", "name": account, "namespace": "demo"}
    ]


def test_access_carries_labels_only_and_is_owned() -> None:
    made = rendered(
        {"runner": RUNNER}, annotations={"a": "b", "ome.io/volcano-queue": "q"}, labels={"t": "x"}
    )
    for kind in KINDS:
        described = made[f"{kind}/chat-router"]["metadata"]
        assert "annotations" not in described
        assert described["labels"]["component"] == "router"
        assert described["labels"]["t"] == "x"
        assert not {"app", "volcano.sh/queue-name"} & described["labels"].keys()
        assert described["ownerReferences"][0]["controller"] is True


def test_engines_and_decoders_have_no_account() -> None:
    spec = {"engine": ENGINE, "decoder": ENGINE}
    made = by_name(plan(inputs(documents(spec))))
    assert not [key for key in made if key.split("/")[0] in KINDS]
    for component in ("engine", "decoder"):
        template = made[f"Deployment/chat-{component}"]["spec"]["template"]
        assert "serviceAccountName" not in template["spec"]


def test_the_fall_back_leads_to_the_router() -> None:
    made = rendered({"runner": {**RUNNER, "ports": [{"containerPort": 9000}]}})
    assert made["Service/chat"]["spec"]["selector"]["component"] == "router"
    assert made["Service/chat"]["spec"]["ports"][0]["port"] == 9000
