"""The metadata Job: its name, its shape, its image."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ome.workloads.errors import ConfigError
from ome.workloads.metadata_job import MetadataJob, agent_image, job_name, metadata_job

MADE_FOR = MetadataJob(
    kind="BaseModel",
    model_namespace="team",
    model="llama",
    uid="u-1",
    uri="pvc://claim/a/b",
    claim_namespace="team",
    claim="claim",
    sub_path="a/b",
    image="registry/ome-agent:v1",
)


def test_the_job_of_a_namespaced_model() -> None:
    job = metadata_job(MADE_FOR)
    name = job_name("BaseModel", "team", "llama", "pvc://claim/a/b")
    assert (job["metadata"]["name"], job["metadata"]["namespace"]) == (name, "team")
    assert name.startswith("llama-metadata-")
    assert job["metadata"]["labels"] == {
        "app.kubernetes.io/managed-by": "ome",
        "ome.io/model-metadata": "true",
        "ome.io/model-kind": "BaseModel",
        "ome.io/model": "llama",
    }
    owner = job["metadata"]["ownerReferences"][0]
    assert (owner["kind"], owner["uid"], owner["controller"]) == ("BaseModel", "u-1", True)
    spec = job["spec"]
    assert (spec["backoffLimit"], spec["activeDeadlineSeconds"]) == (2, 600)
    assert spec["ttlSecondsAfterFinished"] == 3600
    pod = spec["template"]["spec"]
    assert pod["restartPolicy"] == "Never"
    assert pod["automountServiceAccountToken"] is False
    assert pod["volumes"] == [
        {"name": "model", "persistentVolumeClaim": {"claimName": "claim", "readOnly": True}}
    ]
    (container,) = pod["containers"]
    assert (container["name"], container["image"]) == ("model-metadata", "registry/ome-agent:v1")
    assert container["volumeMounts"] == [
        {"name": "model", "mountPath": "/mnt/model", "readOnly": True, "subPath": "a/b"}
    ]
    assert container["resources"] == {
        "requests": {"cpu": "100m", "memory": "256Mi"},
        "limits": {"cpu": "1", "memory": "1Gi"},
    }
    assert (
        container["args"]
        == (
            "model-metadata --config /ome-agent.yaml --model-path /mnt/model --basemodel-name llama"
            " --basemodel-namespace team --report"
        ).split()
    )


def test_a_model_at_cluster_scope_says_so() -> None:
    made_for = replace(MADE_FOR, kind="ClusterBaseModel", model_namespace="")
    (container,) = metadata_job(made_for)["spec"]["template"]["spec"]["containers"]
    assert container["args"][-2:] == ["--cluster-scoped", "--report"]
    assert "--basemodel-namespace" not in container["args"]


def test_names_fit_and_differ() -> None:
    long = "m" * 44 + "." + "x" * 200
    names = {
        job_name(kind, namespace, name, uri)
        for kind, namespace in (("BaseModel", "a"), ("BaseModel", "b"), ("ClusterBaseModel", ""))
        for name in ("llama", long)
        for uri in ("pvc://c/a", "pvc://c/b")
    }
    assert len(names) == 12
    assert all(len(name) <= 63 for name in names)
    assert not any(".-" in name for name in names)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        (None, "no image"),
        ({}, "no image"),
        ({"modelInit": "{}"}, "no image"),
        ({"modelInit": '{"image": ""}'}, "no image"),
        ({"modelInit": "[]"}, "no image"),
        ({"modelInit": "{"}, "not JSON"),
        ({"modelInit": "[" * 5000}, "not JSON: it is nested too deeply"),
    ],
)
def test_without_an_image_the_text_says_where_to_set_it(
    settings: dict[str, str] | None, text: str
) -> None:
    with pytest.raises(ConfigError, match=text) as raised:
        agent_image(settings)
    assert "modelInit of ConfigMap inferenceservice-config" in str(raised.value)


def test_the_image() -> None:
    assert agent_image({"modelInit": '{"image": "a:1", "authType": "x"}'}) == "a:1"
