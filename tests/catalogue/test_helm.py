"""The chart as Helm renders it: the generator's objects, under the values an administrator sets.

Run by `hack/test --control-plane`, which brings helm.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from hack.control_plane import layout
from hack.model_catalogue.chart import CHART
from tests.catalogue.support import Json, engine_of, known, of_kind

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.control_plane, pytest.mark.timeout(120)]


def run(
    program: str, *arguments: str, given: str | None = None
) -> subprocess.CompletedProcess[str]:
    start = layout.load(Path(os.environ["OME_CONTROL_PLANE_DIR"]))
    return subprocess.run(
        [start.program(program), *arguments],
        input=given,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env={**os.environ, "KUBECONFIG": str(start.kubeconfig)},
    )


def values(given: Json) -> tuple[str, ...]:
    """Arguments for helm; JSON needs no quoting of names."""
    return tuple(f"--set-json={key}={json.dumps(value)}" for key, value in given.items())


def rendered(given: Json) -> dict[str, Json]:
    """The chart's objects by name, without what every object of a release is labelled with."""
    done = run("helm", "template", "catalogue", str(CHART), *values(given))
    assert (done.returncode, done.stderr) == (0, "")
    found: dict[str, Json] = {}
    for item in yaml.safe_load_all(done.stdout):
        if item is None:
            continue
        labels = item["metadata"].pop("labels")
        assert labels.pop("app.kubernetes.io/part-of") == "ome-catalogue"
        assert labels.pop("app.kubernetes.io/managed-by") == "Helm"
        assert labels.pop("helm.sh/chart").startswith("ome-catalogue-")
        if labels:
            item["metadata"]["labels"] = labels
        assert item["metadata"]["name"] not in found
        found[item["metadata"]["name"]] = item
    return found


def models_of(*vendors: str) -> dict[str, Json]:
    names = {model.name for model in known().models if model.vendor in vendors}
    return {name: item for name, item in of_kind("ClusterBaseModel").items() if name in names}


RUNTIMES = of_kind("ClusterServingRuntime")
CHOICES: list[tuple[Json, dict[str, Json]]] = [
    ({}, RUNTIMES),
    ({"vendors": ["meta"]}, RUNTIMES | models_of("meta")),
    ({"vendors": ["*"]}, RUNTIMES | of_kind("ClusterBaseModel")),
    ({"vendors": ["qwen", "baai"], "runtimesFor": "none"}, models_of("qwen", "baai")),
    ({"runtimesFor": "models"}, {}),
    (
        {"engines": {"sglang": {"enabled": False}}},
        {name: item for name, item in RUNTIMES.items() if engine_of(name) == "vllm"},
    ),
]


@pytest.mark.parametrize(("given", "expected"), CHOICES, ids=[str(given) for given, _ in CHOICES])
def test_lint_and_template_are_clean(given: Json, expected: dict[str, Json]) -> None:
    linted = run("helm", "lint", "--strict", str(CHART), *values(given))
    assert linted.returncode == 0, linted.stdout + linted.stderr
    assert "[WARNING]" not in linted.stdout
    assert rendered(given) == expected


def test_runtimes_follow_the_models() -> None:
    found = rendered({"vendors": ["openai"], "runtimesFor": "models"})
    assert set(found) == {
        "gpt-oss-120b",
        "gpt-oss-20b",
        "sglang-gpt-oss-1gpu",
        "sglang-gpt-oss-4gpu",
    }


def test_single_objects_are_switched_and_changed() -> None:
    found = rendered(
        {
            "vendors": ["openai"],
            "runtimesFor": "none",
            "models": {
                "gpt-oss-120b": {"enabled": False},
                "phi-4": {
                    "enabled": True,
                    "spec": {"storage": {"downloadPolicy": "ReuseIfExists"}},
                },
            },
            "runtimes": {"vllm-phi3-1gpu": {"enabled": True, "spec": {"disabled": True}}},
        }
    )
    assert set(found) == {"gpt-oss-20b", "phi-4", "vllm-phi3-1gpu"}
    assert found["phi-4"]["spec"]["storage"] == {
        "storageUri": "hf://microsoft/phi-4",
        "downloadPolicy": "ReuseIfExists",
    }
    expected = RUNTIMES["vllm-phi3-1gpu"]
    assert found["vllm-phi3-1gpu"]["spec"] == {**expected["spec"], "disabled": True}


