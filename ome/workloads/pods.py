"""From a merged component to a pod spec: the runner, its model, its GPUs, where it may run."""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ome.api import PodFields, names
from ome.api.schema import json_name
from ome.api.truncate import model_node_label, truncate_dns
from ome.workloads.accelerator import (
    accelerator_affinity,
    add_resources,
    gpu_resource,
    override_arguments,
    override_environment,
    sets_parallelism,
)
from ome.workloads.errors import RenderError
from ome.workloads.merge import merge
from ome.workloads.placeholders import fill

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.api import ObjectMeta
    from ome.workloads.inputs import Component, ModelInput, PlanInputs

__all__ = ["Mount", "main_container", "model_mount", "pod_spec"]

_POD_FIELDS = tuple(json_name(attribute) for attribute in PodFields.model_fields)
_PVC = re.compile(r"pvc://(?:(?P<namespace>[^/:]+):)?(?P<claim>[^/:]+)/(?P<path>.+)")


@dataclass(frozen=True, slots=True)
class Mount:
    """How a pod gets at the model: ``path`` in the container, the volume and its name."""

    volume: Mapping[str, Any]
    path: str
    sub_path: str = ""
    on_labelled_node: bool = True


def model_mount(model: ModelInput, namespace: str) -> Mount | None:
    """The volume of a model: its directory on the node, or its claim. None while unknown.

    Raises ``RenderError`` when a claim cannot be mounted in the namespace.
    """
    name = truncate_dns(model.name.replace(".", "-"))
    uri = model.spec.storage.storage_uri
    if uri.startswith("pvc://"):
        found = _PVC.fullmatch(uri)
        owner = (found["namespace"] if found else None) or model.namespace
        if found is None or owner != namespace:
            raise _bad_claim(model, uri, namespace, owner)
        claim = {"claimName": found["claim"], "readOnly": True}
        volume = {"name": name, "persistentVolumeClaim": claim}
        return Mount(volume, names.PATH_MODEL, found["path"].rstrip("/"), on_labelled_node=False)
    path = model.spec.storage.path
    if not path:
        return None
    return Mount({"name": name, "hostPath": {"path": path}}, path)


def _bad_claim(model: ModelInput, uri: str, namespace: str, owner: str) -> RenderError:
    problem = "the claim names no namespace"
    if not _PVC.fullmatch(uri):
        problem = "not a claim and a path in it"
    elif owner:
        problem = f"the claim is in namespace {owner}, not {namespace}"
    return RenderError(
        "engine",
        f"model {model.name}: storage.storageUri {uri}: {problem}; a pod can only mount a claim of"
        " its own namespace, write pvc://<namespace>:<claim>/<sub-path>",
        names.REASON_MODEL,
    )


def pod_spec(
    inputs: PlanInputs, component: Component, annotations: Mapping[str, str]
) -> dict[str, Any]:
    """The pod of a raw component, before the defaults that a Deployment adds.

    ``annotations`` are the component's. Raises ``RenderError``.
    """
    spec = {
        field: copy.deepcopy(component.merged[field])
        for field in _POD_FIELDS
        if field in component.merged
    }
    inject = annotations.get(names.ANNOTATION_INJECT_MODEL_INIT) == "true"
    mount = model_mount(inputs.model, inputs.service.metadata.namespace)
    containers = spec.pop("containers", [])
    runner = component.runner
    if runner is not None:
        prepared = _prepare_runner(inputs, component, runner, None if inject else mount)
        containers, index = _place_runner(containers, prepared)
    elif containers:
        index = 0
    else:
        raise RenderError(
            component.name,
            "no containers found in pod spec and no runner spec provided; set"
            f" spec.{component.name}.runner, or use a runtime with an {component.name}Config",
        )
    containers[index] = fill(containers[index], inputs.service.metadata)
    spec["containers"] = containers
    _add_volumes(spec, mount, annotations)
    selector = _node_selector(inputs, component, mount)
    if selector:
        spec["nodeSelector"] = selector
    affinity = accelerator_affinity(inputs.accelerators.get(component.name), component.own)
    if affinity:
        spec["affinity"] = affinity
    return spec


def main_container(
    spec: Mapping[str, Any], runner: Mapping[str, Any] | None, metadata: ObjectMeta
) -> dict[str, Any]:
    """The container that serves: the runner's, else ``ome-container``, else the first.

    ``spec`` is the finished pod, so a placeholder in the runner's name is filled in to find it.
    """
    wanted = fill((runner or {}).get("name") or names.CONTAINER_MAIN, metadata)
    containers: list[dict[str, Any]] = spec["containers"]
    return next((item for item in containers if item.get("name") == wanted), containers[0])


