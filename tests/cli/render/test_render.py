"""``ome render`` over files, and the difference to what a cluster has."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from ome.cli import main
from ome.cli.manifests import read
from ome.cli.render.cluster import Found
from ome.cli.render.difference import difference
from ome.cli.render.plans import NoChildren, Rendered, render, settings_in
from ome.errors import UserError
from ome.kube.resource import ObjectKey
from tests.controllers.benchmarkjob.world import benchmark
from tests.controllers.inferenceservice.world import model, runtime, service

if TYPE_CHECKING:
    from pathlib import Path

    from ome.cli.manifests import Manifest

UID = "uid-1"


def run(tmp_path: Path, *documents: dict[str, Any]) -> int:
    path = tmp_path / "all.yaml"
    path.write_text(yaml.safe_dump_all(documents))
    with pytest.raises(SystemExit) as ended:
        main(["render", "-f", str(path)])
    return int(ended.value.code or 0)


def test_the_objects_of_a_service(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    held = service()
    del held["metadata"]["namespace"]
    assert run(tmp_path, model(), runtime(), held) == 0
    out, err = capfd.readouterr()
    made = list(yaml.safe_load_all(out))
    assert [item["kind"] for item in made] == [
        "ConfigMap",
        "Deployment",
        "Service",
        "HorizontalPodAutoscaler",
        "PodDisruptionBudget",
        "Service",
    ]
    assert {item["metadata"]["namespace"] for item in made} == {"default"}
    assert err == ""


def test_a_benchmark_beside_a_service_is_no_matter(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, model(), runtime(), service()) == 0
    alone = capfd.readouterr()
    assert run(tmp_path, model(), runtime(), service(), benchmark()) == 0
    assert capfd.readouterr() == alone


def test_what_cannot_be_made_is_said(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, model(), service()) == 1
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("InferenceService demo/chat: Failed to find runtime for model m")


def test_objects_without_the_place_of_their_model_are_said_to_be_so(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    nowhere = model(storage={"storageUri": "hf://example/m"})
    assert run(tmp_path, nowhere, runtime(), service()) == 0
    out, err = capfd.readouterr()
    assert "kind: Deployment" in out
    assert "shown without the place of its model: model m has no spec.storage.path yet" in err


def test_the_domain_of_the_cluster_is_that_of_the_environment(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLUSTER_DOMAIN", "corp.example")
    engine = {"annotations": {"ome.io/deploymentMode": "MultiNodeRayVLLM"}}
    assert run(tmp_path, model(), runtime(), service(engine=engine)) == 0
    assert "http://chat-engine-0.demo.svc.corp.example:8080" in capfd.readouterr().out


def test_files_without_a_service_are_a_mistake(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, model()) == 2
    assert "no InferenceService in the files" in capfd.readouterr()[1]


def planned(image: str = "example.test/serve:1") -> Rendered:
    held = service()
    held["metadata"] |= {"uid": UID, "generation": 1}
    (rendered,) = render([held], [model(), runtime(image=image), held], None, NoChildren())
    assert rendered.problem == ""
    return rendered


def test_what_is_as_planned_is_not_told_of() -> None:
    first = planned()
    assert list(difference(first, Found(first.objects))) == []


def test_what_would_be_made_changed_and_deleted() -> None:
    live = [copy.deepcopy(item) for item in planned().objects]
    budget = next(item for item in live if item["kind"] == "PodDisruptionBudget")
    live.remove(budget)
    router = {**copy.deepcopy(budget), "metadata": {**budget["metadata"], "name": "chat-router"}}
    texts = list(difference(planned("example.test/serve:2"), Found([*live, router])))
    assert [text.partition("\n")[0] for text in texts] == [
        "# Deployment demo/chat-engine changes, and its pods are replaced",
        "# PodDisruptionBudget demo/chat-engine is made",
        "# PodDisruptionBudget demo/chat-router is deleted",
    ]
    changed = [line for line in texts[0].splitlines() if line[:1] in "+-"]
    assert [line.split() for line in changed] == [
        ["-", "image:", "example.test/serve:1"],
        ["+", "image:", "example.test/serve:2"],
    ]


def test_a_number_that_others_may_change_is_no_difference() -> None:
    first = planned()
    live = copy.deepcopy(first.objects)
    next(item for item in live if item["kind"] == "Deployment")["spec"]["replicas"] = 7
    found = Found(live)
    assert list(difference(first, found)) == []
    assert len(list(found.of(ObjectKey("demo", "chat"), UID))) == 5


def test_amounts_that_are_equal_are_no_difference() -> None:
    def asks(amount: Any, image: str) -> Rendered:
        held = service()
        held["metadata"] |= {"uid": UID, "generation": 1}
        gpus = {"limits": {"nvidia.com/gpu": amount}}
        held["spec"]["engine"]["runner"] = {"name": "ome-container", "resources": gpus}
        (made,) = render([held], [model(), runtime(image=image), held], None, NoChildren())
        return made

    stored = Found(asks("1", "a:1").objects)
    assert list(difference(asks(1, "a:1"), stored)) == []
    (text,) = difference(asks(1, "a:2"), stored)
    changed = [line.strip() for line in text.splitlines() if line[:1] in "+-"]
    assert changed == ["-        image: a:1", "+        image: a:2"]


@pytest.mark.parametrize("command", ["render", "plan"])
def test_fields_that_no_server_takes_are_refused(
    command: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    wrong = runtime()
    wrong["spec"]["suportedModelFormats"] = wrong["spec"].pop("supportedModelFormats")
    path = tmp_path / "wrong.yaml"
    path.write_text(yaml.safe_dump(wrong))
    with pytest.raises(SystemExit) as ended:
        main([command, "-f", str(path)])
    assert ended.value.code == 2
    err = capfd.readouterr()[1]
    assert err.startswith(f"ome {command}: the files are refused:\n{path}:")
    assert "unknown field; did you mean supportedModelFormats?" in err


def test_a_flag_names_what_it_takes(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["render", "-f", "x.yaml", "--against", "clster"])
    assert capfd.readouterr()[1] == "ome render: --against=clster: expected one of cluster\n"


SETTINGS: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "inferenceservice-config", "namespace": "ome"},
    "data": {"ingress": '{"ingressDomain": "svc.example.test", "disableIngressCreation": true}'},
}


def manifests(tmp_path: Path, document: dict[str, Any]) -> list[Manifest]:
    path = tmp_path / "all.yaml"
    path.write_text(yaml.safe_dump(document))
    return read(str(path))


def test_settings_are_found_in_a_list_as_kubectl_prints_it(tmp_path: Path) -> None:
    held = {"apiVersion": "v1", "kind": "List", "items": [model(), SETTINGS]}
    assert settings_in(manifests(tmp_path, held)) == SETTINGS["data"]
    other = {**SETTINGS, "metadata": "inferenceservice-config"}
    assert settings_in(manifests(tmp_path, other)) is None


@pytest.mark.parametrize("data", ["text", {"ingress": {"ingressDomain": "x"}}])
def test_settings_that_are_no_texts_are_told_by_their_place(tmp_path: Path, data: Any) -> None:
    with pytest.raises(UserError, match=r"all.yaml:\d+ ConfigMap inferenceservice-config data: "):
        settings_in(manifests(tmp_path, {**SETTINGS, "data": data}))
