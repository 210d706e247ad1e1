"""The container that runs the model: its environment, mounts, resources and arguments. Pure."""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING, Any

from ome.api import names
from ome.workloads.accelerator import (
    add_resources,
    gpu_resource,
    override_arguments,
    override_environment,
    sets_parallelism,
)
from ome.workloads.mounts import mount_into
from ome.workloads.weights import serve_weights

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.workloads.inputs import Component, Part, PlanInputs
    from ome.workloads.mounts import Mount
    from ome.workloads.weights import Served

__all__ = ["model_runner", "router_runner"]

_COUNT = re.compile(r"[0-9]{1,9}")


def model_runner(
    inputs: PlanInputs,
    component: Component,
    part: Part,
    mount: Mount | None,
    served: Served | None,
) -> dict[str, Any]:
    """The runner of an engine or decoder pod. Raises ``RenderError``.

    ``mount`` is the base model where the runner reads it, ``served`` what it serves on top.
    """
    runner = _started(part)
    env = runner["env"]
    accelerator = inputs.accelerators.get(component.name)
    if mount is not None and (served is None or served.several):
        if not any(item.get("name") == names.ENV_MODEL_PATH for item in env):
            env.append({"name": names.ENV_MODEL_PATH, "value": mount.path})
    if mount is not None:
        mount_into(runner, mount)
    if served is not None:
        leads = part.name != "worker"
        serve_weights(runner, inputs.model, served, component.name, leads=leads)
    if accelerator is not None:
        override_environment(runner, accelerator)
    _fill_resources(inputs, component, part, runner)
    if accelerator is not None:
        override_arguments(runner, accelerator)
    if not sets_parallelism(accelerator):
        _set_parallelism(component, runner, gpu_resource(accelerator))
    return _finished(runner)


def router_runner(part: Part) -> dict[str, Any]:
    """The runner of a router: its ``config`` as environment, sorted, over what the runner says."""
    runner = _started(part)
    config: Mapping[str, str] = part.merged.get("config") or {}
    kept = [item for item in runner["env"] if item.get("name") not in config]
    runner["env"] = [*kept, *({"name": key, "value": config[key]} for key in sorted(config))]
    return _finished(runner)


def _started(part: Part) -> dict[str, Any]:
    runner = copy.deepcopy(dict(part.runner or {}))
    runner.setdefault("name", names.CONTAINER_MAIN)
    runner.setdefault("env", [])
    runner.setdefault("volumeMounts", [])
    return runner


def _finished(runner: dict[str, Any]) -> dict[str, Any]:
    for optional in ("env", "volumeMounts"):
        if not runner[optional]:
            del runner[optional]
    return runner


def _fill_resources(
    inputs: PlanInputs, component: Component, part: Part, runner: dict[str, Any]
) -> None:
    """Fill in what the runtime's old top-level container of the same name and the class ask for.

    Not where the user's own runner asks for anything: then all of it is the user's.
    """
    asked = (part.own.get("runner") or {}).get("resources") or {}
    if inputs.runtime is None or any(asked.get(kind) for kind in ("requests", "limits", "claims")):
        return
    for container in inputs.runtime.spec.containers or ():
        if container.get("name") == runner["name"]:
            for kind in ("requests", "limits"):
                given = (container.get("resources") or {}).get(kind) or {}
                held = (runner.get("resources") or {}).get(kind) or {}
                if given:
                    runner.setdefault("resources", {})[kind] = {**given, **held}
    accelerator = inputs.accelerators.get(component.name)
    if accelerator is not None:
        add_resources(runner, accelerator)


def _set_parallelism(component: Component, runner: dict[str, Any], resource: str) -> None:
    """GPUs of a pod times the pods of a group; overrides what the runner says."""
    # A decoder that only has workers counts no leader.
    leads = component.name != names.COMPONENT_DECODER or bool(
        component.runner is not None or "leader" in component.merged
    )
    pods = component.workers + leads
    resources = runner.get("resources") or {}
    for kind in ("limits", "requests"):
        gpus = (resources.get(kind) or {}).get(resource)
        # A few digits: no pod comes of more, and thousands of them are no number to Python.
        if gpus is None or not _COUNT.fullmatch(str(gpus)) or int(gpus) * pods == 0:
            continue
        value = {"name": names.ENV_PARALLELISM_SIZE, "value": str(int(gpus) * pods)}
        env = runner["env"]
        place = next((i for i, item in enumerate(env) if item.get("name") == value["name"]), None)
        if place is None:
            env.append(value)
        else:
            env[place] = value
        return
