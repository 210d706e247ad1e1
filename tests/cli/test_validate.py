"""``ome validate``: one line for each problem with its place, and an honest exit code."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import pytest

from tests.cli.manifests import MODEL, SERVICE, said, written

if TYPE_CHECKING:
    from pathlib import Path

    Capture = pytest.CaptureFixture[str]

RUNTIME = """\
apiVersion: ome.io/v1beta1
kind: ClusterServingRuntime
metadata: {name: srt}
spec:
  supportedModelFormats:
  - modelFormat: {name: safetensors}
    modelFramework: {name: transformers}
    autoSelect: true
"""


def test_what_is_right_is_quiet(tmp_path: Path, capsys: Capture) -> None:
    named = SERVICE.replace("engine: {}", "engine: {}\n  runtime: {name: srt}")
    file = written(tmp_path, "---\n".join([MODEL, RUNTIME, named]))
    code, lines, err = said(capsys, "-f", file, "--self-contained", "--strict")
    assert (code, lines) == (0, [])
    assert err == "3 objects checked: 0 errors, 0 warnings\n"


# What is put under the service's spec, and the line that is said of it.
FINDINGS: list[tuple[str, str]] = [
    ("runtimes: {name: a}", "7 InferenceService/chat spec.runtimes: unknown field; did you mean"),
    (
        "router: {minReplicas: '1'}",
        "7 InferenceService/chat spec.router.minReplicas: '1' is no integer; write it without",
    ),
    (
        "router: {labels: {a: true}}",
        '7 InferenceService/chat spec.router.labels.a: true is no string; put it in quotes: "true"',
    ),
    (
        "router:\n    runner:\n      image: a\n      env:\n      - {name: A, valeu: b}",
        "11 InferenceService/chat spec.router.runner.env[0].valeu: unknown field; did you mean",
    ),
    (
        "router:\n    scaleMetric: cpus",
        "8 InferenceService/chat spec.router.scaleMetric: 'cpus' is not one of cpu, memory,",
    ),
    (
        "router:\n    timeoutSeconds: 99999999999999999999",
        "8 InferenceService/chat spec.router.timeoutSeconds: 99999999999999999999 must be at most",
    ),
    (
        "router:\n    volumes: [{name: a}, {name: a}]",
        "8 InferenceService/chat spec.router.volumes[1]: name a is there twice",
    ),
    (
        "router: {}\n  router: {minReplicas: 1}",
        "8 InferenceService/chat spec.router: is written twice, and only the last one counts",
    ),
    (
        "router:\n    leader: {}",
        "8 InferenceService/chat spec.router.leader: unknown field",
    ),
    ("runtime: {kind: a}", "7 InferenceService/chat spec.runtime: name is required; add it"),
    (
        "router:\n    minReplicas: 4\n    maxReplicas: 3",
        "9 InferenceService/chat spec.router.maxReplicas: warning: 3 is below minReplicas 4",
    ),
]


@pytest.mark.parametrize(("given", "line"), FINDINGS)
def test_findings(tmp_path: Path, capsys: Capture, given: str, line: str) -> None:
    file = written(tmp_path, f"{SERVICE}  {given}\n---\n{MODEL}---\n{RUNTIME}")
    code, lines, _ = said(capsys, "-f", file)
    (found,) = [text for text in lines if "auto-selected" not in text]
    assert found.startswith(f"{file}:{line}")
    assert code == (0 if "warning" in line else 1)


REFUSED = """\
# A remark before everything.
apiVersion: ome.io/v1beta1
kind: InferenceService
metadata:
  name: chat
  annotations:
    ome.io/autoscalerClass: HPA
    ome.io/metrics: 5
spec:
  engine:
    minReplicas: "x"
  decoder: {}
  model: {name: llama}
