"""The started control plane does what tests rely on. Run by `hack/test --control-plane`."""

from __future__ import annotations

import base64
import json
import os
import ssl
import subprocess
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hack.control_plane import certificates, layout, lifecycle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [pytest.mark.control_plane, pytest.mark.timeout(240)]


@pytest.fixture
def start() -> layout.Start:
    return layout.load(Path(os.environ["OME_CONTROL_PLANE_DIR"]))


@pytest.fixture
def kubectl(start: layout.Start) -> Callable[..., str]:
    def run(*arguments: str, apply: object = None, config: Path = start.kubeconfig) -> str:
        done = subprocess.run(
            [start.program("kubectl"), "--kubeconfig", config, *arguments],
            input=None if apply is None else json.dumps(apply),
            capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, f"{arguments}: {done.stderr}"
        return done.stdout

    return run


@pytest.fixture
def namespace(kubectl: Callable[..., str]) -> Iterator[str]:
    name = f"live-{uuid.uuid4().hex[:8]}"
    kubectl("create", "namespace", name)
    until(lambda: "default" in kubectl("get", "serviceaccounts", "-n", name, "-o", "name"))
    yield name
    kubectl("delete", "namespace", name, "--wait=false")


def until(condition: Callable[[], bool], seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not so within {seconds} s"
        time.sleep(0.2)


def deployment(name: str, **annotations: str) -> dict[str, Any]:
    labels = {"app": name}
    template = {
        "metadata": {"labels": labels, "annotations": annotations},
        "spec": {
            "containers": [
                {"name": "main", "image": "none", "resources": {"limits": {"nvidia.com/gpu": "1"}}}
            ]
        },
    }
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    metadata = {"name": name}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def test_nodes_look_like_gpu_nodes(kubectl: Callable[..., str]) -> None:
    items = json.loads(kubectl("get", "nodes", "-o", "json"))["items"]
    node = next(item for item in items if item["metadata"]["name"] == "gpu-0")
    assert node["metadata"]["labels"]["nvidia.com/gpu.present"] == "true"
    assert node["status"]["allocatable"]["nvidia.com/gpu"] == "8"
    assert "taints" not in node["spec"]


def test_a_deployment_becomes_available(kubectl: Callable[..., str], namespace: str) -> None:
    kubectl("apply", "-n", namespace, "-f", "-", apply=deployment("web"))
    kubectl("rollout", "status", "-n", namespace, "deployment/web", "--timeout=90s")


@pytest.mark.parametrize("reason", ["ImagePullBackOff", "CrashLoopBackOff"])
def test_a_pod_fails_as_annotated_and_recovers(
    kubectl: Callable[..., str], namespace: str, reason: str
) -> None:
    annotated = deployment("bad", **{"kwok.ome.io/fail": reason})
    kubectl("apply", "-n", namespace, "-f", "-", apply=annotated)

    def states() -> str:
        path = "{.items[*].status.containerStatuses[*].state}"
        return kubectl("get", "pods", "-n", namespace, "-o", f"jsonpath={path}")

    until(lambda: reason in states())
    kubectl("annotate", "-n", namespace, "pods", "--all", "kwok.ome.io/fail-")
    kubectl("rollout", "status", "-n", namespace, "deployment/bad", "--timeout=90s")


@pytest.mark.parametrize(("fail", "condition"), [("", "Complete"), ("Error", "Failed")])
def test_a_job_ends(kubectl: Callable[..., str], namespace: str, fail: str, condition: str) -> None:
    pod = deployment("job", **{"kwok.ome.io/fail": fail})["spec"]["template"]
    pod["spec"]["restartPolicy"] = "Never"
    spec = {"backoffLimit": 0, "template": pod}
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "once"}, "spec": spec}
    kubectl("apply", "-n", namespace, "-f", "-", apply=job)
    wait = f"--for=condition={condition}"
    kubectl("wait", "-n", namespace, wait, "job/once", "--timeout=90s")


def test_owned_objects_are_collected(kubectl: Callable[..., str], namespace: str) -> None:
    kubectl("apply", "-n", namespace, "-f", "-", apply=deployment("web"))
    kubectl("rollout", "status", "-n", namespace, "deployment/web", "--timeout=90s")
    kubectl("delete", "-n", namespace, "deployment/web")
    until(lambda: not kubectl("get", "pods,replicasets", "-n", namespace, "-o", "name"))


