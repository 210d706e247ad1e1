"""Simulated GPU nodes, labelled as NVIDIA's device plugin and feature discovery label real ones.

They send no heartbeats: that would be the greater part of all writes and would tell nobody
anything. Whoever says of a node that it is not ready (the condition, or the annotation
``kwok.ome.io/fail: NotReady``) is believed until it is said otherwise.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import msgspec

from ome.kube.resource import ObjectKey
from ome.kube.resources import NODES
from ome.sandbox.cluster.context import Component
from ome.sandbox.cluster.objects import condition, reference

if TYPE_CHECKING:
    from ome.sandbox.cluster.context import Context
    from ome.sandbox.cluster.options import Options
    from ome.sandbox.stored import Stored

__all__ = ["FAIL", "NOT_READY", "UNREACHABLE", "Nodes", "node", "ready_of"]

FAIL = "kwok.ome.io/fail"
NOT_READY = "node.kubernetes.io/not-ready"
UNREACHABLE = "node.kubernetes.io/unreachable"
_UNSCHEDULABLE = "node.kubernetes.io/unschedulable"
_OURS = (NOT_READY, UNREACHABLE, _UNSCHEDULABLE)
_TOLD = f"kubelet is told to fail by the annotation {FAIL}"
_INFO = {
    "architecture": "amd64",
    "bootID": "",
    "containerRuntimeVersion": "sandbox://1",
    "kernelVersion": "sandbox",
    "kubeProxyVersion": "v1.36.3",
    "kubeletVersion": "v1.36.3",
    "machineID": "",
    "operatingSystem": "linux",
    "osImage": "",
    "systemUUID": "",
}
_HEALTHY = (
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
    (
        "MemoryPressure",
        "False",
        "KubeletHasSufficientMemory",
        "kubelet has sufficient memory available",
    ),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("NetworkUnavailable", "False", "RouteCreated", "RouteController created a route"),
)


class _Metadata(msgspec.Struct):
    annotations: dict[str, str] | None = None


class _Condition(msgspec.Struct):
    type: str
    status: str
    message: str = ""


class _Taint(msgspec.Struct):
    key: str
    effect: str


class _Spec(msgspec.Struct):
    unschedulable: bool = False
    taints: tuple[_Taint, ...] | None = None


class _Status(msgspec.Struct):
    conditions: tuple[_Condition, ...] | None = None


class _Node(msgspec.Struct):
    metadata: _Metadata
    spec: _Spec = msgspec.field(default_factory=_Spec)
    status: _Status = msgspec.field(default_factory=_Status)


_decode = msgspec.json.Decoder(_Node).decode


class Nodes(Component):
    """Makes the nodes, and does the part of kubelets and the node controller that is theirs."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._loop = context.loop("nodes", self._sync)
        self._events = context.events.teller("node-controller")
        context.local.subscribe(NODES, self._changed)

    async def run(self) -> None:
        async with anyio.create_task_group() as group:
            # Beside each other: the first nodes take pods while the last are still made.
            group.start_soon(self._loop.run)
            await self._make()

    async def _make(self) -> None:
        options = self._context.options
        for index in range(options.nodes):
            document = node(f"gpu-{index}", index, options, self._context.now)
            if self._context.local.get(NODES, ObjectKey("", document["metadata"]["name"])) is None:
                await self._context.writer.create(NODES, document)
                await anyio.lowlevel.checkpoint()

    def _changed(self, _: Stored | None, new: Stored | None) -> None:
        if new is not None and not _settled(new):
            self._loop.add(new.key)

    async def _sync(self, key: ObjectKey) -> None:
        stored = self._context.local.get(NODES, key)
        if stored is None:
            return
        document = stored.load()
        said = (document["metadata"].get("annotations") or {}).get(FAIL)
        change = partial(_reported, failing=said == "NotReady", now=self._context.now)
        await self._context.writer.change(NODES, key, stored.uid, change, "status")
        stored = self._context.local.get(NODES, key)
        if stored is None:
            return
        document = stored.load()
        tainted = partial(_tainted, now=self._context.now)
        await self._context.writer.change(NODES, key, stored.uid, tainted)
        self._tell(document)

    def _tell(self, document: dict[str, Any]) -> None:
        was_tainted = any(
            taint["key"] == NOT_READY for taint in document["spec"].get("taints") or ()
        )
        ready = condition(document["status"], "Ready")
        if not was_tainted and ready is not None and ready["status"] != "True":
            name = document["metadata"]["name"]
            self._events.normal(
                {**reference(document), "uid": name},
                "NodeNotReady",
                f"Node {name} status is now: NodeNotReady",
            )


