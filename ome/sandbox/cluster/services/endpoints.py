"""From a Service and its pods to endpoints. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ome.sandbox.cluster.pods import PodView
    from ome.sandbox.stored import Stored

__all__ = ["Port", "divided", "endpoint", "has_named_ports", "ports_of", "subsets"]

_SLICE = 100
_MOST_ADDRESSES = 1000


class Port(NamedTuple):
    """A port of a slice."""

    name: str
    port: int
    protocol: str
    app_protocol: str = ""

    def document(self) -> dict[str, Any]:
        """As a slice writes it."""
        entry = {"name": self.name, "port": self.port, "protocol": self.protocol}
        return {**entry, "appProtocol": self.app_protocol} if self.app_protocol else entry


class _PodPort(msgspec.Struct):
    containerPort: int
    name: str = ""
    protocol: str = "TCP"


class _Container(msgspec.Struct):
    ports: tuple[_PodPort, ...] = ()


class _Spec(msgspec.Struct):
    containers: tuple[_Container, ...] = ()


class _Pod(msgspec.Struct):
    spec: _Spec


_decode = msgspec.json.Decoder(_Pod).decode


def has_named_ports(service: Mapping[str, Any]) -> bool:
    """Whether ports depend on what each pod calls its own."""
    return any(isinstance(port.get("targetPort"), str) for port in _asked(service))


def ports_of(service: Mapping[str, Any], pod: Stored | None) -> tuple[Port, ...]:
    """The Service's ports on a pod; a name that the pod does not know is left out."""
    found = []
    for asked in _asked(service):
        target = asked.get("targetPort", asked["port"])
        protocol = asked.get("protocol", "TCP")
        number = target if isinstance(target, int) else _named(pod, target, protocol)
        if number is not None:
            found.append(
                Port(asked.get("name", ""), number, protocol, asked.get("appProtocol", ""))
            )
    return tuple(found)


def endpoint(pod: PodView, zone: str, *, publish_unready: bool) -> dict[str, Any]:
    """A pod as an endpoint."""
    entry: dict[str, Any] = {
        "addresses": [pod.address],
        "conditions": {
            "ready": publish_unready or (pod.ready and not pod.deleting),
            "serving": publish_unready or pod.ready,
            "terminating": pod.deleting,
        },
        "nodeName": pod.node,
        "targetRef": _target(pod),
    }
    return {**entry, "zone": zone} if zone else entry


def divided(
    present: Iterable[tuple[str, list[str]]], wanted: Iterable[str]
) -> tuple[dict[str, list[str]], list[list[str]]]:
    """Share out uids among slices: (by name of the present ones, for new ones).

    What has a slice stays in it; what is new fills up those that are there before a new one is
    made; a slice that is left empty is not among the answers.
    """
    left = dict.fromkeys(wanted)
    kept: dict[str, list[str]] = {}
    for name, uids in present:
        kept[name] = [uid for uid in uids if uid in left]
        for uid in kept[name]:
            del left[uid]
    fresh = list(left)
    for uids in kept.values():
        room = _SLICE - len(uids)
        # A slice that holds nothing goes away instead of being filled, unless it is the only one.
        if room > 0 and (uids or len(kept) == 1):
            uids += fresh[:room]
            fresh = fresh[room:]
    more = [fresh[i : i + _SLICE] for i in range(0, len(fresh), _SLICE)]
    return {name: uids for name, uids in kept.items() if uids}, more


def subsets(
    pods: Iterable[PodView], ports: Callable[[PodView], tuple[Port, ...]], *, publish_unready: bool
) -> list[dict[str, Any]]:
    """The subsets of the core ``Endpoints``."""
    groups: dict[tuple[Port, ...], dict[str, list[dict[str, Any]]]] = {}
    for pod in sorted(pods, key=lambda pod: [int(part) for part in pod.address.split(".")]):
        if pod.deleting and not publish_unready:
            continue
        ready = pod.ready or publish_unready
        entry = {"ip": pod.address, "nodeName": pod.node, "targetRef": _target(pod)}
        group = groups.setdefault(ports(pod), {})
        group.setdefault("addresses" if ready else "notReadyAddresses", []).append(entry)
    found = []
    for held, group in groups.items():
        subset: dict[str, Any] = {name: few[:_MOST_ADDRESSES] for name, few in group.items()}
        if held:
            subset["ports"] = [_plain(port) for port in held]
        found.append(subset)
    return found


def _plain(port: Port) -> dict[str, Any]:
    return {name: value for name, value in port.document().items() if value}


def _target(pod: PodView) -> dict[str, Any]:
    return {"kind": "Pod", "namespace": pod.key.namespace, "name": pod.key.name, "uid": pod.uid}


def _asked(service: Mapping[str, Any]) -> list[dict[str, Any]]:
    return list((service.get("spec") or {}).get("ports") or ())


def _named(pod: Stored | None, name: str, protocol: str) -> int | None:
    if pod is None:
        return None
    for container in _decode(pod.raw).spec.containers:
        for port in container.ports:
            if port.name == name and port.protocol == protocol:
                return port.containerPort
    return None