---
apiVersion: ome.io/v1beta1
kind: InferenceServices
metadata: {name: x}
---
kind: BaseModel
spec: {storage: {storageUri: a}}
"""


def test_everything_is_told_in_the_order_of_the_file(tmp_path: Path, capsys: Capture) -> None:
    file = written(tmp_path, REFUSED)
    code, lines, err = said(capsys, file)
    assert code == 1
    assert [line.removeprefix(f"{file}:").partition(": ")[0] for line in lines] == [
        '7 InferenceService/chat metadata.annotations["ome.io/autoscalerClass"]',
        '8 InferenceService/chat metadata.annotations["ome.io/metrics"]',
        "11 InferenceService/chat spec.engine.minReplicas",
        "13 InferenceService/chat spec.model.name",
        "16 InferenceServices/x kind",
        "19 BaseModel/ apiVersion",
        "19 BaseModel/ metadata",
        "20 BaseModel/ spec.storage.storageUri",
    ]
    assert "did you mean InferenceService?" in lines[4]
    assert err.startswith("3 objects checked: 6 errors, 1 warning")


def placed(name: str, uri: str, path: str, selector: str = "{}") -> str:
    return f"""\
apiVersion: ome.io/v1beta1
kind: ClusterBaseModel
metadata: {{name: {name}}}
spec:
  storage: {{storageUri: {uri}, path: {path}, nodeSelector: {selector}}}
