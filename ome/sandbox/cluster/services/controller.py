"""Keeps the EndpointSlices and the Endpoints of each Service that selects pods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from ome.kube.resource import ObjectKey
from ome.kube.resources import ENDPOINT_SLICES, NODES, PODS, SERVICES
from ome.sandbox.cluster.context import Component
from ome.sandbox.cluster.objects import owner_reference
from ome.sandbox.cluster.owned import Owned
from ome.sandbox.cluster.resources import ENDPOINTS
from ome.sandbox.cluster.selections import Selections
from ome.sandbox.cluster.services.endpoints import (
    Port,
    divided,
    endpoint,
    has_named_ports,
    ports_of,
    subsets,
)
from ome.sandbox.selectors import selector_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.sandbox.cluster.context import Context
    from ome.sandbox.cluster.pods import PodView
    from ome.sandbox.stored import Stored

__all__ = ["ServiceEndpoints"]

_PAUSE = 0.25
"""Between two looks at one Service while its pods come and go."""
_SERVICE = "kubernetes.io/service-name"
_MANAGED = "endpointslice.kubernetes.io/managed-by"
_MANAGER = "endpointslice-controller.k8s.io"
_HEADLESS = "service.kubernetes.io/headless"
_CHANGED = "endpoints.kubernetes.io/last-change-trigger-time"
_ZONE = "topology.kubernetes.io/zone"
Document = dict[str, Any]


class _Spec(msgspec.Struct):
    selector: dict[str, str] | None = None
    type: str = "ClusterIP"


class _Service(msgspec.Struct):
    spec: _Spec = msgspec.field(default_factory=_Spec)


_decode = msgspec.json.Decoder(_Service).decode


class ServiceEndpoints(Component):
    """The two endpoint controllers."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._loop = context.loop("endpoints", self._sync)
        self._selections = Selections(context.pods, self._touched)
        self._slices = Owned(context.local, ENDPOINT_SLICES, "Service", self._touched)
        context.local.subscribe(SERVICES, self._changed)
        context.local.subscribe(ENDPOINTS, self._endpoints_changed)

    async def run(self) -> None:
        await self._loop.run()

    def _touched(self, key: ObjectKey) -> None:
        self._loop.add_debounced(key, _PAUSE)

    def _changed(self, old: Stored | None, new: Stored | None) -> None:
        present = new or old
        assert present is not None
        spec = _decode(new.raw).spec if new is not None else _Spec()
        selects = bool(spec.selector) and spec.type != "ExternalName"
        selector = selector_of({"matchLabels": spec.selector}) if selects else None
        self._selections.set(present.key, selector)
        self._loop.add(present.key)

    def _endpoints_changed(self, old: Stored | None, new: Stored | None) -> None:
        if new is None and old is not None:
            self._loop.add(old.key)

    async def _sync(self, key: ObjectKey) -> None:
        stored = self._context.local.get(SERVICES, key)
        if stored is None:
            await self._context.writer.delete(ENDPOINTS, key)
            return  # slices go with their owner
        service = stored.load()
        spec = service["spec"]
        if not spec.get("selector") or spec.get("type") == "ExternalName":
            return
        if service["metadata"].get("deletionTimestamp"):
            return
        selected = self._selections.pods_of(key)
        pods = [pod for pod in selected if pod.address and not pod.finished]
        named = has_named_ports(service)
        common = () if named else ports_of(service, None)

        def ports(pod: PodView) -> tuple[Port, ...]:
            if not named:
                return common
            return ports_of(service, self._context.local.get(PODS, pod.key))

        by_pod = {pod.uid: ports(pod) for pod in pods}
        await self._write_slices(service, pods, by_pod)
        await self._write_endpoints(service, pods, by_pod)

    async def _write_slices(
        self, service: Document, pods: list[PodView], ports: Mapping[str, tuple[Port, ...]]
    ) -> None:
        by_uid = {pod.uid: pod for pod in pods}
        groups: dict[tuple[Port, ...], list[str]] = {}
        for uid, held in ports.items():
            groups.setdefault(held, []).append(uid)
        if not groups:
            # As a sign that the Service was looked at there is always one slice.
            groups[()] = []
        held_slices: dict[tuple[Port, ...], list[tuple[str, list[str]]]] = {}
        for stored in self._slices.of(service["metadata"]["uid"]):
            if stored.labels.get(_MANAGED) != _MANAGER:
                continue
            document = stored.load()
            pair = (stored.key.name, _uids(document))
            held_slices.setdefault(_ports(document), []).append(pair)
        first = next(iter(groups))
        for group in [group for group in held_slices if group not in groups]:
            # Slices of ports that no pod has any more are used for others.
            held_slices.setdefault(first, []).extend(held_slices.pop(group))
        for group, uids in groups.items():
            present = held_slices.get(group, [])
            kept, fresh = divided(present, uids)
            if not uids and present:
                kept = {present[0][0]: []}
            elif not uids:
                fresh = [[]]
            for name, few in kept.items():
                await self._update_slice(service, name, group, [by_uid[uid] for uid in few])
            for few in fresh:
                await self._create_slice(service, group, [by_uid[uid] for uid in few])
            for name, _ in present:
                if name not in kept:
                    key = ObjectKey(service["metadata"]["namespace"], name)
                    await self._context.writer.delete(ENDPOINT_SLICES, key)

    async def _create_slice(
        self, service: Document, ports: tuple[Port, ...], pods: list[PodView]
    ) -> None:
        metadata = service["metadata"]
        document = {
            "metadata": {
                "generateName": f"{metadata['name']}-",
                "namespace": metadata["namespace"],
                "labels": self._slice_labels(service),
                "annotations": {_CHANGED: self._context.now},
                "ownerReferences": [owner_reference(service)],
            },
            "addressType": "IPv4",
            "endpoints": [self._endpoint(service, pod) for pod in pods],
            "ports": [port.document() for port in ports],
        }
        await self._context.writer.create(ENDPOINT_SLICES, document)

    async def _update_slice(
        self, service: Document, name: str, ports: tuple[Port, ...], pods: list[PodView]
    ) -> None:
        endpoints = [self._endpoint(service, pod) for pod in pods]
        wanted = [port.document() for port in ports]
        labels = self._slice_labels(service)

        def change(document: Document) -> bool:
            present = (
                document.get("endpoints") or [],
                [_as_written(port) for port in document.get("ports") or ()],
                document["metadata"].get("labels"),
            )
            if present == (endpoints, wanted, labels):
                return False
            document["endpoints"], document["ports"] = endpoints, wanted
            document["metadata"]["labels"] = labels
            document["metadata"].setdefault("annotations", {})[_CHANGED] = self._context.now
            return True

        key = ObjectKey(service["metadata"]["namespace"], name)
        await self._context.writer.change(ENDPOINT_SLICES, key, "", change)

    def _endpoint(self, service: Document, pod: PodView) -> dict[str, Any]:
        node = self._context.local.get(NODES, ObjectKey("", pod.node))
        zone = node.labels.get(_ZONE, "") if node is not None else ""
        unready = bool(service["spec"].get("publishNotReadyAddresses"))
        return endpoint(pod, zone, publish_unready=unready)

    def _slice_labels(self, service: Document) -> dict[str, str]:
        labels = dict(service["metadata"].get("labels") or {})
        labels[_SERVICE] = service["metadata"]["name"]
        labels[_MANAGED] = _MANAGER
        if service["spec"].get("clusterIP") == "None":
            labels[_HEADLESS] = ""
        return labels

    async def _write_endpoints(
        self, service: Document, pods: list[PodView], ports: Mapping[str, tuple[Port, ...]]
    ) -> None:
        unready = bool(service["spec"].get("publishNotReadyAddresses"))
        wanted = subsets(pods, lambda pod: ports[pod.uid], publish_unready=unready)
        labels = dict(service["metadata"].get("labels") or {})
        labels["endpoints.kubernetes.io/managed-by"] = "endpoint-controller"
        if service["spec"].get("clusterIP") == "None":
            labels[_HEADLESS] = ""
        key = ObjectKey(service["metadata"]["namespace"], service["metadata"]["name"])
        if self._context.local.get(ENDPOINTS, key) is None:
            metadata = {
                "name": key.name,
                "namespace": key.namespace,
                "labels": labels,
                "annotations": {_CHANGED: self._context.now},
            }
            subset = {"subsets": wanted} if wanted else {}
            await self._context.writer.create(ENDPOINTS, {"metadata": metadata, **subset})
            return

        def change(document: Document) -> bool:
            present = (document.get("subsets") or [], document["metadata"].get("labels"))
            if present == (wanted, labels):
                return False
            document["subsets"] = wanted
            document["metadata"]["labels"] = labels
            document["metadata"].setdefault("annotations", {})[_CHANGED] = self._context.now
            return True

        await self._context.writer.change(ENDPOINTS, key, "", change)


def _uids(document: Document) -> list[str]:
    return [
        (entry.get("targetRef") or {}).get("uid", "") for entry in document.get("endpoints") or ()
    ]


def _as_written(port: Document) -> Document:
    return {"name": "", **{name: value for name, value in port.items() if value is not None}}


def _ports(document: Document) -> tuple[Port, ...]:
    return tuple(
        Port(
            port.get("name") or "",
            port["port"],
            port.get("protocol", "TCP"),
            port.get("appProtocol") or "",
        )
        for port in document.get("ports") or ()
    )
