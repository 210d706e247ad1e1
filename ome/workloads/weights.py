"""Fine-tuned weights: which ones a component serves, and what that changes in its pods.

A *merged* weight holds the whole model; an *adapter* is laid over the base model. One weight is
fetched to where its engine looks for a model. Several adapters lie side by side, and the engine is
told of each by flags of its own. Init containers that admission adds fetch them into a volume in
memory, but for those that lie on nodes, see ``copies``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ome.api import names
from ome.workloads.errors import RenderError
from ome.workloads.layout import place_among
from ome.workloads.lora import NotAnEngine, add_adapters

if TYPE_CHECKING:
    from ome.workloads.inputs import ModelInput, PlanInputs, WeightInput

__all__ = ["Served", "is_tfew", "serve_weights", "served_weights"]

_META = "meta"
_COHERE = "cohere"
_TFEW = "tfew"


@dataclass(frozen=True, slots=True)
class Served:
    """The weights that a component serves: one, or several adapters."""

    weights: tuple[WeightInput, ...]

    @property
    def merged(self) -> bool:
        """Whether it holds the whole model, so that the base model is not needed."""
        return self.weights[0].mode == "merged"

    @property
    def several(self) -> bool:
        """Whether adapters lie side by side."""
        return len(self.weights) > 1

    @property
    def fetched(self) -> str:
        """Those that the pod's init containers fetch, as the annotation names them."""
        return names.SEPARATOR_WEIGHTS.join(item.name for item in self.weights if not item.path)

    @property
    def on_node(self) -> str:
        """Those that the node has, as their annotation names them."""
        return names.SEPARATOR_WEIGHTS.join(item.name for item in self.weights if item.path)

    @property
    def names(self) -> str:
        """All of them."""
        return names.SEPARATOR_WEIGHTS.join(item.name for item in self.weights)

    @property
    def strategy(self) -> str:
        """How they were trained; empty where they differ."""
        found = {item.strategy for item in self.weights}
        return found.pop() if len(found) == 1 else ""


def served_weights(inputs: PlanInputs, component: str) -> Served | None:
    """The weights that a component serves; a router serves none.

    Raises ``RenderError`` for a weight that does not exist, and for one that can only be served
    alone and is not.
    """
    reference = inputs.service.spec.model
    wanted = [name for name in (reference and reference.fine_tuned_weights) or () if name]
    if component == names.COMPONENT_ROUTER or not wanted:
        return None
    known = {item.name: item for item in inputs.weights}
    missing = next((name for name in wanted if name not in known), None)
    if missing is not None:
        raise _failed(
            component,
            f"No FineTunedWeight with the name: {missing}; create it, or correct"
            " spec.model.fineTunedWeights",
        )
    served = Served(tuple(known[name] for name in dict.fromkeys(wanted)))
    if served.several:
        _check_several(inputs.model, served, component)
    return served


def _check_several(model: ModelInput, served: Served, component: str) -> None:
    for weight in served.weights:
        if weight.mode == "merged":
            why = "holds merged weights, which take the place of the base model"
        elif is_tfew(model, weight):
            why = f"was trained with {_TFEW}, whose engine takes one weight"
        else:
            continue
        raise _failed(
            component,
            f"FineTunedWeight {weight.name} {why}; name it alone in spec.model.fineTunedWeights, or"
            " adapters only",
        )


def is_tfew(model: ModelInput, weight: WeightInput) -> bool:
    """Whether an engine of its own kind lays it over the model, which looks elsewhere for it."""
    adapts = weight.strategy == _TFEW and weight.mode == "adapter"
    return model.spec.vendor == _COHERE and adapts


def _failed(component: str, problem: str) -> RenderError:
    text = f"failed to reconcile fine-tuned weights: {problem}"
    return RenderError(component, text, names.REASON_MODEL)


def serve_weights(
    runner: dict[str, Any], model: ModelInput, served: Served, component: str, *, leads: bool
) -> None:
    """Give a runner the volume that its weights are fetched into, and tell its engine of them.

    The runner has its lists ``env`` and ``volumeMounts``. ``leads`` is False for pods that follow
    a leader, which need not run the engine's own command. Raises ``RenderError``.
    """
    if not served.several:
        _serve_one(runner, model, served.weights[0])
        return
    mounts: list[dict[str, Any]] = runner["volumeMounts"]
    if not any(mount.get("mountPath") == names.PATH_ADAPTERS for mount in mounts):
        mounts.append(
            {
                "name": names.VOLUME_MODEL_EMPTY_DIR,
                "mountPath": names.PATH_ADAPTERS,
                "subPath": names.SUB_PATH_FINE_TUNED,
                "readOnly": True,
            }
        )
    places = {item.name: place_among(item.name).directory for item in served.weights}
    try:
        add_adapters(runner, places)
    except NotAnEngine as error:
        if leads:
            raise _failed(component, str(error)) from error


def _serve_one(runner: dict[str, Any], model: ModelInput, weight: WeightInput) -> None:
    mounts: list[dict[str, Any]] = runner["volumeMounts"]
    mount = next((item for item in mounts if item["name"] == names.VOLUME_MODEL_EMPTY_DIR), None)
    if mount is None:
        mount = {"name": names.VOLUME_MODEL_EMPTY_DIR, "mountPath": names.PATH_MODEL}
        mounts.append(mount)
    if model.spec.vendor == _META:
        _set(runner, names.ENV_SERVED_MODEL_NAME, f"/data/{weight.name}", override=True)
        _set(runner, names.ENV_MODEL_PATH, names.PATH_MODEL)
    elif is_tfew(model, weight):
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
