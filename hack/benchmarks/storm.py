"""Many services with engine and router at once, on a real API server.

What is measured is what the manager needs until every object of every service is there and every
status speaks of it, with the controllers of the control plane at rest: seconds and requests. Then
they go on, and it is measured when all services are Ready. With ``--together`` they work all the
time: for each service they send three times as many requests as the manager, on the same cores.
Services go through the manager's webhooks. It runs alone: the peer is the Go operator, which needs
48 s, 21 writes and 25 reads a service.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import tempfile
import time
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import _cluster as cluster
from benchmarks import _report as report
from ome.api import names
from ome.api.truncate import model_node_label
from ome.webhooks.table import client_config, configurations

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LABEL = "ome.bench/run=storm"
SECONDS, WRITES = 8.0, 14.0
_WRITES = {"create", "update", "patch", "delete"}
_OTHERS = ("kube-controller-manager", "kube-scheduler", "kwok")
_QUIET = 10.0
"""Seconds after the last Ready in which nothing more may be written."""


def main(argv: Sequence[str]) -> int:
    """Measure; 0 when it was fast and quiet enough."""
    parser = argparse.ArgumentParser(prog="hack/bench storm", description=__doc__)
    parser.add_argument("--services", type=int, default=100)
    parser.add_argument("--together", action="store_true", help="with the plane's own controllers")
    wanted = parser.parse_args(argv)
    cluster.require()
    with tempfile.TemporaryDirectory() as folder, _stage() as where:
        port = cluster.free_port()
        words = ("--webhook", f"--webhook-port={port}", f"--webhook-cert-dir={folder}/none")
        manager = cluster.Manager(Path(folder), where, "storm", *words)
        try:
            manager.wait_ready()
            cluster.create_all([_endpoints(where, port)])
            time.sleep(3)  # the model's finalizer and first status
            return _measure(manager, where, wanted.services, together=wanted.together)
        finally:
            cluster.kubectl("delete", "inferenceservices", "--all", "-n", where)
            manager.stop()


@contextmanager
def _stage() -> Iterator[str]:
    """A namespace with a model, a runtime, and reviews of what is made in it."""
    with cluster.namespace() as where:
        scope = {"matchLabels": {"kubernetes.io/metadata.name": where}}
        hooks = configurations(client_config(where), namespaces=scope)
        try:
            cluster.create_all([_model(where), _runtime(where), _webhook_service(where)])
            # Nobody answers the reviews yet, so what they cover is there before.
            cluster.create_all(hooks)
            cluster.kubectl("label", "nodes", "--all", f"{model_node_label('', where)}=Ready")
            yield where
        finally:
            for hook in hooks:
                kind, name = hook["kind"], hook["metadata"]["name"]
                cluster.kubectl("delete", kind, name, "--ignore-not-found")
            cluster.kubectl("label", "nodes", "--all", f"{model_node_label('', where)}-")
            cluster.kubectl("delete", "clusterservingruntimes", "-l", LABEL, "--wait=false")
            free = '{"metadata":{"finalizers":null}}'
            cluster.kubectl("patch", "clusterbasemodel", where, "--type=merge", "-p", free)
            cluster.kubectl("delete", "clusterbasemodels", "-l", LABEL, "--wait=false")


def _measure(manager: cluster.Manager, where: str, services: int, *, together: bool) -> int:
    before, began = manager.cpu, time.time()
    with nullcontext() if together else cluster.at_rest(*_OTHERS):
        cluster.create_all([_service(where, number) for number in range(services)])
        told = _until(where, services, _told) - began
        spent = manager.cpu - before
        time.sleep(0 if together else 2)
        made = _requests(began)
    ready = _until(where, services, _ready) - began
    time.sleep(_QUIET)
    counts = _requests(began)
    rows: list[list[object]] = [
        ["services", services],
        ["all objects and statuses, s", told],
        ["manager CPU-seconds until then", spent],
        ["writes a service until then", _sum(made, _WRITES) / services],
        ["all Ready, s", ready],
        ["writes a service in all", _sum(counts, _WRITES) / services],
        ["reads a service in all", _sum(counts, {"get", "list"}) / services],
    ]
    report.table(["storm", "value"], rows)
    print()
    each = sorted(counts.items(), key=lambda item: -item[1])
    report.table(["request", "a service"], [[" ".join(k), n / services] for k, n in each])
    report.as_json("storm", {str(name): value for name, value in rows})
    good = told <= SECONDS and _sum(made, _WRITES) <= WRITES * services
    return 0 if good and not _sum(counts, {"get", "list"}) else 1


def _requests(began: float) -> collections.Counter[tuple[str, str]]:
    """What the manager asked since then, by verb and resource."""
    entries = cluster.audit(began, "ome/")
    return collections.Counter(_kind(entry) for entry in entries if not _is_of_the_lease(entry))


def _sum(counts: collections.Counter[tuple[str, str]], verbs: set[str]) -> int:
    return sum(count for (verb, _), count in counts.items() if verb in verbs)


def _kind(entry: dict[str, Any]) -> tuple[str, str]:
    about = entry.get("objectRef") or {}
    sub = about.get("subresource")
    return entry["verb"], about.get("resource", "?") + (f"/{sub}" if sub else "")


def _is_of_the_lease(entry: dict[str, Any]) -> bool:
    about = entry.get("objectRef") or {}
    return entry["verb"] == "watch" or about.get("resource") == "leases" or not about


def _until(where: str, services: int, holds: Any) -> float:
    """When the answer became true of all."""
    path = f"/apis/ome.io/v1beta1/namespaces/{where}/inferenceservices"

    def all_of_them() -> float:
        items = json.loads(cluster.kubectl("get", "--raw", path))["items"]
        return time.time() if len(items) == services and all(map(holds, items)) else 0.0

    found: float = cluster.wait_for(all_of_them, 300, "services that are ready", 0.25)
    return found


def _conditions(item: dict[str, Any]) -> dict[str, str]:
    status = item.get("status") or {}
    return {entry["type"]: entry["status"] for entry in status.get("conditions") or ()}


def _told(item: dict[str, Any]) -> bool:
    """Whether its status speaks of both components, which it does once all objects are made."""
    return {"EngineReady", "RouterReady", "Ready"} <= _conditions(item).keys()


def _ready(item: dict[str, Any]) -> bool:
    return _conditions(item).get("Ready") == "True"


def _labelled(kind: str, name: str, spec: dict[str, Any], namespace: str = "") -> dict[str, Any]:
    key, value = LABEL.split("=")
    place = {"namespace": namespace} if namespace else {}
    return {
        "apiVersion": "ome.io/v1beta1",
        "kind": kind,
        "metadata": {"name": name, "labels": {key: value}, **place},
        "spec": spec,
    }


FORMAT = {"modelFormat": {"name": "safetensors"}, "modelFramework": {"name": "transformers"}}


def _webhook_service(where: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": names.WEBHOOK_SERVICE, "namespace": where},
        "spec": {"ports": [{"name": "https", "port": 443}]},
    }


def _endpoints(where: str, port: int) -> dict[str, Any]:
    label = {"kubernetes.io/service-name": names.WEBHOOK_SERVICE}
    address = os.environ["OME_CONTROL_PLANE_ADDRESS"]
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "manager", "namespace": where, "labels": label},
        "addressType": "IPv4",
        "ports": [{"name": "https", "port": port}],
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
    }


def _model(name: str) -> dict[str, Any]:
    storage = {"storageUri": "hf://example/storm", "path": "/raid/m"}
    return _labelled("ClusterBaseModel", name, {**FORMAT, "storage": storage})


def _runtime(name: str) -> dict[str, Any]:
    runner = {"image": "example.test/serve:1", "ports": [{"containerPort": 8080}]}
    spec = {
        "supportedModelFormats": [{**FORMAT, "autoSelect": True}],
        "engineConfig": {"runner": {"name": "ome-container", **runner}},
        "routerConfig": {"runner": {"name": "router", **runner}},
    }
    return _labelled("ClusterServingRuntime", name, spec)


def _service(where: str, number: int) -> dict[str, Any]:
    spec = {
        "model": {"name": where},
        "runtime": {"name": where},
        "engine": {"minReplicas": 1, "maxReplicas": 1},
        "router": {"minReplicas": 1, "maxReplicas": 1},
    }
    return _labelled("InferenceService", f"storm-{number}", spec, where)
