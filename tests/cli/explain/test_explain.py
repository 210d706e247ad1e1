"""What ``ome explain`` says, to people and to machines, from files."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ome.cli.explain import run
from ome.cli.goflags import HelpWanted
from ome.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable

FLEET = str(Path(__file__).parent / "fleet.yaml")


@pytest.fixture
def explain(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    def call(*words: str) -> tuple[int, str]:
        code = run([*words, "-f", FLEET])
        return code, capsys.readouterr().out

    return call


def document(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text)
    return found


def test_the_answer_comes_first_and_fits_a_screen(
    explain: Callable[..., tuple[int, str]],
) -> None:
    code, text = explain("chat")
    lines = [re.sub(r"\s{2,}", "  ", line).rstrip() for line in text.splitlines()]
    assert code == 0
    assert len(lines) <= 24
    assert lines[:4] == [
        "InferenceService demo/chat",
        "  model  ClusterBaseModel llama: safetensors, transformers, LlamaForCausalLM, 70.6B",
        "  runtime  narrow  cluster scope, score 4",
        "  engine on  h100  selected by policy BestFit",
    ]
    assert "  1  narrow  cluster  4  (1 + 1) x 2  [60B, 80B]" in lines
    assert "  2  wide  cluster  4  (1 + 1) x 2  [1B, 500B]" in lines
    assert lines[lines.index("Excluded (2), the closest first") + 2 :][:2] == [
        "  other  cluster  architecture mismatch (model=LlamaForCausalLM, runtime=QwenForCausalLM)",
        "  dark  namespace  runtime is disabled",
    ]
    start = lines.index("Accelerator classes for the engine (policy BestFit)")
    assert lines[start + 2 :] == [
        "  h100  0.9125  0.875  1",
        "  h200  0.6475  0.4965  1  another is better",
        "  l4  memory 24GB < required 70GB",
        "  gone  not found at cluster scope",
    ]


def test_json_says_the_same(explain: Callable[..., tuple[int, str]]) -> None:
    code, text = explain("isvc/chat", "-o", "json")
    said = document(text)
    assert code == 0
    assert said["runtime"] == {
        "name": "narrow",
        "namespace": "",
        "named": False,
        "kept": False,
        "pinned": False,
    }
    assert [item["name"] for item in said["candidates"]] == ["narrow", "wide"]
    assert explain("isvc/chat", "-o", "name") == (0, "clusterservingruntime.ome.io/narrow\n")
    assert said["candidates"][0]["score"] == {
        "total": 4,
        "format": 1,
        "framework": 1,
        "priority": 2,
    }
    assert [(item["name"], item["by"]) for item in said["excluded"]] == [
        ("other", "format"),
        ("dark", "disabled"),
    ]
    engine = said["accelerators"]["engine"]
    assert engine["acceleratorClass"] == "h100"
    assert engine["classes"][0]["parts"] == {"memory": 0.875, "compute": 1.0}
    assert said["problem"] is None


@pytest.mark.parametrize(
    ("name", "code", "reason", "text"),
    [
        ("named", 1, "RuntimeValidationError", "Runtime other does not support model llama"),
        ("lost", 1, "ModelReconcileError", "No BaseModel or ClusterBaseModel with the name"),
        ("model/strange", 1, "RuntimeSelectionError", "no runtime found to support model strange"),
        ("wants-gone", 1, "AcceleratorClassError", "accelerator class gone not found"),
        ("own", 0, None, None),
        ("llama", 0, None, None),
        ("clusterbasemodel/llama", 0, None, None),
    ],
)
def test_what_cannot_be_chosen_has_its_reason_and_code(
    explain: Callable[..., tuple[int, str]],
    name: str,
    code: int,
    reason: str | None,
    text: str | None,
) -> None:
    given, printed = explain(name, "-n", "demo", "--output=json")
    problem = document(printed)["problem"] or {}
    assert given == code
    assert problem.get("reason") == reason
    assert (text or "") in problem.get("message", "")
    shown_code, shown = explain(name, "-n", "demo")
    assert shown_code == code
    if code:
        joined = re.sub(r"\s+", " ", shown)
        assert "none may be chosen" in joined or (text or "") in joined
    if name == "own":
        assert "brings a complete runner" in shown


def test_where_no_runtime_can_be_named_it_is_said_why(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["model/strange", "-f", FLEET, "-o", "name"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("ome explain: ")
    assert "strange" in said.err


def test_all_lists_every_runtime(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runtimes = [
        f"apiVersion: ome.io/v1beta1\nkind: ClusterServingRuntime\nmetadata: {{name: r{number}}}\n"
        "spec: {disabled: true}\n"
        for number in range(9)
    ]
    (tmp_path / "runtimes.yaml").write_text("---\n".join(runtimes))
    for flags, shown in (([], 2), (["--all"], 9)):  # three others are closer
        assert run(["model/strange", "-f", FLEET, "-f", str(tmp_path), *flags]) == 1
        text = capsys.readouterr().out
        assert text.count("runtime is disabled") == shown
        assert ("--all lists them" in text) is (not flags)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ([], "expected one name"),
        (["a", "b"], "expected one name"),
        (["nope", "-f", FLEET], "no InferenceService or BaseModel of this name in namespace"),
        (["pod/chat", "-f", FLEET], "expected isvc/NAME or model/NAME"),
        (["chat", "-f", "/nowhere.yaml"], "/nowhere.yaml: no such file"),
        (["chat", "-o", "xml"], "expected one of table, json, yaml, name"),
        (["chat", "--kubeconfig", "/nowhere"], "/nowhere"),
    ],
)
def test_mistakes_are_one_line(words: list[str], text: str) -> None:
    with pytest.raises(UserError) as raised:
        run(words)
    assert text in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("a: [", " not YAML: "),
        ("apiVersion: ome.io/v1beta1\nkind: BaseModel\n", "broken.yaml:1: metadata.name"),
        (
            "apiVersion: ome.io/v1beta1\nkind: BaseModel\nmetadata: {name: m, labels: 3}\n",
            "broken.yaml:3: BaseModel m:",
        ),
    ],
)
def test_a_broken_file_is_named_with_its_line(tmp_path: Path, content: str, text: str) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text(content)
    with pytest.raises(UserError) as raised:
        run(["chat", "-f", str(path)])
    assert text in str(raised.value)


def test_an_object_that_cannot_be_read_is_left_out_aloud(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(
        "apiVersion: ome.io/v1beta1\nkind: ClusterServingRuntime\nmetadata: {name: bad}\n"
        "spec: {supportedModelFormats: 7}\n"
    )
    assert run(["chat", "-f", FLEET, "-f", str(path)]) == 0
    said = capsys.readouterr().err
    assert "left out: ClusterServingRuntime bad: spec.supportedModelFormats" in said


def test_two_namespaces_need_a_choice(tmp_path: Path) -> None:
    other = Path(FLEET).read_text().replace("namespace: demo", "namespace: prod")
    (tmp_path / "other.yaml").write_text(other)
    with pytest.raises(UserError, match="chat is in namespaces demo, prod; choose one with -n"):
        run(["chat", "-f", FLEET, "-f", str(tmp_path)])
    assert run(["chat", "-f", FLEET, "-f", str(tmp_path), "-n", "prod"]) == 0


def test_help_has_an_example() -> None:
    with pytest.raises(HelpWanted, match="ome explain chat -n demo"):
        run(["--help"])


WEIGHTED = """
apiVersion: ome.io/v1beta1
kind: FineTunedWeight
metadata: {name: lora}
spec:
  baseModelRef: {name: llama}
  modelType: LoRA
  hyperParameters: {}
  storage: {storageUri: "hf://example/lora"}
