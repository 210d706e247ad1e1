"""What programs read of results: JSON and YAML of one content, and names that kubectl takes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from ome.cli import main
from ome.cli.adopt import Fate
from ome.cli.adopt import told_as as adoption_as
from ome.cli.goflags import parse
from ome.cli.output import form_of, name_of, output_flags, written
from ome.cli.plan import told_as as plan_as
from ome.cli.render.effects import Effect
from ome.cli.render.plans import Rendered
from ome.errors import UserError
from ome.kube.resource import ObjectKey
from tests.controllers.inferenceservice.world import model, runtime, service

if TYPE_CHECKING:
    from pathlib import Path

CHAT, OTHER = ObjectKey("demo", "chat"), ObjectKey("demo", "other")


@pytest.fixture
def said(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Any:
    def run(command: str, form: str, *documents: dict[str, Any]) -> str:
        path = tmp_path / "all.yaml"
        path.write_text(yaml.safe_dump_all(documents))
        with pytest.raises(SystemExit):
            main([command, "-f", str(path), "-o", form])
        return capfd.readouterr().out

    return run


def test_the_form_is_that_of_either_flag_and_text_is_a_table() -> None:
    flags = output_flags()
    for words, form in (
        ([], "table"),
        (["-o", "yaml"], "yaml"),
        (["--output=name"], "name"),
        (["-o=text"], "table"),
    ):
        assert form_of(parse("ome x", flags, words)) == form
    with pytest.raises(UserError, match="-o=name: expected one of table, json"):
        parse("ome x", output_flags("table", "json"), ["-o", "name"])


def test_json_and_yaml_say_the_same() -> None:
    document = {"text": "ä: b", "none": None, "list": [1, {"yes": True}]}
    assert json.loads(written(document, "json")) == document
    assert yaml.safe_load(written(document, "yaml")) == document


def test_names_are_those_of_kubectl() -> None:
    assert name_of("InferenceService", "chat") == "inferenceservice.ome.io/chat"
    assert name_of("Deployment", "chat-engine", "apps") == "deployment.apps/chat-engine"
    assert name_of("Service", "chat", "") == "service/chat"


def test_what_is_rendered_is_a_list_that_can_be_applied(said: Any) -> None:
    documents = (model(), runtime(), service())
    held = json.loads(said("render", "json", *documents))
    assert (held["apiVersion"], held["kind"]) == ("v1", "List")
    assert held["items"] == list(yaml.safe_load_all(said("render", "yaml", *documents)))
    names = said("render", "name", *documents).splitlines()
    assert names[:3] == [
        "configmap/modelconfig-chat",
        "deployment.apps/chat-engine",
        "service/chat-engine",
    ]


def test_what_admission_would_say_can_be_read_by_a_program(said: Any) -> None:
    wrong = service()
    wrong["spec"]["engine"]["minReplica"] = 1
    findings = json.loads(said("validate", "json", model(), runtime(), wrong))
    (finding,) = [item for item in findings if item["field"] == "spec.engine.minReplica"]
    assert finding["file"].endswith("all.yaml")
    assert (finding["subject"], finding["level"]) == ("InferenceService/chat", "error")
    names = said("validate", "name", model(), runtime(), wrong).splitlines()
    assert names.count("inferenceservice.ome.io/chat") == 1


def test_a_plan_is_a_list_of_effects() -> None:
    told = [Effect(CHAT, "Deployment chat-engine replaces 1 pod"), Effect(OTHER, "x", stuck=True)]
    assert json.loads(plan_as(told, "json")) == [
        {
            "namespace": "demo",
            "name": "chat",
            "effect": "Deployment chat-engine replaces 1 pod",
            "comesUp": True,
        },
        {"namespace": "demo", "name": "other", "effect": "x", "comesUp": False},
    ]
    assert plan_as([*told, told[0]], "name") == (
        "inferenceservice.ome.io/chat\ninferenceservice.ome.io/other\n"
    )


def test_an_adoption_is_a_list_of_services() -> None:
    told = [
        Fate(Rendered(CHAT, "u"), (("# Deployment is made\n+ a\n", True),)),
        Fate(Rendered(OTHER, "u", problem="no model"), ()),
    ]
    assert yaml.safe_load(adoption_as(told, "yaml")) == [
        {
            "namespace": "demo",
            "name": "chat",
            "problem": None,
            "replacesPods": True,
            "changes": ["# Deployment is made\n+ a"],
        },
        {
            "namespace": "demo",
            "name": "other",
            "problem": "no model",
            "replacesPods": False,
            "changes": [],
        },
    ]
    assert adoption_as(told, "table") == (
        "# Deployment is made\n+ a\n# InferenceService demo/other: no model\n"
    )
