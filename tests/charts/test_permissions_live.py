"""What a manager asks of an API server, by its audit log, against what its role grants."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from hack.generated_charts.files import granted
from ome.api import names
from ome.cli.permissions import MANAGER
from ome.webhooks.table import client_config, configurations
from tests import cluster
from tests.cluster import apply, delete, eventually
from tests.e2e.harness import (
    FIRST,
    HERE,
    SERVICE,
    Process,
    agents,
    apply_first,
    audit,
    delete_first,
    free_port,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(240)]

NOT_MET = {
    ("", "configmaps", "delete"): "the report of a node that is gone; a child that is not wanted",
    ("", "services", "delete"): "a child that is not wanted any more; the rest is garbage",
    ("apps", "deployments", "delete"): "as Services",
    ("policy", "poddisruptionbudgets", "delete"): "as Services",
    ("", "services", "patch"): "first writes are patches too, see created",
    ("", "secrets", "update"): "a certificate that is renewed",
    ("ome.io", "inferenceservices/finalizers", "update"): "asked by admission, not by a request",
    ("events.k8s.io", "events", "patch"): "an event that comes again",
    ("ome.io", "acceleratorclasses", "patch"): "the finalizer of a class without one",
}
"""What this scenario does not need, with the reason why the code does."""

MODES = "a service of another mode: tests/e2e/test_modes.py, under the same role"
EXPOSED = "a service that is exposed or scaled otherwise: tests/e2e/test_exposure.py"
ON_NODES = "a weight that nodes have: tests/e2e/test_weight_on_nodes.py, under the same role"
BENCHMARKS = "benchmarks and models on claims: tests/e2e/test_benchmark.py"
OWNERS = "asked by admission of owner references, not by a request"
ELSEWHERE = {
    ("", "serviceaccounts"): MODES,
    ("rbac.authorization.k8s.io", "roles"): MODES,
    ("rbac.authorization.k8s.io", "rolebindings"): MODES,
    ("leaderworkerset.x-k8s.io", "leaderworkersets"): MODES,
    ("ray.io", "rayclusters"): MODES,
    ("serving.knative.dev", "services"): MODES,
    ("networking.k8s.io", "ingresses"): EXPOSED,
    ("gateway.networking.k8s.io", "httproutes"): EXPOSED,
    ("inference.networking.k8s.io", "inferencepools"): EXPOSED,
    ("networking.istio.io", "virtualservices"): EXPOSED,
    ("networking.istio.io", "sidecars"): EXPOSED,
    ("keda.sh", "scaledobjects"): EXPOSED,
    ("batch", "jobs"): BENCHMARKS,
    ("", "pods/log"): BENCHMARKS,
    ("storage.k8s.io", "storageclasses"): BENCHMARKS,
    ("ome.io", "benchmarkjobs"): BENCHMARKS,
    ("ome.io", "benchmarkjobs/status"): BENCHMARKS,
    ("ome.io", "finetunedweights"): ON_NODES,
    ("ome.io", "finetunedweights/status"): ON_NODES,
    ("ome.io", "basemodels/finalizers"): OWNERS,
    ("ome.io", "clusterbasemodels/finalizers"): OWNERS,
    ("ome.io", "benchmarkjobs/finalizers"): OWNERS,
}
"""Kinds that this scenario has no object of, and where they are met."""


@contextmanager
def whole_manager(folder: Path, namespace: str) -> Iterator[Process]:
    """With everything that has permissions of its own: the Lease and the webhooks."""
    apply((HERE / "rbac.yaml").read_text())
    made = configurations(client_config(namespace), namespaces=_only(namespace))
    for document in made:
        for webhook in document["webhooks"]:
            # Nothing is sent: this is about the bundle, and others use the same cluster.
            webhook["failurePolicy"] = "Ignore"
            webhook["objectSelector"] = {"matchLabels": {"webhook-test": namespace}}
        cluster.create(document)
    process = Process(
        folder / "manager.log",
        "manager",
        f"--kubeconfig={cluster.user_kubeconfig()}",
        f"--namespace={namespace}",
        f"--health-probe-addr=127.0.0.1:{free_port()}",
        "--metrics-bind-address=0",
        "--leader-elect",
        "--webhook",
        f"--webhook-port={free_port()}",
        f"--webhook-cert-dir={folder}",
    )
    try:
        yield process
        assert process.running, process.tail()
    finally:
        process.stop()
        for document in made:
            plural = document["kind"].lower() + "s"
            delete(plural, document["metadata"]["name"], wait=0)


def _only(namespace: str) -> dict[str, Any]:
    return {"matchLabels": {"kubernetes.io/metadata.name": namespace}}


def asked(entries: list[dict[str, Any]]) -> set[tuple[str, str, str]]:
    """Every (group, plural with subresource, verb) of audit entries."""
    found = set()
    for entry in entries:
        about = entry.get("objectRef")
        if about:
            plural, sub = about["resource"], about.get("subresource")
            name = f"{plural}/{sub}" if sub else plural
            found.add((about.get("apiGroup", ""), name, entry["verb"]))
    return found


def test_a_manager_asks_for_what_its_role_grants_and_for_no_less(
    tmp_path: Path, namespace: str
) -> None:
    began = time.time() - 0.5
    with (
        whole_manager(tmp_path, namespace),
        agents(tmp_path / "agents.log", namespace, "--download-seconds=0.2"),
    ):
        apply_first()
        for document in yaml.safe_load_all(FIRST):
            # The same in the namespace, for the kinds that are there.
            kind = document["kind"].removeprefix("Cluster")
            apply({**document, "kind": kind}, namespace)
        apply(_class(namespace))
        apply(SERVICE.replace("namespace: demo", f"namespace: {namespace}"))
        cluster.wait_ready("inferenceservices", "chat", namespace)
        eventually(lambda: cluster.get("leases", names.LEADER_LEASE, namespace))
        eventually(lambda: cluster.get("secrets", names.WEBHOOK_SECRET, namespace))
        eventually(_trusted)
        external = {names.ANNOTATION_AUTOSCALER_CLASS: "external"}
        edit = {"metadata": {"annotations": external}}
        cluster.patch("inferenceservices", "chat", namespace, edit)
        eventually(lambda: not cluster.items("horizontalpodautoscalers", namespace))
        delete("inferenceservices", "chat", namespace)
        for plural in ("basemodels", "servingruntimes"):
            cluster.delete_collection(plural, namespace)
        delete("acceleratorclasses", namespace)
        delete_first()
    entries = audit(began)
    assert not {entry["requestURI"] for entry in entries if _is_refused(entry)}
    role = granted(MANAGER)
    assert asked(entries) <= role
    unused = {entry for entry in role - asked(entries) if not _implied(entry, asked(entries))}
    unused = {entry for entry in unused if entry[:2] not in ELSEWHERE}
    assert sorted(unused - NOT_MET.keys()) == [], "granted, but nothing asked for it"
    assert ELSEWHERE.keys() <= {entry[:2] for entry in role}, "a place for what is not granted"
    assert NOT_MET.keys() <= role, "a reason for what is not granted any more"


def _is_refused(entry: dict[str, Any]) -> bool:
    """For want of a permission; nobody may add to a namespace that goes (another test's)."""
    answer = entry["responseStatus"]
    return answer["code"] == 403 and "being terminated" not in answer.get("message", "")


def _trusted() -> bool:
    """Whether each configuration has the bundle."""
    found = [
        webhook["clientConfig"].get("caBundle")
        for plural in ("mutatingwebhookconfigurations", "validatingwebhookconfigurations")
        for item in cluster.items(plural)
        for webhook in item["webhooks"]
    ]
    return bool(found) and all(found)


def _implied(entry: tuple[str, str, str], met: set[tuple[str, str, str]]) -> bool:
    """A list shows all that a get would; the server wants create of an apply that makes."""
    group, plural, verb = entry
    return (verb == "get" and (group, plural, "list") in met) or (
        verb == "create" and (group, plural, "patch") in met
    )


def _class(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "ome.io/v1beta1",
        "kind": "AcceleratorClass",
        "metadata": {"name": name},
        "spec": {
            "vendor": "nvidia",
            "discovery": {"nodeSelector": {"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"}},
            "capabilities": {"memoryGB": "80"},
            "resources": [{"name": "nvidia.com/gpu", "quantity": "1"}],
        },
    }
