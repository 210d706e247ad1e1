"""The policies of the chart on a real API server, under names and a namespace of their own."""

from __future__ import annotations

import json
import time
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests import cluster

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.cluster, pytest.mark.control_plane, pytest.mark.timeout(120)]

POLICIES = Path(__file__).resolve().parents[2] / "charts/ome-resources/files/policies"
ADMISSION = "/apis/admissionregistration.k8s.io/v1"
NODE_CLAIM = "authentication.kubernetes.io%2fnode-name"


@contextmanager
def policy(file: str, **lists: list[str]) -> Iterator[str]:
    """The documents of a file with lists of variables; gives the namespace that they name."""
    space = f"policy-{uuid.uuid4().hex[:8]}"
    cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space}})
    text = (POLICIES / file).read_text()
    text = text.replace(":ome:", f":{space}:")
    made = []
    for document in yaml.safe_load_all(text):
        kind, name = document["kind"], document["metadata"]["name"]
        document["metadata"]["name"] = f"{name}-{space}"
        made.append((kind, document["metadata"]["name"]))
        if kind == "ValidatingAdmissionPolicyBinding":
            document["spec"]["policyName"] += f"-{space}"
        for variable in document["spec"].get("variables", ()):
            if variable["name"] in lists:
                variable["expression"] = json.dumps(lists[variable["name"]])
        cluster.create(document)
    try:
        for kind, name in made:
            if kind == "ValidatingAdmissionPolicy":
                _until_checked(name)
        time.sleep(1)  # bindings come into force with the next sync, which nothing tells
        yield space
    finally:
        for kind, name in made:
            plural = {"ValidatingAdmissionPolicy": "validatingadmissionpolicies"}.get(
                kind, "validatingadmissionpolicybindings"
            )
            cluster.request("DELETE", f"{ADMISSION}/{plural}/{name}")
        cluster.delete("namespaces", space)


def _until_checked(name: str) -> None:
    """Wait until the server has type-checked a policy, and found nothing wrong with it."""

    def checked() -> bool:
        found = cluster.request("GET", f"{ADMISSION}/validatingadmissionpolicies/{name}")
        status = found.get("status") or {}
        wrong = (status.get("typeChecking") or {}).get("expressionWarnings")
        assert not wrong, json.dumps(wrong, indent=1)
        return bool(status.get("observedGeneration"))

    cluster.eventually(checked)


def as_agent(
    space: str, node: str, method: str, path: str, body: Any = None, media: str = "application/json"
) -> tuple[int, str]:
    """A request as the agent of a node makes it."""
    headers = {
        "Impersonate-User": f"system:serviceaccount:{space}:ome-model-agent",
        "Impersonate-Group": "system:masters",  # RBAC is not what is tested
        "Content-Type": media,
    }
    if node:
        headers[f"Impersonate-Extra-{NODE_CLAIM}"] = node
    status, text = cluster.raw(method, path, json.dumps(body) if body else "", headers)
    return status, str(json.loads(text).get("message", ""))


