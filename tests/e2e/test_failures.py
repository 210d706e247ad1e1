"""Every step that fails says so in the service's condition: object, field, next step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests import cluster
from tests.e2e.harness import (
    HERE,
    USER,
    agents,
    apply,
    apply_first,
    condition,
    delete_first,
    eventually,
    get,
    items,
    manager,
)

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]


def service(name: str, namespace: str, **spec: Any) -> str:
    base: dict[str, Any] = {"model": {"name": "llama-3-8b"}, "engine": {"minReplicas": 1}}
    document = {
        "apiVersion": "ome.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {**base, **spec},
    }
    return yaml.safe_dump(document)


def failed(name: str, namespace: str, type_: str, reason: str) -> str:
    def there() -> str:
        found = condition(name, type_, namespace)
        return found["message"] if found.get("reason") == reason else ""

    message: str = eventually(there)
    ready = condition(name, "Ready", namespace)
    assert ready["status"] == "False"
    return message


@pytest.mark.slow
def test_what_is_wrong_is_said_and_mending_it_is_enough(tmp_path: Path, namespace: str) -> None:
    first = (HERE / "first.yaml").read_text()
    model, runtime = first.split("---\n")
    with (
        manager(tmp_path / "manager.log", namespace),
        agents(tmp_path / "agents.log", namespace, "--download-seconds=0.2"),
    ):
        apply(service("waits", namespace))
        message = failed("waits", namespace, "EngineReady", "ModelReconcileError")
        assert "llama-3-8b" in message
        assert "spec.model.name" in message
        info = (get("inferenceservices", "waits", namespace) or {})["status"]["modelStatus"]
        assert info["lastFailureInfo"]["reason"] == "BaseModelNotFound"
        assert info["transitionStatus"] == "InvalidSpec"

        apply(model)
        message = failed("waits", namespace, "EngineReady", "RuntimeSelectionError")
        assert "llama-3-8b" in message

        apply(service("named", namespace, runtime={"name": "no-such-runtime"}))
        message = failed("named", namespace, "EngineReady", "RuntimeValidationError")
        assert "runtime no-such-runtime not found" in message

        other = runtime.replace("name: safetensors", "name: tensorrtllm")
        apply(other)
        message = failed("waits", namespace, "EngineReady", "RuntimeSelectionError")
        eventually(
            lambda: (
                "format name mismatch (model=safetensors, runtime=tensorrtllm)"
                in condition("waits", "EngineReady", namespace)["message"]
            )
        )

        apply(runtime)
        cluster.wait_ready("inferenceservices", "waits", namespace)

        if cluster.is_real():  # the embedded server asks for no service account
            _refuses_pods(namespace)

        strangers = {"metadata": {"name": "taken"}, "spec": {"ports": [{"port": 80}]}}
        cluster.create({"apiVersion": "v1", "kind": "Service", **strangers}, namespace)
        apply(service("taken", namespace))
        message = failed("taken", namespace, "IngressReady", "ServiceConflict")
        assert "Service taken exists and is not owned by InferenceService taken" in message
        kept = get("services", "taken", namespace)
        assert kept is not None
        assert [port["port"] for port in kept["spec"]["ports"]] == [80]

        cluster.delete_collection("inferenceservices", namespace)
        delete_first()


def _refuses_pods(namespace: str) -> None:
    """Pods that admission refuses never come to be, and the reason is where the user looks."""
    engine = {"minReplicas": 1, "serviceAccountName": "nobody"}
    apply(service("refused", namespace, engine=engine))

    def said() -> str:
        return str(condition("refused", "Ready", namespace).get("message", ""))

    eventually(lambda: 'serviceaccount "nobody" not found' in said(), 60)
    assert "pods cannot be made: pods are forbidden: error looking up service account" in said()


@pytest.mark.slow
def test_a_forbidden_request_names_what_is_forbidden(tmp_path: Path, namespace: str) -> None:
    with (
        manager(tmp_path / "manager.log", namespace),
        agents(tmp_path / "agents.log", namespace, "--download-seconds=0.2"),
    ):
        eventually(lambda: "controllers.started" in (tmp_path / "manager.log").read_text())
        rules = yaml.safe_load((HERE / "rbac.yaml").read_text().split("---\n")[0])
        for rule in rules["rules"]:
            if rule["resources"] == ["poddisruptionbudgets"]:
                rule["verbs"] = ["get", "list", "watch"]
        try:
            apply(yaml.safe_dump(rules))
            apply_first()
            apply(service("barred", namespace))
            message = failed("barred", namespace, "EngineReady", "InternalError")
            assert "PodDisruptionBudget barred-engine" in message
            assert USER in message
        finally:
            apply((HERE / "rbac.yaml").read_text())
        cluster.delete_collection("inferenceservices", namespace)
        delete_first()


def test_a_model_that_fails_says_where_and_why(tmp_path: Path, namespace: str) -> None:
    always = ["--fail=llama-3-8b@gpu-0", "--fail=llama-3-8b@gpu-1", "--fail=llama-3-8b@gpu-2"]
    with (
        manager(tmp_path / "manager.log", namespace),
        agents(tmp_path / "agents.log", namespace, "--download-seconds=0.2", *always),
    ):
        apply_first()

        def status() -> dict[str, Any]:
            model = get("clusterbasemodels", "llama-3-8b") or {}
            return model.get("status") or {}

        eventually(lambda: status().get("state") == "Failed")
        eventually(lambda: len(status().get("nodesFailed", [])) == 3)
        ready = next(entry for entry in status()["conditions"] if entry["type"] == "Ready")
        assert ready["reason"] == "HfDownloadError"
        assert "gpu-0: simulated: connection reset" in ready["message"]
        eventually(
            lambda: any(
                e.get("reason") == "ModelDownloadFailed" for e in items("events", "default")
            )
        )
        delete_first()
