"""The Job and its pod: what they hold, and what an override makes of them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ome.workloads.benchmark import BenchmarkError, parse_benchmark_settings, service_target
from ome.workloads.errors import ConfigError
from tests.workloads.benchmark.support import (
    SETTINGS,
    URL,
    at_service,
    container,
    job,
    made,
    model,
    option,
)
from tests.workloads.benchmark.support import service as a_service

HUB = {"name": "HUGGINGFACE_API_KEY"}
SOURCE = {"secretKeyRef": {"name": "s", "key": "HUGGINGFACE_API_KEY"}}


def pod(document: dict[str, Any]) -> dict[str, Any]:
    return dict(document["spec"]["template"]["spec"])


def changed(**override: Any) -> dict[str, Any]:
    """The Job of a service with a Secret of the hub, under an override."""
    spec = job(huggingFaceSecretReference={"name": "s"}, podOverride=override)
    return made(spec, at_service())


def test_the_job_of_a_url() -> None:
    document = made(job())
    assert document["metadata"] == {
        "name": "bench",
        "namespace": "team",
        "labels": {"benchmark": "bench"},
        "annotations": {"logging-forward": "true"},
        "ownerReferences": [
            {
                "apiVersion": "ome.io/v1beta1",
                "kind": "BenchmarkJob",
                "name": "bench",
                "uid": "u-1",
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ],
    }
    assert document["spec"].keys() == {"backoffLimit", "template"}
    assert document["spec"]["backoffLimit"] == 0
    assert document["spec"]["template"]["metadata"]["labels"] == {"benchmark": "bench"}
    assert pod(document).keys() == {"containers", "tolerations", "restartPolicy"}
    assert pod(document)["tolerations"] == [
        {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
    ]
    found = container(document)
    assert (found["name"], found["image"], found["command"]) == (
        "bench",
        "image:1",
        ["genai-bench"],
    )
    assert found["env"] == [{"name": "ENABLE_UI", "value": "false"}]
    assert found["resources"] == SETTINGS.resources()
    assert "volumeMounts" not in found


def test_the_job_of_a_service_sees_the_model() -> None:
    where = {"storageUri": "pvc://c/r"}
    document = made(
        job(huggingFaceSecretReference={"name": "s"}, outputLocation=where), at_service()
    )
    names = [volume["name"] for volume in pod(document)["volumes"]]
    assert names == ["llama", "benchmark-output-storage"]
    assert pod(document)["volumes"][0] == {"name": "llama", "hostPath": {"path": "/raid/llama"}}
    mounts = container(document)["volumeMounts"]
    assert mounts[0] == {"name": "llama", "mountPath": "/raid/llama", "readOnly": True}
    assert mounts[1]["name"] == "benchmark-output-storage"
    assert pod(document)["nodeSelector"] == {
        "models.ome.io/clusterbasemodel.llama": "Ready",
    }
    assert container(document)["env"] == [
        {"name": "ENABLE_UI", "value": "false"},
        {**HUB, "valueFrom": SOURCE},
        {"name": "MODEL_PATH", "value": "/raid/llama"},
    ]


def test_names_claims_and_namespaces_of_models() -> None:
    target = service_target(a_service(), model("a.b", "serving"), "serving")
    assert target.node_selector == {"models.ome.io/serving.basemodel.a.b": "Ready"}
    assert target.mount is not None
    assert target.mount.volume["name"] == "a-b"
    on_claim = model("m", "serving", storageUri="pvc://c/x/y", path="")
    target = service_target(a_service(), on_claim, "serving")
    assert target.node_selector is None
    assert target.tokenizer == "/opt/ml/model"
    (mount,) = container(made(job(), target))["volumeMounts"]
    assert mount == {
        "name": "m",
        "mountPath": "/opt/ml/model",
        "readOnly": True,
        "subPath": "x/y",
    }
    assert "nodeSelector" not in pod(made(job(), target))
    with pytest.raises(BenchmarkError, match="claim is in namespace serving, not team"):
        service_target(a_service(), on_claim, "team")


def test_an_empty_secret_name_adds_nothing() -> None:
    document = made(job(huggingFaceSecretReference={"name": ""}))
    assert [item["name"] for item in container(document)["env"]] == ["ENABLE_UI"]


def test_credentials_of_the_results_come_from_their_secret() -> None:
    document = made(job(outputLocation={"storageUri": "s3://b", "key": "creds"}))
    assert container(document)["envFrom"] == [{"secretRef": {"name": "creds"}}]


def test_the_key_of_a_url_comes_from_its_secret_and_is_no_argument() -> None:
    url = {"url": "https://h/v1", "apiFormat": "openai", "tokenizer": "/mnt/t"}
    document = made(job(endpoint={"endpoint": {**url, "apiKeySecretReference": {"name": "k"}}}))
    found = container(document)
    assert found["env"] == [
        {"name": "ENABLE_UI", "value": "false"},
        {
            "name": "MODEL_API_KEY",
            "valueFrom": {"secretKeyRef": {"name": "k", "key": "MODEL_API_KEY"}},
        },
    ]
    words = found["args"]
    assert words[words.index("--api-key") + 1] == "$(MODEL_API_KEY)"
    assert words.index("--api-key") < words.index("--model-tokenizer")
    assert words[words.index("--model-tokenizer") + 1] == "/mnt/t"


def test_a_key_of_the_override_takes_the_place_of_the_others() -> None:
    secret = {"secretKeyRef": {"name": "real", "key": "token"}}
    override = {"env": [{"name": "MODEL_API_KEY", "valueFrom": secret}]}
    named = {**URL, "apiKeySecretReference": {"name": "k"}}
    for document in (
        made(job(podOverride=override), at_service()),
        made(job(podOverride=override)),
        made(job(podOverride=override, endpoint={"endpoint": named})),
    ):
        found = container(document)
        assert option(found["args"], "--api-key") == ["$(MODEL_API_KEY)"]
        held = [item for item in found["env"] if item["name"] == "MODEL_API_KEY"]
        assert held == [{"name": "MODEL_API_KEY", "valueFrom": secret}]
    other = {"env": [{"name": "OTHER", "value": "x"}]}
    found = container(made(job(podOverride=other), at_service()))
    assert option(found["args"], "--api-key") == ["sample-key"]


def test_an_empty_override_changes_the_name_only() -> None:
    plain, empty = made(job(), at_service()), made(job(podOverride={}), at_service())
    assert container(empty)["name"] == "genai-bench"
    renamed = {**container(empty), "name": "bench"}
    assert renamed == container(plain)
    assert {**pod(empty), "containers": []} == {**pod(plain), "containers": []}


@pytest.mark.parametrize(
    ("override", "order"),
    [
        (["FOO"], ["FOO", "ENABLE_UI", "HUGGINGFACE_API_KEY", "MODEL_PATH"]),
        (
            ["HUGGINGFACE_API_KEY", "BAR"],
            ["ENABLE_UI", "HUGGINGFACE_API_KEY", "BAR", "MODEL_PATH"],
        ),
        (
            ["MODEL_PATH", "A", "ENABLE_UI"],
            ["HUGGINGFACE_API_KEY", "MODEL_PATH", "A", "ENABLE_UI"],
        ),
    ],
)
def test_the_order_of_merged_variables(override: list[str], order: list[str]) -> None:
    document = changed(env=[{"name": name, "value": "x"} for name in override])
    found = [item["name"] for item in container(document)["env"]]
    assert found == order


NAMES = ("ENABLE_UI", "HUGGINGFACE_API_KEY", "MODEL_PATH")


def by_the_rule(base: tuple[str, ...], override: list[str]) -> list[str]:
    """The order as it is told to users, word for word."""
    right, left = list(override), [name for name in base if name not in override]
    merged = []
    while right and left:
        both = right[0] in base and left[0] in base
        earlier = both and base.index(left[0]) < base.index(right[0])
        merged.append((left if earlier else right).pop(0))
    return merged + right + left


@given(st.lists(st.sampled_from((*NAMES, "A", "B", "C")), unique=True))
def test_the_order_is_that_of_the_rule(override: list[str]) -> None:
    document = changed(env=[{"name": name, "value": "x"} for name in override])
    found = [item["name"] for item in container(document)["env"]]
    assert found == by_the_rule(NAMES, override)


def test_another_source_takes_the_place_of_the_former() -> None:
    env = container(changed(env=[{**HUB, "value": "literal"}]))["env"]
    assert {**HUB, "value": "literal"} in env
    claim = {"persistentVolumeClaim": {"claimName": "c"}}
    document = changed(volumes=[{"name": "llama", **claim}])
    assert pod(document)["volumes"] == [{"name": "llama", **claim}]


def test_resources_are_merged_by_name() -> None:
    found = container(changed(resources={"limits": {"cpu": "4"}}))["resources"]
    assert found == {
        "requests": {"cpu": "2", "memory": "2Gi"},
        "limits": {"cpu": "4", "memory": "2Gi"},
    }
    lowered = container(changed(resources={"limits": {"memory": "1Gi"}}))["resources"]
    assert lowered["requests"] == {"cpu": "2", "memory": "1Gi"}
    for odd in ("1e1000", "1e1.5"):  # which the schema takes, and no Job
        kept = container(changed(resources={"limits": {"memory": odd}}))["resources"]
        assert kept["requests"]["memory"] == "2Gi"
    both = {"limits": {"memory": "1Gi"}, "requests": {"memory": "2Gi"}}
    assert container(changed(resources=both))["resources"]["requests"]["memory"] == "2Gi"


def test_what_else_an_override_changes() -> None:
    affinity: dict[str, Any] = {"podAffinity": {}}
    document = changed(
        image="other:2",
        envFrom=[{"secretRef": {"name": "mine"}}],
        nodeSelector={"zone": "a"},
        tolerations=[{"key": "k", "operator": "Exists"}],
        affinity=affinity,
        volumes=[{"name": "v", "emptyDir": {}}],
        volumeMounts=[{"name": "v", "mountPath": "/v"}, {"name": "v", "mountPath": "/w"}],
        serviceAccountName="sa",
        imagePullSecrets=[{"name": "pull"}],
        securityContext={"runAsUser": 1},
        priorityClassName="low",
        activeDeadlineSeconds=60,
        ttlSecondsAfterFinished=600,
    )
    found, spec = container(document), pod(document)
    assert found["image"] == "other:2"
    assert found["envFrom"] == [{"secretRef": {"name": "mine"}}]
    assert [item["mountPath"] for item in found["volumeMounts"]] == ["/v", "/w", "/raid/llama"]
    assert spec["nodeSelector"] == {"models.ome.io/clusterbasemodel.llama": "Ready", "zone": "a"}
    assert spec["tolerations"] == [{"key": "k", "operator": "Exists"}]
    assert spec["affinity"] == affinity
    assert [item["name"] for item in spec["volumes"]] == ["v", "llama"]
    assert spec["serviceAccountName"] == "sa"
    assert spec["imagePullSecrets"] == [{"name": "pull"}]
    assert spec["securityContext"] == {"runAsUser": 1}
    assert spec["priorityClassName"] == "low"
    assert spec["restartPolicy"] == "Never"
    assert document["spec"]["activeDeadlineSeconds"] == 60
    assert "ttlSecondsAfterFinished" not in document["spec"], "it is put on at the end"


def test_an_empty_list_of_tolerations_keeps_ours() -> None:
    assert pod(changed(tolerations=[]))["tolerations"][0]["key"] == "nvidia.com/gpu"


GOOD = (
    '{"podConfig": {"image": "i", "cpuRequest": "2", "memoryRequest": "2Gi", "cpuLimit": "2",'
    ' "memoryLimit": "3Gi"}}'
)


def test_the_operators_settings() -> None:
    found = parse_benchmark_settings({"benchmarkjob": GOOD}, "ome")
    assert (found.image, found.memory_limit) == ("i", "3Gi")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (None, "ConfigMap ome/benchmarkjob-config not found"),
        ({}, "key benchmarkjob is missing"),
        ({"benchmarkjob": "{"}, "unable to unmarshall benchmarkjob json string due to"),
        ({"benchmarkjob": "[]"}, "podConfig must be a JSON object"),
        ({"benchmarkjob": '{"podConfig": {}}'}, r"podConfig\.image is required"),
        ({"benchmarkjob": GOOD.replace('"2Gi"', '"x"')}, r"podConfig\.memoryRequest 'x' is no"),
        (
            {"benchmarkjob": GOOD.replace(', "memoryLimit": "3Gi"', "")},
            r"podConfig\.memoryLimit is required",
        ),
    ],
)
def test_bad_settings_name_map_key_and_field(data: dict[str, str] | None, text: str) -> None:
    with pytest.raises(ConfigError, match=text) as raised:
        parse_benchmark_settings(data, "ome")
    assert "benchmarkjob-config" in str(raised.value)
