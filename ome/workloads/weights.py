"""Fine-tuned weights: which one a component serves, and what that changes in its pods.

A *merged* weight holds the whole model; an *adapter* is laid over the base model. Both are fetched
into a volume in memory by an init container that admission adds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.api import names
from ome.workloads.errors import RenderError

if TYPE_CHECKING:
    from ome.workloads.inputs import ModelInput, PlanInputs, WeightInput

__all__ = ["serve_weight", "served_weight"]

_META = "meta"
_COHERE = "cohere"
_TFEW = "tfew"


def served_weight(inputs: PlanInputs, component: str) -> WeightInput | None:
    """The weight that a component serves; a router serves none.

    Raises ``RenderError`` for a weight that does not exist, and for more than one.
    """
    reference = inputs.service.spec.model
    wanted = [name for name in (reference and reference.fine_tuned_weights) or () if name]
    if component == names.COMPONENT_ROUTER or not wanted:
        return None
    if len(wanted) > 1:
        raise _failed(
            component,
            "stacked fine-tuned serving is not supported yet; name one weight in"
            " spec.model.fineTunedWeights",
        )
    found = next((item for item in inputs.weights if item.name == wanted[0]), None)
    if found is None:
        raise _failed(
            component,
            f"No FineTunedWeight with the name: {wanted[0]}; create it, or correct"
            " spec.model.fineTunedWeights",
        )
    return found


def _failed(component: str, problem: str) -> RenderError:
    text = f"failed to reconcile fine-tuned weights: {problem}"
    return RenderError(component, text, names.REASON_MODEL)


def serve_weight(runner: dict[str, Any], model: ModelInput, weight: WeightInput) -> None:
    """Give a runner the volume that its weight is fetched into, and the paths in it.

    The runner has its lists ``env`` and ``volumeMounts``.
    """
    mounts: list[dict[str, Any]] = runner["volumeMounts"]
    mount = next((item for item in mounts if item["name"] == names.VOLUME_MODEL_EMPTY_DIR), None)
    if mount is None:
        mount = {"name": names.VOLUME_MODEL_EMPTY_DIR, "mountPath": names.PATH_MODEL}
        mounts.append(mount)
    if model.spec.vendor == _META:
        _set(runner, names.ENV_SERVED_MODEL_NAME, f"/data/{weight.name}", override=True)
        _set(runner, names.ENV_MODEL_PATH, names.PATH_MODEL)
    elif model.spec.vendor == _COHERE and weight.strategy == _TFEW and weight.mode == "adapter":
        format_ = model.spec.model_format.name if model.spec.model_format else ""
        mount |= {"mountPath": f"{names.PATH_MODEL}/{format_}", "subPath": names.SUB_PATH_BASE}
        mounts.append(
            {
                "name": names.VOLUME_MODEL_EMPTY_DIR,
                "mountPath": f"{names.PATH_TFEW}/{format_}",
                "readOnly": True,
                "subPath": names.SUB_PATH_FINE_TUNED,
            }
        )
        _set(runner, names.ENV_TFEW_PATH, names.PATH_TFEW_WEIGHT)


def _set(runner: dict[str, Any], name: str, value: str, *, override: bool = False) -> None:
    env: list[dict[str, Any]] = runner["env"]
    for place, variable in enumerate(env):
        if variable.get("name") == name:
            if override:
                env[place] = {"name": name, "value": value}
            return
    env.append({"name": name, "value": value})
