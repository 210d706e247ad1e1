"""From a merged component to a pod spec: its containers, its volumes, where it may run."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from ome.api import PodFields, names
from ome.api.schema import json_name
from ome.api.truncate import model_node_label, weight_node_label
from ome.workloads.accelerator import accelerator_affinity
from ome.workloads.copies import mount_copies
from ome.workloads.errors import RenderError
from ome.workloads.merge import merge
from ome.workloads.mounts import is_claim, model_mount
from ome.workloads.placeholders import fill
from ome.workloads.runner import model_runner, router_runner
from ome.workloads.weights import is_tfew, served_weights

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.api import ObjectMeta
    from ome.workloads.inputs import Component, Part, PlanInputs
    from ome.workloads.mounts import Mount
    from ome.workloads.weights import Served

__all__ = ["main_container", "pod_spec"]

_POD_FIELDS = tuple(json_name(attribute) for attribute in PodFields.model_fields)


def pod_spec(
    inputs: PlanInputs, component: Component, part: Part, annotations: Mapping[str, str]
) -> dict[str, Any]:
    """One kind of pod of a component, before the defaults that a workload adds.

    ``annotations`` are the component's. Raises ``RenderError``.
    """
    spec = {
        field: copy.deepcopy(part.merged[field]) for field in _POD_FIELDS if field in part.merged
    }
    routes = component.name == names.COMPONENT_ROUTER
    served = served_weights(inputs, component.name)
    merged = served is not None and served.merged
    inject = annotations.get(names.ANNOTATION_INJECT_MODEL_INIT) == "true"
    # Nothing mounts the base model of a router or under merged weights, but for an init container.
    volume = None
    if inject or not (routes or merged):
        volume = model_mount(inputs.model, inputs.service.metadata.namespace, component.name)
    mount = None if inject or routes else volume
    alone = served is not None and not served.several
    if mount is not None and served is not None and alone and is_claim(inputs.model):
        raise _claim_and_adapter(inputs, component, served)
    if inject and served is not None and alone and served.on_node:
        if not is_tfew(inputs.model, served.weights[0]):
            raise _prepared_and_adapter(inputs, component, served)
    prepared = None
    if part.runner is not None:
        prepared = (
            router_runner(part) if routes else model_runner(inputs, component, part, mount, served)
        )
    spec["containers"] = _containers(component, part, spec.pop("containers", []), prepared, inputs)
    _add_volumes(spec, volume, annotations)
    if served is not None:
        sidecar = annotations.get(names.ANNOTATION_INJECT_SIDECAR) == "true"
        mount_copies(spec, inputs.model, served, prepared=inject, sidecar=sidecar)
    if not routes:
        _place(inputs, component, part, spec, _labels(inputs, served))
    return spec


def _labels(inputs: PlanInputs, served: Served | None) -> list[str]:
    """The labels that a node has Ready when it has all that the pod reads from it."""
    model = inputs.model
    found = [weight_node_label(one.name) for one in (served.weights if served else ()) if one.path]
    if is_claim(model) or (served is not None and served.merged):
        return found
    return [model_node_label(model.namespace, model.name), *found]


def _prepared_and_adapter(inputs: PlanInputs, component: Component, served: Served) -> RenderError:
    return RenderError(
        component.name,
        f"model {inputs.model.name} is prepared in {names.PATH_MODEL} by an init container"
        f" ({names.ANNOTATION_INJECT_MODEL_INIT}), where the copy of FineTunedWeight"
        f" {served.names} on the node would be mounted; take spec.storage.path out of the weight",
        names.REASON_MODEL,
    )


def _claim_and_adapter(inputs: PlanInputs, component: Component, served: Served) -> RenderError:
    return RenderError(
        component.name,
        f"model {inputs.model.name} lies in a claim, which is mounted at {names.PATH_MODEL}, where"
        f" FineTunedWeight {served.names} would be fetched to; use merged weights, or a model that"
        " is downloaded",
        names.REASON_MODEL,
    )


def main_container(
    spec: Mapping[str, Any], runner: Mapping[str, Any] | None, metadata: ObjectMeta
) -> dict[str, Any]:
    """The container that serves: the runner's, else ``ome-container``, else the first.

    ``spec`` is the finished pod, so a placeholder in the runner's name is filled in to find it.
    """
    wanted = fill((runner or {}).get("name") or names.CONTAINER_MAIN, metadata)
    containers: list[dict[str, Any]] = spec["containers"]
    return next((item for item in containers if item.get("name") == wanted), containers[0])


def _containers(
    component: Component,
    part: Part,
    given: list[dict[str, Any]],
    runner: dict[str, Any] | None,
    inputs: PlanInputs,
) -> list[dict[str, Any]]:
    """The containers with the runner in its place and the placeholders of the main one filled."""
    if runner is not None:
        containers, index = _place_runner(given, runner)
    elif given:
        containers, index = given, 0
    else:
        worker = "worker " if part.name == "worker" else ""
        path = ".".join(filter(None, (component.name, part.name, "runner")))
        raise RenderError(
            component.name,
            f"failed to reconcile {worker}pod spec: no containers found in {worker}pod spec and no"
            f" runner spec provided; set spec.{path}, or use a runtime with an"
            f" {component.name}Config",
        )
    containers[index] = fill(containers[index], inputs.service.metadata)
    return containers


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


def _place(
    inputs: PlanInputs, component: Component, part: Part, spec: dict[str, Any], labels: list[str]
) -> None:
    """Where the pod may run: on nodes whose ``labels`` say Ready, unless it is told otherwise."""
    accelerator = inputs.accelerators.get(component.name)
    selector = dict(spec.pop("nodeSelector", {}))
    for label in labels:
        selector.setdefault(label, "Ready")
    if inputs.runtime is not None:
        selector |= inputs.runtime.spec.node_selector or {}
    if accelerator is not None:
        selector |= accelerator.spec.discovery.node_selector or {}
    selector |= component.own.get("nodeSelector") or {}
    selector |= part.own.get("nodeSelector") or {}
    if selector:
        spec["nodeSelector"] = selector
    if not (component.own.get("affinity") or part.own.get("affinity")):
        affinity = accelerator_affinity(accelerator)
        if affinity:
            spec["affinity"] = affinity