def test_a_service_account_token_and_rbac(
    start: layout.Start, kubectl: Callable[..., str], namespace: str
) -> None:
    assert kubectl("create", "token", "default", "-n", namespace).count(".") == 2
    user = f"system:serviceaccount:{namespace}:default"
    config = lifecycle.add_user(start, user, [])
    assert user in kubectl("auth", "whoami", config=config)
    with pytest.raises(AssertionError, match="cannot list resource"):
        kubectl("get", "pods", "-n", namespace, config=config)
    kubectl(
        "create", "rolebinding", "view", "-n", namespace, "--clusterrole=view",
        f"--serviceaccount={namespace}:default",
    )  # fmt: skip
    until(lambda: can_list(kubectl, namespace, config))


def can_list(kubectl: Callable[..., str], namespace: str, config: Path) -> bool:
    try:
        kubectl("get", "pods", "-n", namespace, config=config)
    except AssertionError:
        return False
    return True


def test_requests_of_a_user_are_audited_at_once(
    start: layout.Start, kubectl: Callable[..., str], namespace: str
) -> None:
    name = f"auditee-{namespace}"
    config = lifecycle.add_user(start, name, ["system:masters"])
    kubectl("create", "configmap", "seen", "-n", namespace, config=config)
    with start.audit_log.open() as log:  # of all tests before: most lines are not worth a parse
        events = [json.loads(line) for line in log if name in line]
    mine = [event for event in events if event["user"]["username"] == name]
    created = [event for event in mine if event["verb"] == "create"]
    assert [event["objectRef"]["name"] for event in created] == ["seen"]
    assert {"requestReceivedTimestamp", "stageTimestamp"} <= created[0].keys()
    assert "RequestReceived" not in {event["stage"] for event in mine}


class Mutator(BaseHTTPRequestHandler):
    """Puts a label on whatever it is asked about."""

    def do_POST(self) -> None:
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        patch = [{"op": "add", "path": "/metadata/labels", "value": {"mutated": "yes"}}]
        review["response"] = {
            "uid": review.pop("request")["uid"],
            "allowed": True,
            "patchType": "JSONPatch",
            "patch": base64.b64encode(json.dumps(patch).encode()).decode(),
        }
        body = json.dumps(review).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def webhook_port(start: layout.Start, namespace: str, tmp_path: Path) -> Iterator[int]:
    assert start.address, "this machine has no address but loopback"
    for file in ("ca.crt", "ca.key"):
        (tmp_path / file).write_bytes((start.pki / file).read_bytes())
    host = f"hook.{namespace}.svc"
    certificates.make(tmp_path, [certificates.request("hook", host, "ca", hosts=[host])])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "hook.crt", tmp_path / "hook.key")
    with ThreadingHTTPServer((start.address, 0), Mutator) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_a_webhook_is_reached_through_its_service(
    start: layout.Start, kubectl: Callable[..., str], namespace: str, webhook_port: int
) -> None:
    kubectl("apply", "-f", "-", apply=webhook_objects(start, namespace, webhook_port))
    try:
        names = iter(range(1000))

        def mutated() -> bool:
            name = f"config-{next(names)}"
            kubectl("create", "configmap", name, "-n", namespace)
            return "yes" in kubectl("get", "configmap", name, "-n", namespace, "-o", "yaml")

        until(mutated)
    finally:
        kubectl("delete", "mutatingwebhookconfiguration", namespace)


def webhook_objects(start: layout.Start, namespace: str, port: int) -> dict[str, Any]:
    metadata = {"name": "hook", "namespace": namespace}
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {"ports": [{"name": "https", "port": 443}]},
    }
    endpoints = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": metadata | {"labels": {"kubernetes.io/service-name": "hook"}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [start.address]}],
        "ports": [{"name": "https", "port": port}],
    }
    authority = base64.b64encode((start.pki / "ca.crt").read_bytes()).decode()
    rule = {
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "operations": ["CREATE"],
        "resources": ["configmaps"],
    }
    hook = {
        "name": "hook.ome.io",
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "failurePolicy": "Fail",
        "clientConfig": {
            "caBundle": authority,
            "service": {"name": "hook", "namespace": namespace, "port": 443},
        },
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "rules": [rule],
    }
    configuration = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": namespace},
        "webhooks": [hook],
    }
    return {"apiVersion": "v1", "kind": "List", "items": [service, endpoints, configuration]}
