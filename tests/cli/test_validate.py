"""``ome validate``: one line for each problem with its place, and an honest exit code."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import pytest

from ome.cli import main
from ome.cli.manifests import read

if TYPE_CHECKING:
    from pathlib import Path

    Capture = pytest.CaptureFixture[str]

MODEL = """\
apiVersion: ome.io/v1beta1
kind: ClusterBaseModel
metadata: {name: llama}
spec:
  modelFormat: {name: safetensors}
  modelFramework: {name: transformers}
  storage: {storageUri: hf://meta-llama/Llama-3.1-8B}
"""
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
SERVICE = """\
apiVersion: ome.io/v1beta1
kind: InferenceService
metadata: {name: chat}
spec:
  model: {name: llama}
  engine: {}
"""


def said(capsys: Capture, *words: str) -> tuple[int, list[str], str]:
    """Exit code, lines of standard output, standard error."""
    with pytest.raises(SystemExit) as ended:
        main(["validate", *words])
    out, err = capsys.readouterr()
    assert isinstance(ended.value.code, int)
    return ended.value.code, out.splitlines(), err


def written(folder: Path, text: str, name: str = "a.yaml") -> str:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(textwrap.dedent(text))
    return str(path)


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


def test_lists_and_other_peoples_objects(tmp_path: Path, capsys: Capture) -> None:
    text = """\
        apiVersion: v1
        kind: List
        items:
        - apiVersion: apps/v1
          kind: Deployment
        - apiVersion: ome.io/v1beta1
          kind: AcceleratorClass
          metadata: {name: a}
          spec: {discovery: {nodeSelector: {a: b}}, capabilities: {memoryGB: 80GB}}
        ---
        just: values
        ---
        - 1
        """
    file = written(tmp_path, text)
    code, (line,), err = said(capsys, file)
    assert code == 1
    assert line.startswith(f"{file}:9 AcceleratorClass/a spec.capabilities.memoryGB: '80GB' must")
    assert err.startswith("1 object checked")


def test_json_is_taken(tmp_path: Path, capsys: Capture) -> None:
    text = (
        '{\n"apiVersion": "ome.io/v1beta1", "kind": "BaseModel",\n"metadata": {"name": "a"},\n'
        '"spec": {"storage": {"storageUri": "hf://a/b"}, "maxTokens": 1.0,\n"maxtokens": 1}}'
    )
    file = written(tmp_path, text, "a.json")
    code, (line,), _ = said(capsys, str(tmp_path))
    assert code == 1
    assert line.startswith(f"{file}:5 BaseModel/a spec.maxtokens: unknown field; did you mean maxT")


def test_yaml_is_read_as_kubectl_reads_it(tmp_path: Path, capsys: Capture) -> None:
    text = """\
        apiVersion: ome.io/v1beta1
        kind: BaseModel
        metadata: {name: a, annotations: {day: 2026-05-06, time: 12:30}}
        spec:
          storage: {storageUri: hf://a/b}
          additionalMetadata: {1: a, on: b}
          maxTokens: 1e3
          modelConfiguration: {a: &a {x: 2026-05-06, y: .5}, b: {<<: *a, y: 0x10, z: null}}
        """
    assert said(capsys, written(tmp_path, text))[:2] == (0, [])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("y", True),
        ("N", False),
        ("on", True),
        ("yes please", "yes please"),
        ("0o17", 15),
        ("017", 15),
        ("08", 8),
        ("0x1F", 31),
        ("1_000", 1000),
        ("1_0.5", 10.5),
        ("1e3", 1000),
        ("1e400", "1e400"),
        ("._", "._"),
        (".5_", ".5_"),
        (".1_0", 0.1),
        ("-._5", -0.5),
        ("1e_", "1e_"),
        ("0o_", "0o_"),
        ("0x_f", 15),
        ("12:30", "12:30"),
        ("2020-01-01", "2020-01-01"),
        ("~", None),
    ],
)
def test_a_word_is_what_kubectl_takes_it_for(tmp_path: Path, text: str, value: object) -> None:
    """As ``kubectl create --dry-run=client`` shows them."""
    (found,) = read(written(tmp_path, f"a: {text}\n{text}: b\n"))
    assert (found.document["a"], type(found.document["a"])) == (value, type(value))
    if isinstance(value, bool):
        assert found.document["true" if value else "false"] == "b"


def test_a_kind_that_is_no_word_is_nobodys(tmp_path: Path, capsys: Capture) -> None:
    assert said(capsys, written(tmp_path, "kind: {a: b}\nspec: {}\n"))[:2] == (0, [])


# What cannot be read, and what is said of it.
UNUSABLE: list[tuple[bytes, str]] = [
    (b"a: [", " not YAML: "),
    (b"a: b\n{{ if .Values.a }}\n", ":3 not YAML: "),
    (b"a: *b\n", ":1 not YAML: found undefined alias"),
    (b"a: \xff\n", ": not UTF-8 at byte 3"),
    (b"a: !!python/object:os.system x\n", ":1 not YAML: could not determine a constructor"),
    (b"[" * 5000, " nest"),
    (b"&a [*a]", ": "),
    (
        b"a0: &a0 [1, 1]\n"
        + b"".join(b"a%d: &a%d [*a%d, *a%d]\n" % (n, n, n - 1, n - 1) for n in range(1, 40)),
        "more than 1000000 values",
    ),
    (b"a: !!binary aGFsbG8=\n", "is no JSON value"),
    (b"a: .inf\n", "inf is no JSON value"),
]


@pytest.mark.parametrize(("given", "text"), UNUSABLE, ids=range(len(UNUSABLE)))
def test_unusable_input_is_one_line_and_exit_2(
    tmp_path: Path, capsys: Capture, given: bytes, text: str
) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_bytes(given)
    good = written(tmp_path, MODEL)
    code, lines, err = said(capsys, str(bad), good)
    assert (code, lines) == (2, [])
    assert text in err
    assert len(err.splitlines()) == 2
    assert err.endswith("1 object checked: 0 errors, 0 warnings, 1 file could not be read\n")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ([], "name the files to check"),
        (["-f", "no-such-file"], "no-such-file: no such file or directory"),
        (["--odd"], "unknown flag --odd"),
    ],
)
def test_wrong_words(capsys: Capture, words: list[str], text: str) -> None:
    code, lines, err = said(capsys, *words)
    assert (code, lines) == (2, [])
    assert text in err


def test_standard_input(tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    with open(written(tmp_path, SERVICE)) as given:
        monkeypatch.setattr("sys.stdin", given)
        code, (line,), _ = said(capsys, "-f", "-", "--self-contained")
    assert code == 1
    assert line.startswith("-:5 InferenceService/chat spec.model.name: ")