def config_map(name: str) -> dict[str, Any]:
    metadata = {"name": name, "labels": {"models.ome/basemodel-status": "true"}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": "b"}}


def test_an_agent_writes_only_what_is_its_own_nodes() -> None:
    with policy("agent-own-node.yaml") as space:
        maps = f"/api/v1/namespaces/{space}/configmaps"
        status, text = as_agent(space, "n1", "POST", maps, config_map("n2"))
        assert (status, "may not change ConfigMap n2" in text) == (403, True), text
        status, text = as_agent(space, "", "POST", maps, config_map("n1"))
        assert (status, "names no node" in text) == (403, True), text
        assert as_agent(space, "n1", "POST", maps, config_map("n1"))[0] == 201
        change = {"data": {"a": "c"}}
        media = "application/merge-patch+json"
        assert as_agent(space, "n2", "PATCH", f"{maps}/n1", change, media)[0] == 403
        assert as_agent(space, "n1", "PATCH", f"{maps}/n1", change, media)[0] == 200
        assert as_agent(space, "n2", "DELETE", f"{maps}/n1")[0] == 403
        assert as_agent(space, "n1", "DELETE", f"{maps}/n1")[0] == 200
        cluster.create(config_map("of-somebody"), space)  # others are not concerned


def test_an_agent_changes_only_what_is_about_models_of_its_node() -> None:
    name = f"policy-{uuid.uuid4().hex[:8]}"
    node = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "annotations": {"of": "us"}},
    }
    cluster.create(node)
    try:
        with policy("agent-own-node.yaml") as space:
            path, media = f"/api/v1/nodes/{name}", "application/merge-patch+json"

            def patched(as_node: str, change: dict[str, Any]) -> int:
                return as_agent(space, as_node, "PATCH", path, change, media)[0]

            ours = {"metadata": {"labels": {"models.ome.io/clusterbasemodel.m": "Ready"}}}
            assert patched("other", ours) == 403
            assert patched(name, ours) == 200
            address = {"annotations": {"models.ome.io/agent-address": "http://10.1.2.3:8080"}}
            assert patched("other", {"metadata": address}) == 403
            assert patched(name, {"metadata": address}) == 200
            assert patched(name, {"metadata": {"labels": {"zone": "a"}}}) == 403
            assert patched(name, {"metadata": {"annotations": {"a": "b"}}}) == 403
            assert patched(name, {"metadata": {"annotations": {"of": None}}}) == 403
            assert patched(name, {"spec": {"unschedulable": True}}) == 403
            gone = {"metadata": {"labels": {"models.ome.io/clusterbasemodel.m": None}}}
            assert patched(name, gone) == 200
    finally:
        cluster.delete("nodes", name)


def lease(name: str, **labels: str) -> dict[str, Any]:
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": name, "labels": labels},
        "spec": {"holderIdentity": "n1", "leaseDurationSeconds": 15},
    }


def test_an_agent_leaves_the_managers_lease_alone() -> None:
    lock, slots = "ome-controller-manager-leader-lock", "models.ome.io/download-slots"
    with policy("agent-own-node.yaml") as space:
        leases = f"/apis/coordination.k8s.io/v1/namespaces/{space}/leases"
        media = "application/merge-patch+json"

        def asked(method: str, path: str, body: Any = None, media: str = "application/json") -> int:
            return as_agent(space, "n1", method, f"{leases}{path}", body, media)[0]

        assert asked("POST", "", lease("m-0", **{slots: "m"})) == 201
        assert asked("PATCH", "/m-0", {"spec": {"holderIdentity": "n2"}}, media) == 200
        assert asked("PATCH", "/m-0", {"metadata": {"labels": {slots: None}}}, media) == 403
        assert asked("DELETE", "/m-0") == 200
        # Neither made first, nor taken, nor removed: nobody would lead.
        assert asked("POST", "", lease(lock, **{slots: "m"})) == 403
        cluster.create(lease(lock), space)
        mine = {"metadata": {"labels": {slots: "m"}}, "spec": {"holderIdentity": "n1"}}
        status, text = as_agent(space, "n1", "PATCH", f"{leases}/{lock}", mine, media)
        assert (status, "download slots" in text) == (403, True), text
        assert asked("DELETE", f"/{lock}") == 403


def test_a_token_of_a_pod_names_its_node() -> None:
    """What the policy reads is really there, in the tokens that agents are given."""
    space = f"policy-{uuid.uuid4().hex[:8]}"
    cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space}})
    try:
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "agent"}}
        cluster.create(account, space)
        node = cluster.items("nodes")[0]["metadata"]["name"]
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "agent"},
            "spec": {
                "nodeName": node,
                "serviceAccountName": "agent",
                "containers": [{"name": "a", "image": "a"}],
            },
        }
        uid = cluster.create(pod, space)["metadata"]["uid"]
        bound = {"kind": "Pod", "apiVersion": "v1", "name": "agent", "uid": uid}
        asked = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"boundObjectRef": bound},
        }
        path = f"/api/v1/namespaces/{space}/serviceaccounts/agent/token"
        token = cluster.request("POST", path, asked)["status"]["token"]
        review = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "spec": {"token": token},
        }
        told = cluster.request("POST", "/apis/authentication.k8s.io/v1/tokenreviews", review)
        extra = told["status"]["user"]["extra"]
        assert extra["authentication.kubernetes.io/node-name"] == [node]
    finally:
        cluster.delete("namespaces", space)


