"""``ome why`` as a user runs it, with the recorder of the leader behind the API server's proxy."""

from __future__ import annotations

import json
import os
import socket
from typing import TYPE_CHECKING, Any

import pytest

from ome.cli.support import run as support_bundle
from ome.cli.why import run
from tests import cluster
from tests.cli.support.test_archive import contents
from tests.cluster import apply
from tests.e2e.harness import agents, apply_first, condition, delete_first, free_port, manager

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]

RBAC = "rbac.authorization.k8s.io"


def service(namespace: str, name: str, model: str) -> dict[str, Any]:
    return {
        "apiVersion": "ome.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"model": {"name": model}, "engine": {"minReplicas": 1}},
    }


def why(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
    code = run([*words, "-o", "json", f"--kubeconfig={os.environ['KUBECONFIG']}"])
    story: dict[str, Any] = json.loads(capsys.readouterr().out)
    return code, story


@pytest.mark.slow
def test_without_a_recorder_the_rest_is_told(
    namespace: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ("-n", namespace, "--operator-namespace", namespace)
    with manager(tmp_path / "manager.log", namespace), agents(tmp_path / "agents.log", namespace):
        apply_first()
        apply(service(namespace, "chat", "llama-3-8b"))
        apply(service(namespace, "lost", "no-such-model"))
        cluster.wait_ready("inferenceservices", "chat", namespace)
        code, story = why(capsys, "chat", *where)
        assert (code, story["well"], story["troubles"]) == (0, True, [])
        assert story["answer"].startswith("is Ready")
        assert story["facts"]["engine"] == "1 of 1 pods ready"
        assert any("InferenceServiceReady" in moment["what"] for moment in story["history"])
        (note,) = story["notes"]
        assert f"no manager holds the Lease in namespace {namespace}" in note
        code, story = why(capsys, "lost", *where)
        assert code == 1
        assert "no-such-model" in story["troubles"][0]
        code, story = why(capsys, "model/llama-3-8b", *where)
        assert (code, story["secondsLeft"]) == (0, None)
        assert story["answer"].startswith("is ready on")
        for name in ("chat", "lost"):
            cluster.delete("inferenceservices", name, namespace)
        delete_first()


def a_reader(namespace: str) -> list[str]:
    """The account that the chart makes with its right, and the manager's to ask about it."""
    account = {"kind": "ServiceAccount", "name": "ome-flight-reader", "namespace": namespace}
    user = {"kind": "User", "name": cluster.USER, "apiGroup": RBAC}
    asking = {
        "apiGroups": ["authentication.k8s.io", "authorization.k8s.io"],
        "resources": ["tokenreviews", "subjectaccessreviews"],
        "verbs": ["create"],
    }
    reading = {"nonResourceURLs": ["/debug/flights", "/metrics"], "verbs": ["get"]}
    place = {"name": "ome-flight-reader", "namespace": namespace}
    apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": place})
    made = []
    for what, rule, subject in (("reads", reading, account), ("asks", asking, user)):
        metadata = {"name": f"{namespace}-{what}"}
        of = {"apiVersion": f"{RBAC}/v1", "metadata": metadata}
        apply({**of, "kind": "ClusterRole", "rules": [rule]})
        role = {"apiGroup": RBAC, "kind": "ClusterRole", **metadata}
        apply({**of, "kind": "ClusterRoleBinding", "roleRef": role, "subjects": [subject]})
        made.append(metadata["name"])
    return made


def a_pod(namespace: str, address: str, port: int) -> None:
    """The manager, which runs outside, as the pod that its Lease names."""
    name, labels = socket.gethostname(), {"control-plane": "ome-controller-manager"}
    container = {
        "name": "manager",
        "image": "example.test/ome:1",
        "args": ["--metrics-secure"],
        "ports": [{"name": "metrics", "containerPort": port}],
    }
    apply(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": namespace, "labels": labels},
            "spec": {"schedulerName": "nobody", "containers": [container]},
        }
    )
    status = {"podIP": address, "podIPs": [{"ip": address}], "phase": "Running"}
    cluster.request(
        "PATCH",
        f"/api/v1/namespaces/{namespace}/pods/{name}/status",
        {"status": status},
        "application/merge-patch+json",
    )


@pytest.mark.control_plane
def test_the_leaders_recorder_and_metrics_are_read_through_the_proxy(
    namespace: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    address, port = os.environ["OME_CONTROL_PLANE_ADDRESS"], free_port()
    words = ("--metrics-secure", "--leader-elect")
    rights = a_reader(namespace)
    try:
        with manager(tmp_path / "manager.log", namespace, f"{address}:{port}", *words):
            a_pod(namespace, address, port)
            apply(service(namespace, "lost", "no-such-model"))
            cluster.eventually(lambda: condition("lost", "Ready", namespace))
            code, story = why(capsys, "lost", "-n", namespace, "--operator-namespace", namespace)
            bundle = tmp_path / "bundle.tar.gz"
            assert support_bundle([f"--namespace={namespace}", f"--output={bundle}"]) == 0
            cluster.delete("inferenceservices", "lost", namespace)
    finally:
        for name in rights:
            cluster.delete("clusterrolebindings", name)
            cluster.delete("clusterroles", name)
    assert code == 1
    assert story["notes"] == []
    metrics = contents(bundle)[f"metrics/{socket.gethostname()}.txt"]
    assert "\nome_build_info{" in metrics
    said = [moment["what"] for moment in story["history"]]
    assert any(text.startswith("manager: PATCH inferenceservices/lost: 200") for text in said)
    assert any(text.startswith("EngineReady ") and "no-such-model" in text for text in said)