"""


@pytest.mark.parametrize(
    ("other", "said_of_it"),
    [
        (placed("b", "hf://o/b", "/raid/a/v2"), "lies in or around /raid/a, that of"),
        (placed("b", "hf://o/a", "/raid/a/v2"), "lies in or around /raid/a, that of"),
        (placed("b", "hf://o/b", "/raid"), "lies in or around /raid/a, that of"),
        (placed("b", "hf://o/b", "/raid//a/"), "is that of ClusterBaseModel a"),
        (placed("b", "hf://o/a@main", "/raid/a"), ""),
        (placed("b", "hf://o/b", "/raid/ab"), ""),
        (placed("b", "hf://o/b", "/raid/a", "{gpu: h200}"), ""),
        (placed("b", "hf://o/b", "/raid/a", "{zone: x}"), "is that of ClusterBaseModel a"),
        (placed("b", "vendor://v/models/x", "/raid/a"), ""),
        (placed("b", "local:///raid/a", "/raid/a"), ""),
        (placed("a", "hf://o/a@v2", "/raid/a"), ""),
        ("apiVersion: ome.io/v1beta1\nkind: BenchmarkJob\n", None),
        (placed("b", "hf://o/b", "/raid/a", "[x]"), None),
        (placed("b", "7", "/raid/a"), None),
    ],
)
def test_models_whose_directories_are_in_each_others_way(
    tmp_path: Path, capsys: Capture, other: str, said_of_it: str | None
) -> None:
    first = placed("a", "hf://o/a", "/raid/a", "{gpu: h100}")
    file = written(tmp_path, f"{first}---\n{other}")
    code, lines, _ = said(capsys, "-f", file)
    if said_of_it is None:  # wrong by itself, and nothing more is said
        assert (code, [line for line in lines if "that of" in line]) == (1, [])
        return
    assert (code, len(lines)) == (0, bool(said_of_it))
    for line in lines:
        assert line.startswith(f"{file}:11 ClusterBaseModel/b spec.storage.path: warning: ")
        assert said_of_it in line


def test_references_may_lead_out_of_the_files(tmp_path: Path, capsys: Capture) -> None:
    file = written(tmp_path, SERVICE)
    code, (line,), _ = said(capsys, file, "--strict")
    assert code == 0
    assert 'spec.model.name: note: referenced model "llama" not found in namespace' in line
    code, (line,), _ = said(capsys, file, "--self-contained", "--namespace", "team-a")
    assert code == 1
    assert f'{file}:5 InferenceService/chat spec.model.name: referenced model "llama"' in line
    assert 'in namespace "team-a"' in line


def test_a_problem_is_one_line_whatever_it_repeats(tmp_path: Path, capsys: Capture) -> None:
    text = """\
        apiVersion: ome.io/v1beta1
        kind: BenchmarkJob
        metadata: {name: b}
        spec:
          endpoint: {inferenceService: {name: a, namespace: b}}
          task: text-to-text
          trafficScenarios: ["D(1,\\n2)"]
          maxTimePerIteration: 1
          maxRequestsPerIteration: 1
          outputLocation: {storageUri: "s3://b"}
        """
    code, (line,), _ = said(capsys, written(tmp_path, text))
    assert code == 1
    assert "failed to validate scenario 'D(1,\\n2)'" in line


def test_what_admission_only_warns_of_may_be_in_the_cluster_too(
    tmp_path: Path, capsys: Capture
) -> None:
    text = """\
        apiVersion: ome.io/v1beta1
        kind: InferenceService
        metadata: {name: chat}
        spec:
          model: {name: llama, fineTunedWeights: [legal]}
          runtime: {name: mine}
          acceleratorSelector: {acceleratorClass: h100}
          engine: {}
        ---
        apiVersion: ome.io/v1beta1
        kind: FineTunedWeight
        metadata: {name: tone}
        spec:
          baseModelRef: {name: other}
          modelType: LoRA
          hyperParameters: {}
          storage: {storageUri: oci://n/a/b/c/o/d}
        """
    written(tmp_path, text)
    written(tmp_path, MODEL, "model.yaml")
    code, lines, _ = said(capsys, str(tmp_path), "--strict")
    assert (code, [": note: " in line for line in lines]) == (0, [True] * 4)
    code, lines, _ = said(capsys, str(tmp_path), "--self-contained")
    assert (code, [": warning: " in line for line in lines]) == (0, [True] * 4)
    assert said(capsys, str(tmp_path), "--self-contained", "--strict")[0] == 1


def test_models_and_runtimes_of_other_files_count(tmp_path: Path, capsys: Capture) -> None:
    written(tmp_path, MODEL, "models/model.yaml")
    written(tmp_path, RUNTIME, "models/runtime.yml")
    file = written(tmp_path, SERVICE)
    code, (line,), err = said(capsys, "-f", str(tmp_path), "--self-contained")
    assert code == 0
    assert line.startswith(f"{file}:1 InferenceService/chat: warning: Runtime srt will be auto-")
    assert err.startswith("3 objects checked")
    assert said(capsys, str(tmp_path), "--self-contained", "--strict")[0] == 1


def test_a_predictor_is_judged_as_it_is_migrated(tmp_path: Path, capsys: Capture) -> None:
    text = """\
        apiVersion: ome.io/v1beta1
        kind: InferenceService
        metadata: {name: chat}
        spec:
          predictor:
            minReplicas: 4
            maxReplicas: 2
            model: {baseModel: llama}
        """
    file = written(tmp_path, text)
    _, lines, _ = said(capsys, file, "-f", written(tmp_path, MODEL, "m.yaml"), "--self-contained")
    assert [line.partition(": ")[0] for line in lines] == [
        f"{file}:5 InferenceService/chat spec.runtime",
        f"{file}:5 InferenceService/chat spec.predictor",
        f"{file}:5 InferenceService/chat spec.engine.maxReplicas",
    ]
    code, lines, _ = said(capsys, file, "--self-contained")
    assert code == 1
    assert f"{file}:8 InferenceService/chat spec.predictor.model.baseModel: neither" in lines[-1]


def test_the_operators_settings_count(tmp_path: Path, capsys: Capture) -> None:
    settings = """\
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: inferenceservice-config}
        data: {deploy: '{"defaultDeploymentMode": "Fast"}'}
        ---
        """
    file = written(tmp_path, textwrap.dedent(settings) + SERVICE.replace("  engine: {}\n", ""))
    code, lines, _ = said(capsys, file)
    assert code == 1
    assert "InferenceService/chat: ConfigMap inferenceservice-config, key deploy" in lines[0]
