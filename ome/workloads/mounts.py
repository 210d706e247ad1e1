"""How a pod gets at its model: the model's directory on the node, or its claim. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ome.api import names
from ome.api.truncate import truncate_dns
from ome.workloads.errors import RenderError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.workloads.inputs import ModelInput

__all__ = ["Mount", "is_claim", "model_mount", "mount_into"]

_SCHEME = "pvc://"
_PVC = re.compile(r"pvc://(?:(?P<namespace>[^/:]+):)?(?P<claim>[^/:]+)/(?P<path>.+)")


@dataclass(frozen=True, slots=True)
class Mount:
    """The volume of a model and the ``path`` that it has in a container."""

    volume: Mapping[str, Any]
    path: str
    sub_path: str = ""


def is_claim(model: ModelInput) -> bool:
    """Whether a model lies in a claim, so that no node has to fetch it."""
    return model.spec.storage.storage_uri.startswith(_SCHEME)


def model_mount(model: ModelInput, namespace: str, component: str) -> Mount | None:
    """The volume of a model: its directory on the node, or its claim. None while unknown.

    Raises ``RenderError`` when a claim cannot be mounted in the namespace.
    """
    name = truncate_dns(model.name.replace(".", "-"))
    if is_claim(model):
        found = _PVC.fullmatch(model.spec.storage.storage_uri)
        owner = (found["namespace"] if found else None) or model.namespace
        if found is None or owner != namespace:
            raise _bad_claim(model, namespace, owner, component)
        claim = {"claimName": found["claim"], "readOnly": True}
        volume = {"name": name, "persistentVolumeClaim": claim}
        return Mount(volume, names.PATH_MODEL, found["path"].rstrip("/"))
    path = model.spec.storage.path
    if not path:
        return None
    return Mount({"name": name, "hostPath": {"path": path}}, path)


def _bad_claim(model: ModelInput, namespace: str, owner: str, component: str) -> RenderError:
    uri = model.spec.storage.storage_uri
    problem = "the claim names no namespace"
    if not _PVC.fullmatch(uri):
        problem = "not a claim and a path in it"
    elif owner:
        problem = f"the claim is in namespace {owner}, not {namespace}"
    return RenderError(
        component,
        f"model {model.name}: storage.storageUri {uri}: {problem}; a pod can only mount a claim of"
        " its own namespace, write pvc://<namespace>:<claim>/<sub-path>",
        names.REASON_MODEL,
    )


def mount_into(container: dict[str, Any], mount: Mount) -> None:
    """Append the mount, unless the container mounts something at that path itself."""
    mounts: list[dict[str, Any]] = container["volumeMounts"]
    if any(item.get("mountPath") == mount.path for item in mounts):
        return
    entry = {"name": mount.volume["name"], "mountPath": mount.path, "readOnly": True}
    if mount.sub_path:
        entry["subPath"] = mount.sub_path
    mounts.append(entry)
