"""Rows of nodes, namespaces, events and storage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.sandbox.tables.ages import UNKNOWN, age
from ome.sandbox.tables.shared import NONE, UNSET, name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["claim", "event", "namespace", "node", "volume"]

_ROLE = "node-role.kubernetes.io/"
_MODES = {
    "ReadWriteOnce": "RWO",
    "ReadOnlyMany": "ROX",
    "ReadWriteMany": "RWX",
    "ReadWriteOncePod": "RWOP",
}
_CLASS = "volume.beta.kubernetes.io/storage-class"


def node(document: Mapping[str, Any], now: float) -> list[Any]:
    """The cells of a Node."""
    status = document.get("status") or {}
    info = status.get("nodeInfo") or {}
    return [
        name(document),
        _node_state(document),
        ",".join(_roles(document["metadata"].get("labels") or {})) or NONE,
        _age(document, now),
        info.get("kubeletVersion", ""),
        _address(status, "InternalIP"),
        _address(status, "ExternalIP"),
        *(
            info.get(field) or UNKNOWN
            for field in ("osImage", "kernelVersion", "containerRuntimeVersion")
        ),
    ]


def namespace(document: Mapping[str, Any], now: float) -> list[Any]:
    """The cells of a Namespace."""
    phase = (document.get("status") or {}).get("phase", "")
    return [name(document), phase, _age(document, now)]


def event(document: Mapping[str, Any], now: float) -> list[Any]:
    """The cells of an Event as it is stored: of core/v1."""
    about, source = document.get("involvedObject") or {}, document.get("source") or {}
    first = age(document.get("firstTimestamp") or document.get("eventTime"), now)
    last, count = document.get("lastTimestamp"), document.get("count") or 1
    if series := document.get("series"):
        last, count = series.get("lastObservedTime"), series.get("count", 0)
    kind = str(about.get("kind", "")).lower()
    said_by = (
        source.get("component") or document.get("reportingComponent"),
        source.get("host") or document.get("reportingInstance"),
    )
    return [
        age(last, now) if last else first,
        document.get("type", ""),
        document.get("reason", ""),
        f"{kind}/{about['name']}" if about.get("name") else kind,
        about.get("fieldPath", ""),
        f"{said_by[0] or ''}, {said_by[1]}" if said_by[1] else said_by[0] or "",
        str(document.get("message", "")).strip(),
        first,
        count,
        name(document),
    ]


def volume(document: Mapping[str, Any], now: float) -> list[Any]:
    """The cells of a PersistentVolume."""
    spec, status = document["spec"], document.get("status") or {}
    claim_ref = spec.get("claimRef")
    return [
        name(document),
        str((spec.get("capacity") or {}).get("storage", "0")),
        _modes(spec.get("accessModes") or ()),
        spec.get("persistentVolumeReclaimPolicy", ""),
        _phase(document),
        f"{claim_ref.get('namespace', '')}/{claim_ref.get('name', '')}" if claim_ref else "",
        _storage_class(document),
        spec.get("volumeAttributesClassName", UNSET),
        status.get("reason", ""),
        _age(document, now),
        spec.get("volumeMode", UNSET),
    ]


def claim(document: Mapping[str, Any], now: float) -> list[Any]:
    """The cells of a PersistentVolumeClaim; what it got once it is bound."""
    spec, status = document["spec"], document.get("status") or {}
    bound = bool(spec.get("volumeName"))
    return [
        name(document),
        _phase(document),
        spec.get("volumeName", ""),
        str((status.get("capacity") or {}).get("storage", "0")) if bound else "",
        _modes(status.get("accessModes") or ()) if bound else "",
        _storage_class(document),
        spec.get("volumeAttributesClassName", UNSET),
        _age(document, now),
        spec.get("volumeMode", UNSET),
    ]


def _age(document: Mapping[str, Any], now: float) -> str:
    return age(document["metadata"].get("creationTimestamp"), now)


def _node_state(document: Mapping[str, Any]) -> str:
    found = [
        "Ready" if condition.get("status") == "True" else "NotReady"
        for condition in (document.get("status") or {}).get("conditions") or ()
        if condition.get("type") == "Ready"
    ]
    shown = found[-1:] or ["Unknown"]
    if document["spec"].get("unschedulable"):
        shown.append("SchedulingDisabled")
    return ",".join(shown)


def _roles(labels: Mapping[str, str]) -> list[str]:
    roles = {key.removeprefix(_ROLE) for key in labels if key.startswith(_ROLE)}
    return sorted({*roles, labels.get("kubernetes.io/role", "")} - {""})


def _address(status: Mapping[str, Any], type_: str) -> str:
    for address in status.get("addresses") or ():
        if address.get("type") == type_:
            return str(address.get("address", ""))
    return NONE


def _modes(modes: Iterable[str]) -> str:
    given = set(modes)
    return ",".join(short for mode, short in _MODES.items() if mode in given)


def _phase(document: Mapping[str, Any]) -> str:
    if document["metadata"].get("deletionTimestamp"):
        return "Terminating"
    return str((document.get("status") or {}).get("phase", ""))


def _storage_class(document: Mapping[str, Any]) -> str:
    annotations = document["metadata"].get("annotations") or {}
    return str(annotations.get(_CLASS, document["spec"].get("storageClassName", "")))