def node(name: str, index: int, options: Options, now: str) -> dict[str, Any]:
    """The document of one node, Ready as its kubelet reports it."""
    resources = {
        "cpu": options.cpu,
        "ephemeral-storage": "8Ti",
        "memory": options.memory,
        "pods": str(options.pods_per_node),
    }
    if options.gpus:
        resources["nvidia.com/gpu"] = str(options.gpus)
    addresses = pod_addresses(index)
    return {
        "metadata": {"name": name, "labels": labels(name, options)},
        "spec": {"podCIDR": addresses, "podCIDRs": [addresses]} if addresses else {},
        "status": {
            "addresses": [
                {"address": node_address(index), "type": "InternalIP"},
                {"address": name, "type": "Hostname"},
            ],
            "allocatable": resources,
            "capacity": resources,
            "conditions": [_condition(*entry, now) for entry in _HEALTHY],
            "nodeInfo": _INFO,
        },
    }


def labels(name: str, options: Options) -> dict[str, str]:
    """What kubelet, the cloud and GPU feature discovery put on a node of this shape."""
    found = {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "beta.kubernetes.io/os": "linux",
        "beta.kubernetes.io/arch": "amd64",
        "node.kubernetes.io/instance-type": (
            options.instance_type if options.gpus else "VM.Standard.E5"
        ),
        "topology.kubernetes.io/region": "sim-1",
        "topology.kubernetes.io/zone": "sim-1-a",
        "type": "kwok",
    }
    if options.gpus:
        found |= {
            "nvidia.com/gpu.present": "true",
            "nvidia.com/gpu.product": options.product,
            "nvidia.com/gpu.family": options.family,
            "nvidia.com/gpu.count": str(options.gpus),
            "nvidia.com/gpu.memory": str(options.gpu_memory_mib),
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
    return found | dict(options.labels)


def pod_addresses(index: int) -> str | None:
    """The /24 of the node of this index out of 10.128.0.0/9, or None when they are used up."""
    high, low = divmod(index, 256)
    return f"10.{128 + high}.{low}.0/24" if high < 128 else None


def node_address(index: int) -> str:
    """The address of the node of this index out of 172.16.0.0/12."""
    number = index + 1
    return f"172.{16 + (number >> 16) % 16}.{number >> 8 & 255}.{number & 255}"


def _condition(type_: str, status: str, reason: str, message: str, now: str) -> dict[str, Any]:
    return {
        "type": type_,
        "status": status,
        "reason": reason,
        "message": message,
        "lastHeartbeatTime": now,
        "lastTransitionTime": now,
    }


def _reported(document: dict[str, Any], *, failing: bool, now: str) -> None:
    """The condition Ready as the node's kubelet reports it, in place."""
    status = document.setdefault("status", {})
    ready = condition(status, "Ready")
    if ready is None:
        # Somebody else's node: it gets what a kubelet would report.
        status["conditions"] = [_condition(*entry, now) for entry in _HEALTHY]
        status.setdefault("allocatable", dict(status.get("capacity") or {}))
        ready = condition(status, "Ready")
        assert ready is not None
    if failing and ready["status"] == "True":
        ready |= _condition("Ready", "False", "KubeletNotReady", _TOLD, now)
    elif not failing and ready.get("message") == _TOLD:
        ready |= _condition(*_HEALTHY[0], now)


def _tainted(document: dict[str, Any], *, now: str) -> None:
    """The taints that follow from a node's state, in place."""
    spec = document.setdefault("spec", {})
    ready = condition(document.get("status") or {}, "Ready") or {"status": "Unknown"}
    wanted = _taints(ready["status"], unschedulable=bool(spec.get("unschedulable")))
    held = {(t["key"], t["effect"]): t for t in spec.get("taints") or () if t["key"] in _OURS}
    taints = [taint for taint in spec.get("taints") or () if taint["key"] not in _OURS]
    taints += [
        held.get(pair) or {"key": pair[0], "effect": pair[1], "timeAdded": now} for pair in wanted
    ]
    if taints:
        spec["taints"] = taints
    else:
        spec.pop("taints", None)


def _taints(ready: str, *, unschedulable: bool) -> list[tuple[str, str]]:
    """Key and effect of the taints of a node whose condition Ready is so."""
    wanted: list[tuple[str, str]] = []
    if ready != "True":
        key = NOT_READY if ready == "False" else UNREACHABLE
        wanted = [(key, "NoSchedule"), (key, "NoExecute")]
    return [*wanted, (_UNSCHEDULABLE, "NoSchedule")] if unschedulable else wanted


def ready_of(stored: Stored) -> str:
    """The status of a node's condition Ready; ``Unknown`` without one."""
    conditions = _decode(stored.raw).status.conditions or ()
    return next((entry.status for entry in conditions if entry.type == "Ready"), "Unknown")


def _settled(stored: Stored) -> bool:
    """Whether a node is as it should be, which is so for nearly all changes that others make."""
    node = _decode(stored.raw)
    ready = next((c for c in node.status.conditions or () if c.type == "Ready"), None)
    if ready is None:
        return False
    failing = (node.metadata.annotations or {}).get(FAIL) == "NotReady"
    if (failing and ready.status == "True") or (not failing and ready.message == _TOLD):
        return False
    wanted = _taints(ready.status, unschedulable=node.spec.unschedulable)
    held = [(t.key, t.effect) for t in node.spec.taints or () if t.key in _OURS]
    return sorted(held) == sorted(wanted)
