"""A bundle of a cluster: what is in it, what is not, and with which permissions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from ome.cli import main
from tests import cluster
from tests.cli.support.test_archive import contents
from tests.cluster import REPLICAS, apply, create
from tests.e2e.conftest import namespace

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["namespace"]

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(120)]
SECRET = "hunter2-hunter2-hunter2"


def bundle(path: Path, namespace: str, *words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["support-bundle", f"--namespace={namespace}", f"--output={path}", *words])
    assert isinstance(ended.value.code, int)
    return ended.value.code


@pytest.fixture
def service(namespace: str) -> str:
    metadata = {"name": "chat", "namespace": namespace}
    api = {"apiVersion": "ome.io/v1beta1", "kind": "InferenceService"}
    env = [{"name": "HF_TOKEN", "value": SECRET}]
    runner = {"name": "ome-container", "image": "x", "env": env}
    apply({**api, "metadata": metadata, "spec": {"engine": {"runner": runner}}})
    ready = {"type": "Ready", "status": "False", "message": "no runtime fits"}
    cluster.request(
        "PATCH",
        f"/apis/ome.io/v1beta1/namespaces/{namespace}/inferenceservices/chat/status",
        {"status": {"conditions": [ready]}},
        "application/merge-patch+json",
    )
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "hf-token"}}
    create({**secret, "stringData": {"token": SECRET}}, namespace)
    manager = {"name": "manager-1", "labels": {"control-plane": "ome-controller-manager"}}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": manager}
    create({**pod, "spec": {"containers": [{"name": "manager", "image": "x"}]}}, namespace)
    return namespace


def test_what_is_in_it(tmp_path: Path, service: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bundle.tar.gz"
    assert bundle(path, service) == 0
    assert capsys.readouterr().out.startswith(f"{path}: ")
    held = contents(path)
    assert SECRET not in "".join(held.values())
    services = json.loads(held["objects/inferenceservices.ome.json"])
    mine = [item for item in services if item["metadata"]["namespace"] == service]
    assert [item["metadata"]["name"] for item in mine] == ["chat"]
    assert "hf-token\n" in held["operator/secrets.txt"]
    summary = held["summary.txt"]
    assert f"the operator's namespace is {service}." in summary
    assert f"InferenceService {service}/chat: no runtime fits" in summary
    # The pod has no containers: its log is there, or why it is not.
    log = "logs/manager-1-manager.log"
    assert log in held or f"{log}: " in summary


def test_with_few_permissions_it_says_what_is_missing(
    tmp_path: Path, service: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bundle.tar.gz"
    user = cluster.user_kubeconfig(REPLICAS[0])
    assert bundle(path, service, f"--kubeconfig={user}") == 0
    held = contents(path)
    missing = "objects/inferenceservices.ome.json: inferenceservices may not be listed"
    assert missing in held["summary.txt"]
    assert missing in capsys.readouterr().err
    assert json.loads(held["versions.json"])[0]["apiServer"].startswith("v1.")


def test_a_place_where_nothing_can_be_written(
    tmp_path: Path, namespace: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bundle(tmp_path / "no" / "bundle.tar.gz", namespace) == 2
    assert "No such file or directory" in capsys.readouterr().err