def _prepare_runner(
    inputs: PlanInputs, component: Component, runner: Mapping[str, Any], mount: Mount | None
) -> dict[str, Any]:
    prepared = copy.deepcopy(dict(runner))
    prepared.setdefault("name", names.CONTAINER_MAIN)
    env = prepared.setdefault("env", [])
    mounts = prepared.setdefault("volumeMounts", [])
    accelerator = inputs.accelerators.get(component.name)
    if mount is not None:
        if not any(item.get("name") == names.ENV_MODEL_PATH for item in env):
            env.append({"name": names.ENV_MODEL_PATH, "value": mount.path})
    if accelerator is not None:
        override_environment(prepared, accelerator)
    if mount is not None:
        if not any(item.get("mountPath") == mount.path for item in mounts):
            entry = {"name": mount.volume["name"], "mountPath": mount.path, "readOnly": True}
            if mount.sub_path:
                entry["subPath"] = mount.sub_path
            mounts.append(entry)
    _fill_resources(inputs, component, prepared)
    if accelerator is not None:
        override_arguments(prepared, accelerator)
    if not sets_parallelism(accelerator):
        _set_parallelism(component, prepared, gpu_resource(accelerator))
    for optional in ("env", "volumeMounts"):
        if not prepared[optional]:
            del prepared[optional]
    return prepared


def _fill_resources(inputs: PlanInputs, component: Component, runner: dict[str, Any]) -> None:
    """Fill in what the runtime's old top-level container of the same name and the class ask for.

    Not where the user's own runner asks for anything: then all of it is the user's.
    """
    asked = (component.own.get("runner") or {}).get("resources") or {}
    if inputs.runtime is None or any(asked.get(part) for part in ("requests", "limits", "claims")):
        return
    for container in inputs.runtime.spec.containers or ():
        if container.get("name") == runner["name"]:
            for part in ("requests", "limits"):
                given = (container.get("resources") or {}).get(part) or {}
                held = (runner.get("resources") or {}).get(part) or {}
                if given:
                    runner.setdefault("resources", {})[part] = {**given, **held}
    accelerator = inputs.accelerators.get(component.name)
    if accelerator is not None:
        add_resources(runner, accelerator)


def _set_parallelism(component: Component, runner: dict[str, Any], resource: str) -> None:
    """GPUs of a pod times its pods; overrides what the runner says."""
    resources = runner.get("resources") or {}
    for part in ("limits", "requests"):
        gpus = (resources.get(part) or {}).get(resource)
        if gpus is None or not str(gpus).isdecimal() or int(gpus) == 0:
            continue
        workers = (component.merged.get("worker") or {}).get("size") or 0
        value = {"name": names.ENV_PARALLELISM_SIZE, "value": str(int(gpus) * (1 + workers))}
        env = runner["env"]
        place = next((i for i, item in enumerate(env) if item.get("name") == value["name"]), None)
        if place is None:
            env.append(value)
        else:
            env[place] = value
        return


def _place_runner(
    containers: list[dict[str, Any]], runner: dict[str, Any]
) -> tuple[list[dict[str, Any]], int]:
    """The runner laid over the container of its name, or after all others; args are joined."""
    for index, container in enumerate(containers):
        if container.get("name") == runner["name"]:
            joined = [*(container.get("args") or ()), *(runner.get("args") or ())]
            merged = merge(container, runner)
            if joined:
                merged["args"] = joined
            return [*containers[:index], merged, *containers[index + 1 :]], index
    return [*containers, runner], len(containers)


def _add_volumes(spec: dict[str, Any], mount: Mount | None, annotations: Mapping[str, str]) -> None:
    volumes = spec.pop("volumes", [])
    present = {volume.get("name") for volume in volumes}
    injected = annotations.get(names.ANNOTATION_INJECT_MODEL_INIT) == "true" or annotations.get(
        names.ANNOTATION_INJECT_ADAPTER
    )
    if injected and names.VOLUME_MODEL_EMPTY_DIR not in present:
        volumes.append({"name": names.VOLUME_MODEL_EMPTY_DIR, "emptyDir": {"medium": "Memory"}})
    if mount is not None and mount.volume["name"] not in present:
        volumes.append(copy.deepcopy(dict(mount.volume)))
    if volumes:
        spec["volumes"] = volumes


def _node_selector(inputs: PlanInputs, component: Component, mount: Mount | None) -> dict[str, str]:
    """The merged selector, the label of ready nodes, those of runtime, class and user."""
    selector = dict(component.merged.get("nodeSelector") or {})
    if mount is None or mount.on_labelled_node:
        selector.setdefault(model_node_label(inputs.model.namespace, inputs.model.name), "Ready")
    if inputs.runtime is not None:
        selector |= inputs.runtime.spec.node_selector or {}
    accelerator = inputs.accelerators.get(component.name)
    if accelerator is not None:
        selector |= accelerator.spec.discovery.node_selector or {}
    selector |= component.own.get("nodeSelector") or {}
    return selector