def test_where_models_lie() -> None:
    found = rendered(
        {
            "vendors": ["google"],
            "modelsRoot": "/mnt/data/models/",
            "modelsNodeSelector": {"pool": "gpu"},
            "huggingFace": {"secretName": "mine"},
            "runtimesFor": "none",
        }
    )
    assert found["gemma-2-2b-it"]["spec"]["storage"] == {
        "storageUri": "hf://google/gemma-2-2b-it",
        "path": "/mnt/data/models/google/gemma-2-2b-it",
        "nodeSelector": {"pool": "gpu"},
        "key": "mine",
    }


def runners(runtime: Json) -> Iterator[tuple[Json, Json]]:
    """Every pod of a runtime that runs something, with what it runs."""
    for name in ("engineConfig", "decoderConfig", "routerConfig"):
        component = runtime["spec"].get(name, {})
        for pod in (component, component.get("leader", {}), component.get("worker", {})):
            if "runner" in pod:
                yield pod, pod["runner"]


def test_the_preferred_engine_has_the_higher_priority() -> None:
    found = rendered({"preferredEngine": "vllm"})
    for name, runtime in found.items():
        wanted = 2 if engine_of(name) == "vllm" else 1
        entries = runtime["spec"]["supportedModelFormats"]
        assert {entry["priority"] for entry in entries} == {wanted}, name


def test_images_secrets_and_nodes_reach_every_pod() -> None:
    digest = "sha256:" + "0" * 64
    found = rendered(
        {
            "images": {
                "sglang": {"repository": "registry.local/sglang", "tag": digest},
                "router": {"repository": "registry.local/router", "tag": "v1"},
            },
            "global": {"imagePullSecrets": [{"name": "pull"}]},
            "runtimesNodeSelector": {"pool": "gpu"},
            "defaults": {"ibDevice": "mlx5_1", "rdmaProfile": "own"},
        }
    )
    for runtime in found.values():
        assert runtime["spec"]["nodeSelector"] == {"pool": "gpu"}
        for pod, _ in runners(runtime):
            assert pod["imagePullSecrets"] == [{"name": "pull"}]
    pair = found["sglang-deepseek-v3-2x8gpu-pd"]
    images = [runner["image"] for _, runner in runners(pair)]
    assert images == [f"registry.local/sglang@{digest}"] * 4 + ["registry.local/router:v1"]
    assert "mlx5_1" in pair["spec"]["decoderConfig"]["worker"]["runner"]["command"]
    assert pair["spec"]["engineConfig"]["annotations"]["rdma.ome.io/profile"] == "own"


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"vendors": ["metta"]}, "'meta'"),
        ({"models": {"llama-3-1-8b": {"enabled": True}}}, "llama-3-1-8b"),
        ({"runtimes": {"sglang-llama": {"enabled": True}}}, "sglang-llama"),
        ({"modelsRoot": "models"}, "modelsRoot"),
        ({"preferredEngine": "tgi"}, "preferredEngine"),
        ({"vendor": ["meta"]}, "vendor"),
        ({"images": {"sglang": {"repository": "a", "tag": ""}}}, "tag"),
    ],
)
def test_a_value_that_cannot_be_is_refused(given: Json, text: str) -> None:
    done = run("helm", "template", "catalogue", str(CHART), *values(given))
    assert done.returncode != 0
    assert "values don't meet the specifications of the schema" in done.stderr
    assert text in done.stderr


def notes(given: Json) -> str:
    # What other tests install on the same cluster meanwhile is none of its concern.
    arguments = ("install", "--dry-run=client", "--take-ownership", "catalogue", str(CHART))
    done = run("helm", *arguments, "--namespace", "ome", *values(given))
    assert done.returncode == 0, done.stderr
    return done.stdout.partition("NOTES:\n")[2]


def test_the_notes_say_what_to_do_next() -> None:
    nothing = notes({})
    assert f"{len(RUNTIMES)} runtimes and 0 models are installed." in nothing
    assert "--set 'vendors={openai}'" in nothing
    assert "zai-org" in nothing
    gated = notes({"vendors": ["meta"]})
    assert "kubectl create secret generic hf-token --namespace ome" in gated
    assert "kubectl get clusterbasemodels --watch" in gated
    free = notes({"vendors": ["qwen"], "runtimesFor": "none"})
    assert "secret" not in free
    assert "--set runtimesFor=models" in free
