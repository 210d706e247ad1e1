"""Defaults that concern the object as a whole, those of the admission plugins included."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ome.kube.quantity import parse_quantity
from ome.sandbox.builtin.quantities import canonical

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["OF_KIND"]

_PRIORITIES = {"system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000}
_OF_ADDRESS = (
    "clusterIP",
    "clusterIPs",
    "externalTrafficPolicy",
    "internalTrafficPolicy",
    "ipFamilies",
    "ipFamilyPolicy",
)
_UNHEALTHY = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


def _pod(pod: dict[str, Any], old: Mapping[str, Any] | None) -> None:
    spec = pod["spec"]
    spec.setdefault("enableServiceLinks", True)
    for container in _containers(spec):
        _request_limits(container["resources"])
        if spec.get("hostNetwork"):
            for port in container.get("ports") or ():
                port.setdefault("hostPort", port.get("containerPort", 0))
    if "resources" in spec:
        _request_together(spec)
    _tolerate_unhealthy_nodes(spec)
    if old is None:
        _fill_new_pod(spec)
        return
    for name in ("priority", "preemptionPolicy", "serviceAccountName", "serviceAccount"):
        if name not in spec and name in old["spec"]:
            spec[name] = old["spec"][name]


def _fill_new_pod(spec: dict[str, Any]) -> None:
    spec["priority"] = _PRIORITIES.get(spec.get("priorityClassName", ""), 0)
    spec.setdefault("preemptionPolicy", "PreemptLowerPriority")
    account = spec.setdefault("serviceAccountName", "default")
    spec.setdefault("serviceAccount", account)


def _containers(spec: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [*spec.get("initContainers", ()), *spec.get("containers", ())]


def _request_limits(resources: dict[str, Any]) -> None:
    """What is limited and not asked for is asked for."""
    limits = resources.get("limits")
    if limits:
        resources["requests"] = {**limits, **resources.get("requests", {})}


def _request_together(spec: dict[str, Any]) -> None:
    """Of the pod's own limits: as much as its containers ask for, or all."""
    resources = spec["resources"]
    for name, limit in resources.get("limits", {}).items():
        asked = [
            parse_quantity(container["resources"]["requests"][name])
            for container in spec.get("containers", ())
            if name in container["resources"].get("requests", {})
        ]
        total = canonical(str(sum(asked, Decimal(0)))) if asked else limit
        resources.setdefault("requests", {}).setdefault(name, total)


def _tolerate_unhealthy_nodes(spec: dict[str, Any]) -> None:
    """For five minutes, unless the pod says how long itself."""
    given = spec.get("tolerations", [])
    missing = [key for key in _UNHEALTHY if not any(_covers(one, key) for one in given)]
    if missing:
        spec["tolerations"] = given + [
            {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
            for key in missing
        ]


def _covers(toleration: Mapping[str, Any], key: str) -> bool:
    return toleration.get("key", "") in ("", key) and toleration.get("effect", "") in (
        "",
        "NoExecute",
    )


def _namespace(namespace: dict[str, Any], old: Mapping[str, Any] | None) -> None:
    metadata = namespace.setdefault("metadata", {})
    if old is None:
        # Only at its creation: what has taken the finalizer away has emptied the namespace.
        namespace.setdefault("spec", {}).setdefault("finalizers", ["kubernetes"])
    if name := metadata.get("name"):
        metadata.setdefault("labels", {})["kubernetes.io/metadata.name"] = name


def _protected(finalizer: str) -> Callable[[dict[str, Any], Mapping[str, Any] | None], None]:
    """A finalizer on every new object of the kind."""

    def protect(document: dict[str, Any], old: Mapping[str, Any] | None) -> None:
        if old is None:
            finalizers = document.setdefault("metadata", {}).setdefault("finalizers", [])
            if finalizer not in finalizers:
                finalizers.append(finalizer)

    return protect


def _node(node: dict[str, Any], old: Mapping[str, Any] | None) -> None:
    """A new node takes no pods until its controller has seen it ready."""
    taint = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}
    if old is None and not any(_is_taint(one, taint) for one in node["spec"].get("taints", ())):
        node["spec"].setdefault("taints", []).append(taint)


def _is_taint(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return (one.get("key"), one.get("effect")) == (other["key"], other["effect"])


def _service(service: dict[str, Any], old: Mapping[str, Any] | None) -> None:
    """What was allocated stays allocated when the update does not mention it."""
    if old is None:
        return
    spec, before = service["spec"], old["spec"]
    if spec["type"] == "ExternalName":
        # What only the former type had goes, unless the update says something new of it.
        for name in _OF_ADDRESS:
            if name in before and spec.get(name) == before[name]:
                del spec[name]
        return
    for name in ("clusterIP", "clusterIPs"):
        if name not in spec and name in before:
            spec[name] = before[name]
    if spec["type"] == "ClusterIP" or before.get("type") == "ClusterIP":
        return
    ports = {(port.get("protocol"), port.get("port")): port for port in before.get("ports") or ()}
    for port in spec.get("ports", ()):
        known = ports.get((port["protocol"], port.get("port")), {}).get("nodePort")
        # One that cannot be is not handed on: two ports of one number are refused anyway.
        if known and known > 0:
            port.setdefault("nodePort", known)


def _stateful_set(document: dict[str, Any], old: Mapping[str, Any] | None) -> None:
    for template in document["spec"].get("volumeClaimTemplates", ()):
        template.setdefault("kind", "PersistentVolumeClaim")
        template.setdefault("apiVersion", "v1")


OF_KIND: dict[tuple[str, str], Callable[[dict[str, Any], Mapping[str, Any] | None], None]] = {
    ("", "Pod"): _pod,
    ("", "Namespace"): _namespace,
    ("", "Node"): _node,
    ("", "Service"): _service,
    ("", "PersistentVolume"): _protected("kubernetes.io/pv-protection"),
    ("", "PersistentVolumeClaim"): _protected("kubernetes.io/pvc-protection"),
    ("apps", "StatefulSet"): _stateful_set,
}
