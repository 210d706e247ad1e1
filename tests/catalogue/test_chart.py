"""The committed chart is what the script writes, and the tables are read with care."""

from __future__ import annotations

import collections
import shutil
from typing import TYPE_CHECKING

import pytest

from hack.model_catalogue import chart, cli, facts
from hack.model_catalogue.values import filled, image
from tests.catalogue.support import default_values, known, objects, texts

if TYPE_CHECKING:
    from pathlib import Path


def test_the_committed_chart_is_what_the_script_writes() -> None:
    assert cli.stale_files(texts()) == [], "run hack/catalogue"


def test_a_file_that_differs_is_missing_or_is_left_over_is_stale() -> None:
    wanted = dict(texts())
    left_over = wanted.pop("files/models/openai.yaml")
    wanted["files/models/qwen.yaml"] += "x"
    wanted["files/models/new.yaml"] = left_over
    assert cli.stale_files(wanted) == [
        f"files/models/{name}.yaml" for name in ("new", "openai", "qwen")
    ]


def test_check_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--check"]) == 0
    assert cli.main(["--chekc"]) == 2
    assert "usage: hack/catalogue" in capsys.readouterr().err


def test_it_is_large_and_small_enough() -> None:
    models = known().models
    assert len(models) >= 60
    by_vendor = collections.Counter(model.vendor for model in models)
    assert len(by_vendor) >= 20
    readme = (chart.CHART.parent.parent / "README.md").read_text()
    runtimes = sum(item["kind"] == "ClusterServingRuntime" for item in objects().values())
    assert f"{len(models)} models of {len(by_vendor)} vendors and {runtimes} runtimes" in readme
    lines = {path: text.count("\n") for path, text in texts().items()}
    assert max(lines.values()) < 800, "a file that nobody reads"


def test_the_words_of_a_gated_model() -> None:
    """Exactly those that need a token name the secret."""
    for model in known().models:
        text = texts()[f"files/models/{model.vendor}.yaml"]
        document = next(
            part for part in text.split("---\n") if f"metadata: {{name: {model.name}}}" in part
        )
        assert ("huggingFace.secretName" in document) is model.gated


BROKEN = [
    ("models.csv", ",gated\n", ",gatd\n", "marks: gatd is not one of fp8 gated sentence"),
    ("models.csv", ",rerank,", ",rank,", "does: rank is not one of text image embedding rerank"),
    ("models.csv", ",bge-m3,", ",phi-4,", "models.csv: phi-4 stands there twice"),
    ("runtimes.yaml", "    split: [1, 4]", "    splt: [1, 4]", "families.llama.splt: is not known"),
    ("runtimes.yaml", "36B-80B}", "36B}", "families.llama.shapes.4: write it as 1B-10B"),
]


@pytest.mark.parametrize(("file", "before", "after", "text"), BROKEN, ids=lambda value: str(value))
def test_a_table_that_cannot_be_names_the_place(
    tmp_path: Path, file: str, before: str, after: str, text: str
) -> None:
    for name in ("models.csv", "runtimes.yaml"):
        shutil.copy(facts.HERE / name, tmp_path)
    broken = (tmp_path / file).read_text()
    assert before in broken
    (tmp_path / file).write_text(broken.replace(before, after, 1))
    with pytest.raises(facts.FactsError) as failure:
        facts.read(tmp_path)
    assert text in str(failure.value)


def test_expressions_are_filled_with_values() -> None:
    values = {
        "images": {
            "a": {"repository": "r/a", "tag": "v1"},
            "bC": {"repository": "r/b", "tag": "sha256:12"},
        },
        "x": {"y": "z"},
    }
    given = {"one": [image("a"), image("b-c")], "two": "pre {{ .Values.x.y }}", "three": 3}
    assert filled(given, values) == {"one": ["r/a:v1", "r/b@sha256:12"], "two": "pre z", "three": 3}
    rest = [item for item in chart.objects(known(), default_values()) if "{{" in str(item)]
    assert rest == []