BASE = "/apis/ome.io/v1beta1"
OF_A_WEIGHT = {"baseModelRef": {"name": "m"}, "modelType": "LoRA", "hyperParameters": {}}


def told_of(storage: dict[str, Any], kind: str = "ClusterBaseModel", **spec: Any) -> str:
    """What the server says of a model with this storage; empty when it takes it."""
    model = {
        "apiVersion": "ome.io/v1beta1",
        "kind": kind,
        "metadata": {"name": f"policy-{uuid.uuid4().hex[:8]}"},
        "spec": {**spec, "storage": {"storageUri": "hf://a/b", **storage}},
    }
    try:
        cluster.request("POST", f"{BASE}/{kind.lower()}s", model, dryRun="All")
    except cluster.Problem as problem:
        return str(problem)
    return ""


def at(endpoint: str) -> dict[str, Any]:
    return {"parameters": {"endpoint": endpoint}}


ALLOWED = [
    {"path": "/raid/models"},
    {"path": "/raid/models/a/..b"},
    {"storageUri": "local:///mnt/m/x"},
    {"storageUri": "https://files.example.com/a/b#sha256=" + "0" * 64},
    at("https://hub.example.com"),
    at("http://10.1.2.3:9000"),
    at("http://minio.storage.svc:9000/x"),
    at("http://db1:9000"),
    at("http://[fd00::1]:9000"),
]
REFUSED = [
    ({"path": "/raid/models/../../etc"}, "without .. in it"),
    ({"path": "raid/models"}, "must be an absolute directory"),
    ({"path": "/raid/modelsx"}, "must be below /raid/models or /mnt/m"),
    ({"path": "/etc"}, "must be below /raid/models or /mnt/m"),
    ({"storageUri": "local:///etc/x"}, "must be below /raid/models or /mnt/m"),
    ({"storageUri": "http://169.254.169.254/latest"}, "metadata service"),
    ({"storageUri": "https://localhost/x"}, "the machine itself"),
    *(
        (at(endpoint), "the machine itself")
        for endpoint in (
            "http://169.254.169.254",
            "http://127.0.0.1:8080",
            "http://[::1]:80",
            "http://[fe80::1]",
            "http://[::ffff:127.0.0.1]",
            "http://0.0.0.0",
            "http://2130706433",
            "http://0x7f000001",
            "http://127.1",
            "http://LOCALHOST",
            "http://a.localhost",
            "http://metadata.google.internal",
            "http://169.254.169.254.nip.io",
        )
    ),
    (at("hub.example.com"), "is no URL"),
]


def test_models_go_and_come_only_where_the_platform_allows() -> None:
    with policy("model-storage.yaml", allowedRoots=["/raid/models/", "/mnt/m"]):
        cluster.eventually(lambda: told_of({"path": "/etc"}))
        told = {json.dumps(storage): told_of(storage) for storage in ALLOWED}
        assert {name: text for name, text in told.items() if text} == {}
        for storage, text in REFUSED:
            assert text in told_of(storage), storage
        assert told_of({"path": "/raid/models/w"}, "FineTunedWeight", **OF_A_WEIGHT) == ""
        refused = told_of({"path": "/etc"}, "FineTunedWeight", **OF_A_WEIGHT)
        assert "must be below /raid/models or /mnt/m" in refused


def test_named_endpoints_are_the_only_ones() -> None:
    with policy("model-storage.yaml", allowedEndpoints=["https://hub.example.com"]):
        cluster.eventually(lambda: told_of(at("http://169.254.169.254")))
        assert told_of(at("https://hub.example.com/x")) == ""
        assert told_of({"path": "/anywhere"}) == ""
        for endpoint in ("https://hub.example.com.evil.org", "https://other.org"):
            assert "must begin with https://hub.example.com" in told_of(at(endpoint))
