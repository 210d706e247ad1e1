"""What an accelerator class changes in a runner and in the pod around it. Pure.

The class counts as "one accelerator": a runtime that asks for more keeps its number. What the
service's user wrote (resources of the runner, node selector, affinity) wins over the class; only
its environment and arguments for a model format win over the user's.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from ome.api import names
from ome.kube.quantity import parse_quantity
from ome.selection import accelerator_resource
from ome.workloads.arguments import merge_arguments, set_number

if TYPE_CHECKING:
    from ome.workloads.inputs import AcceleratorInput

__all__ = [
    "accelerator_affinity",
    "add_resources",
    "gpu_resource",
    "override_arguments",
    "override_environment",
    "sets_parallelism",
]

_TENSOR = ("--tp-size", "--tp", "--tensor-parallel-size")
_PIPELINE = ("--pp-size", "--pp", "--pipeline-parallel-size")
_DATA = ("--dp-size", "--dp", "--data-parallel-size")


def gpu_resource(accelerator: AcceleratorInput | None) -> str:
    """The extended resource that counts accelerators."""
    named = "" if accelerator is None else accelerator_resource(accelerator.spec)
    return named or names.GPU_RESOURCE


def sets_parallelism(accelerator: AcceleratorInput | None) -> bool:
    """Whether the class itself says what ``PARALLELISM_SIZE`` is."""
    config = accelerator.config if accelerator is not None else None
    return config is not None and names.ENV_PARALLELISM_SIZE in (config.environment_override or ())


def override_environment(runner: dict[str, Any], accelerator: AcceleratorInput) -> None:
    """Set the variables of the class: in place where they exist, else appended by name."""
    config = accelerator.config
    wanted = dict((config.environment_override or {}) if config is not None else {})
    env: list[dict[str, Any]] = runner.setdefault("env", [])
    held = {variable.get("name") for variable in env}
    for place, variable in enumerate(env):
        name = variable.get("name")
        if name in wanted:
            env[place] = {"name": name, "value": wanted[name]}
    env += [{"name": name, "value": wanted[name]} for name in sorted(wanted) if name not in held]


def add_resources(runner: dict[str, Any], accelerator: AcceleratorInput) -> None:
    """Ask for the resources of the class; of two counts the larger one, request equal to limit."""
    for wanted in accelerator.spec.resources or ():
        resources: dict[str, Any] = runner.setdefault("resources", {})
        held = [(resources.get(part) or {}).get(wanted.name) for part in ("requests", "limits")]
        amounts = [amount for amount in (*held, wanted.quantity) if amount is not None]
        largest = max(amounts, key=_amount)
        for part in ("requests", "limits"):
            resources[part] = {**(resources.get(part) or {}), wanted.name: largest}


def _amount(quantity: Any) -> Any:
    try:
        return parse_quantity(quantity)
    except ValueError:
        return parse_quantity(-1)


def override_arguments(runner: dict[str, Any], accelerator: AcceleratorInput) -> None:
    """The arguments and parallel sizes of the class over those of the runner."""
    config = accelerator.config
    if config is None:
        return
    args, command = list(runner.get("args") or ()), list(runner.get("command") or ())
    if config.runtime_args_override:
        args = merge_arguments(args, config.runtime_args_override)
    sizes = config.tensor_parallelism_override
    for aliases, number in (
        (_TENSOR, sizes.tensor_parallel_size if sizes is not None else None),
        (_PIPELINE, sizes.pipeline_parallel_size if sizes is not None else None),
        (_DATA, sizes.data_parallel_size if sizes is not None else None),
    ):
        if number:
            args, command = set_number(args, command, aliases, number)
    changed = {"args": args, "command": command}
    runner.update({member: value for member, value in changed.items() if value})


def accelerator_affinity(accelerator: AcceleratorInput | None) -> dict[str, Any] | None:
    """The affinity that replaces the runtime's where the user gave none; None without one."""
    affinity = None if accelerator is None else accelerator.spec.discovery.affinity
    return copy.deepcopy(dict(affinity)) if affinity else None
