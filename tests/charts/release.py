"""The charts installed in a namespace, and their manager and agent as processes of this machine."""

from __future__ import annotations

import json
import os
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from ome.api import names
from tests.charts.support import CHARTS, Json, helm
from tests.cluster import apply, eventually, get, items, request
from tests.e2e.harness import Process, answers, audit, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

MANAGER_ACCOUNT, AGENT_ACCOUNT = "ome-controller-manager", "ome-model-agent"


class Release:
    """A namespace with the charts in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.namespace = f"charts-{uuid.uuid4().hex[:8]}"

    def helm(self, *words: str) -> str:
        done = helm(*words, "--namespace", self.namespace)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def install(self, name: str, chart: str, **values: Any) -> str:
        """Install or upgrade; what is there already (CRDs of the test cluster) is taken over."""
        given = [f"--set-json={key}={json.dumps(value)}" for key, value in values.items()]
        words = ("upgrade", "--install", name, str(CHARTS / chart), "--take-ownership")
        return self.helm(*words, "--create-namespace", "--reset-then-reuse-values", *given)

    def token(self, account: str, pod: Json | None = None) -> str:
        """A token of an account; of a pod's as the kubelet asks for it, so it names the node."""
        path = f"/api/v1/namespaces/{self.namespace}/serviceaccounts/{account}/token"
        spec: Json = {"expirationSeconds": 3600}
        if pod is not None:
            bound = {key: pod["metadata"][key] for key in ("name", "uid")}
            spec["boundObjectRef"] = {"apiVersion": "v1", "kind": "Pod", **bound}
        asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        token: str = request("POST", path, asked)["status"]["token"]
        return token

    def kubeconfig(self, account: str, pod: Json | None = None) -> Path:
        """As a pod of the account would talk to the API server."""
        config = yaml.safe_load(Path(os.environ["KUBECONFIG"]).read_text())
        current = next(
            item for item in config["contexts"] if item["name"] == config["current-context"]
        )
        current["context"]["user"] = account
        config["users"] = [{"name": account, "user": {"token": self.token(account, pod)}}]
        path = self.folder / f"{account}.kubeconfig"
        path.write_text(yaml.safe_dump(config))
        return path

    def container(self, kind: str, name: str) -> Json:
        workload = get(kind, name, self.namespace)
        assert workload is not None
        container: Json = workload["spec"]["template"]["spec"]["containers"][0]
        return container

    def refused(self, account: str, since: float) -> set[str]:
        """What the API server forbade an account."""
        user = f"system:serviceaccount:{self.namespace}:{account}"
        entries = audit(since, user)
        assert entries, f"{user} asked for nothing"
        return {
            f"{entry['verb']} {entry['requestURI']}"
            for entry in entries
            if entry["responseStatus"]["code"] == 403
            # Nobody may make things in a namespace that goes.
            and "is being terminated" not in entry["responseStatus"].get("message", "")
        }


@contextmanager
def running(release: Release) -> Iterator[tuple[Process, int]]:
    """The manager of the chart as a process, behind the chart's Service; and its metrics' port."""
    container = release.container("deployments", "ome-controller-manager")
    assert container["command"] == ["/manager"]
    port, metrics, probes = free_port(), free_port(), free_port()
    environment = {
        entry["name"]: entry.get("value", release.namespace) for entry in container["env"]
    }
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    process = Process(
        release.folder / "manager.log",
        "manager",
        *container["args"],
        # Only what a pod has for itself: how it is reached, and where its account's token is.
        f"--kubeconfig={release.kubeconfig(MANAGER_ACCOUNT)}",
        f"--webhook-port={port}",
        f"--webhook-cert-dir={release.folder}/none",
        f"--health-probe-addr=127.0.0.1:{probes}",
        f"--metrics-bind-address=127.0.0.1:{metrics}",
    )
    for name, value in before.items():
        if value is None:
            del os.environ[name]
        else:
            os.environ[name] = value
    try:
        # As the kubelet and the endpoints controller do it: no review comes before it is ready.
        eventually(lambda: answers(f"http://127.0.0.1:{probes}/readyz") == 200, 90)
        _behind_the_service(release.namespace, os.environ["OME_CONTROL_PLANE_ADDRESS"], port)
        yield process, metrics
        assert process.running, process.tail()
    finally:
        code = process.stop()
    assert code == 0, process.tail()


def _behind_the_service(namespace: str, address: str, port: int) -> None:
    service = get("services", names.WEBHOOK_SERVICE, namespace)
    assert service is not None
    (entry,) = service["spec"]["ports"]
    apply(
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": "local",
                "namespace": namespace,
                "labels": {"kubernetes.io/service-name": names.WEBHOOK_SERVICE},
            },
            "addressType": "IPv4",
            "ports": [{"name": entry["name"], "port": port}],
            "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
        }
    )


def bundles() -> list[str | None]:
    """What the API server trusts, for each of our webhooks."""
    found = []
    for plural in ("mutatingwebhookconfigurations", "validatingwebhookconfigurations"):
        for item in items(plural):
            if item["metadata"]["name"].endswith(".ome.io"):
                found += [hook["clientConfig"].get("caBundle") for hook in item["webhooks"]]
    return found
