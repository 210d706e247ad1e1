"""Simulated GPU nodes, labelled as NVIDIA's device plugin and feature discovery label real ones."""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .client import of_apiserver
from .errors import ControlPlaneError
from .versions import KUBERNETES, KWOK

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .client import Client
    from .layout import Start

CONNECTIONS = 4
"""Requests at once. More would not be faster on the few cores that the server has."""
PODS_PER_NODE = 250
NODE_INFO = {
    "architecture": "amd64",
    "operatingSystem": "linux",
    "kubeletVersion": f"v{KUBERNETES}",
    "containerRuntimeVersion": f"kwok://{KWOK}",
}


@dataclass(frozen=True)
class Shape:
    """What each of the nodes is like; `labels` come last and may replace the others."""

    gpus: int = 8
    labels: Mapping[str, str] = field(default_factory=dict)


def add(start: Start, count: int, prefix: str, shape: Shape) -> list[str]:
    """Create so many nodes, numbered after those that there are, and return their names."""
    with of_apiserver(start) as client:
        existing = [name_of(node) for node in _list(client)]
    first = next_number(prefix, existing)
    # Each has its own range of pod addresses; with all used up, kwok's common range serves.
    documents = [node(f"{prefix}-{first + i}", len(existing) + i, shape) for i in range(count)]
    shares = [documents[i::CONNECTIONS] for i in range(CONNECTIONS)]
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        list(pool.map(lambda share: _create(start, share), shares))
    return [name_of(document) for document in documents]


def wait_ready(start: Start, names: Iterable[str], deadline: float) -> None:
    """Return when these nodes are Ready and take pods; raise `ControlPlaneError` when late."""
    waiting, end = set(names), time.monotonic() + deadline
    with of_apiserver(start) as client:
        while waiting := waiting - {name_of(n) for n in _list(client) if takes_pods(n)}:
            if time.monotonic() > end:
                raise ControlPlaneError(
                    f"{len(waiting)} nodes are not ready after {deadline:.0f} s, the first is "
                    f"{min(waiting)}; see {start.log('kwok')} and "
                    f"{start.log('kube-controller-manager')}"
                )
            # Each look costs the server what all nodes together weigh.
            time.sleep(0.2 if len(waiting) < 100 else 1.5)


def name_of(node: Mapping[str, Any]) -> str:
    """Its name."""
    return str(node["metadata"]["name"])


def takes_pods(node: Mapping[str, Any]) -> bool:
    """Whether a node is Ready and has lost the taint that new nodes start with."""
    conditions = node.get("status", {}).get("conditions", [])
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
    taints = [taint["key"] for taint in node["spec"].get("taints", [])]
    return ready and "node.kubernetes.io/not-ready" not in taints


def next_number(prefix: str, existing: Iterable[str]) -> int:
    """One more than the highest number of this prefix."""
    pattern = re.compile(re.escape(prefix) + r"-(\d+)")
    matches = (pattern.fullmatch(name) for name in existing)
    return max((int(match[1]) for match in matches if match), default=-1) + 1


def node(name: str, index: int, shape: Shape) -> dict[str, Any]:
    """The document of one node. kwok fills in the rest of its status."""
    resources = {"cpu": "192", "memory": "2Ti", "ephemeral-storage": "8Ti"}
    resources["pods"] = str(PODS_PER_NODE)
    if shape.gpus:
        resources["nvidia.com/gpu"] = str(shape.gpus)
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": {"kwok.x-k8s.io/node": "fake"},
            "labels": labels(name, shape),
        },
        "spec": {"podCIDR": pod_addresses(index)} if pod_addresses(index) else {},
        "status": {"allocatable": resources, "capacity": resources, "nodeInfo": NODE_INFO},
    }


def labels(name: str, shape: Shape) -> dict[str, str]:
    """What kubelet, the cloud and GPU feature discovery put on a node of this shape."""
    common = {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        # The node controller would add these two, with two more requests for each node.
        "beta.kubernetes.io/os": "linux",
        "beta.kubernetes.io/arch": "amd64",
        "node.kubernetes.io/instance-type": "BM.GPU.H100.8" if shape.gpus else "VM.Standard.E5",
        "topology.kubernetes.io/region": "sim-1",
        "topology.kubernetes.io/zone": "sim-1-a",
        "type": "kwok",
    }
    gpu = {
        "nvidia.com/gpu.present": "true",
        "nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3",
        "nvidia.com/gpu.family": "hopper",
        "nvidia.com/gpu.count": str(shape.gpus),
        "nvidia.com/gpu.memory": "81559",
        "nvidia.com/gpu.replicas": "1",
        "nvidia.com/gpu.sharing-strategy": "none",
        "nvidia.com/gpu.compute.major": "9",
        "nvidia.com/gpu.compute.minor": "0",
        "nvidia.com/mig.capable": "true",
        "nvidia.com/mig.strategy": "single",
        "nvidia.com/cuda.driver-version.full": "570.124.06",
        "nvidia.com/cuda.driver-version.major": "570",
        "nvidia.com/cuda.runtime-version.major": "12",
        "nvidia.com/cuda.runtime-version.minor": "8",
    }
    return common | (gpu if shape.gpus else {}) | dict(shape.labels)


def pod_addresses(index: int) -> str | None:
    """The /24 of the node of this index out of 10.128.0.0/9, or None when they are used up."""
    high, low = divmod(index, 256)
    return f"10.{128 + high}.{low}.0/24" if high < 128 else None


def _create(start: Start, documents: list[dict[str, Any]]) -> None:
    with of_apiserver(start) as client:
        for document in documents:
            client.json("POST", "/api/v1/nodes", document)


def _list(client: Client) -> list[dict[str, Any]]:
    # From the server's cache: this may be asked many times of thousands of nodes.
    items = client.json("GET", "/api/v1/nodes?resourceVersion=0").get("items") or []
    return list(items)