---
apiVersion: ome.io/v1beta1
kind: InferenceService
metadata: {name: of-weight, namespace: demo}
spec: {model: {name: lora, kind: FineTunedWeight}, engine: {}}
---
apiVersion: ome.io/v1beta1
kind: InferenceService
metadata: {name: lacks-weight, namespace: demo}
spec: {model: {name: llama, fineTunedWeights: [gone]}, engine: {}}
---
apiVersion: ome.io/v1beta1
kind: InferenceService
metadata: {name: old, namespace: demo}
spec: {predictor: {model: {baseModel: llama, runtime: other}, minReplicas: 1}}
---
apiVersion: ome.io/v1beta1
kind: InferenceService
metadata:
  name: elsewhere
  namespace: demo
  annotations: {ome.io/deploymentMode: VirtualDeployment}
spec: {model: {name: unheard-of}, engine: {}}
---
apiVersion: ome.io/v1beta1
kind: InferenceService
metadata:
  name: pinned
  namespace: demo
  annotations: {ome.io/pin-runtime: "true"}
spec: {model: {name: llama}, engine: {}}
"""


@pytest.mark.parametrize(
    ("name", "model", "runtime", "problem", "note"),
    [
        ("of-weight", "llama", "narrow", "", ""),
        ("lacks-weight", None, None, "No FineTunedWeight with the name: gone", ""),
        ("old", "llama", None, "Runtime other does not support model llama", ""),
        ("elsewhere", None, None, "", "nothing is deployed in mode VirtualDeployment"),
        ("pinned", "llama", "narrow", "", "no such record for this model is seen from here"),
    ],
)
def test_a_service_is_read_as_the_operator_reads_it(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    model: str | None,
    runtime: str | None,
    problem: str,
    note: str,
) -> None:
    (tmp_path / "more.yaml").write_text(WEIGHTED)
    files = ("-f", FLEET, "-f", str(tmp_path))
    assert run([name, *files, "-o", "json"]) == (1 if problem else 0)
    said = document(capsys.readouterr().out)
    assert (said["model"] or {}).get("name") == model
    assert (said["runtime"] or {}).get("name") == runtime
    assert problem in (said["problem"] or {"message": ""})["message"]
    assert bool(said["problem"]) is bool(problem)
    assert note in (said["note"] or "")
    assert bool(said["note"]) is bool(note)
    run([name, *files])
    assert note in re.sub(r"\s+", " ", capsys.readouterr().out)


def test_remarks_are_told_apart_by_scope(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "more.yaml").write_text(
        "apiVersion: ome.io/v1beta1\nkind: ServingRuntime\n"
        "metadata: {name: narrow, namespace: demo}\n"
        "spec:\n  modelSizeRange: {min: huge}\n  supportedModelFormats:\n"
        "    - modelFormat: {name: safetensors}\n      modelFramework: {name: transformers}\n"
        "      modelArchitecture: LlamaForCausalLM\n      autoSelect: true\n"
    )
    assert run(["chat", "-f", FLEET, "-f", str(tmp_path), "-o", "json"]) == 0
    candidates = document(capsys.readouterr().out)["candidates"]
    remarked = {(item["namespace"], item["name"]): item["remarks"] for item in candidates}
    assert remarked["", "narrow"] == []
    assert "'huge' is not a size" in remarked["demo", "narrow"][0]


@pytest.mark.parametrize(
    ("asked", "noted"),
    [("clusterbasemodel/llama", True), ("basemodel/llama", False), ("chat", True)],
)
def test_which_of_two_models_of_one_name_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], asked: str, noted: bool
) -> None:
    (tmp_path / "more.yaml").write_text(
        "apiVersion: ome.io/v1beta1\nkind: BaseModel\n"
        "metadata: {name: llama, namespace: demo}\n"
        "spec:\n  modelFormat: {name: safetensors}\n  modelFramework: {name: transformers}\n"
        "  modelArchitecture: LlamaForCausalLM\n  modelParameterSize: 70.6B\n"
        '  storage: {storageUri: "hf://example/llama"}\n'
    )
    run([asked, "-f", FLEET, "-f", str(tmp_path), "-n", "demo", "-o", "json"])
    said = document(capsys.readouterr().out)
    assert (said["model"]["name"], said["model"]["namespace"]) == ("llama", "demo")
    both = "BaseModel llama exists in namespace demo and at cluster scope"
    assert (both in (said["note"] or "")) is noted
