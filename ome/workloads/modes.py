"""How a component is deployed, decided from its merged spec."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ome.api import names
from ome.workloads.errors import NotBuilt, RenderError

if TYPE_CHECKING:
    from ome.workloads.inputs import Component, PlanInputs

__all__ = ["check_supported", "engine_mode"]


def engine_mode(inputs: PlanInputs, component: Component) -> str:
    """The engine's mode: its annotation, the service's, then what the spec implies."""
    wanted = (component.merged.get("annotations") or {}).get(names.ANNOTATION_DEPLOYMENT_MODE)
    if wanted in names.MODES:
        return str(wanted)
    service = inputs.service.metadata.annotations.get(names.ANNOTATION_DEPLOYMENT_MODE)
    if service == names.MODE_VIRTUAL:
        return names.MODE_VIRTUAL
    multi = "leader" in component.merged or "worker" in component.merged
    if service in (names.MODE_RAY, names.MODE_SERVERLESS):
        if service == names.MODE_SERVERLESS and multi:
            raise RenderError(
                component.name,
                f"annotation {names.ANNOTATION_DEPLOYMENT_MODE} is Serverless but the engine has a"
                " leader or worker; remove one of them",
                names.REASON_DEPLOYMENT_MODE,
            )
        return service
    if multi:
        return names.MODE_MULTI_NODE
    if component.merged.get("minReplicas") == 0 and inputs.service.spec.decoder is None:
        return names.MODE_SERVERLESS
    return names.MODE_RAW


def check_supported(inputs: PlanInputs, component: Component) -> None:
    """Raise ``NotBuilt`` for what this version does not make."""
    spec = inputs.service.spec
    mode = engine_mode(inputs, component)
    if mode != names.MODE_RAW:
        raise NotBuilt(
            component.name,
            f"deployment mode {mode} of the engine is not available in this version; only"
            " RawDeployment is (no leader, no worker, minReplicas above 0)",
            names.REASON_DEPLOYMENT_MODE,
        )
    for name in (names.COMPONENT_DECODER, names.COMPONENT_ROUTER):
        if getattr(spec, name) is not None:
            raise NotBuilt(
                name,
                f"spec.{name} is not available in this version; remove it to serve with the engine"
                " alone",
                names.REASON_DEPLOYMENT_MODE,
            )
    if spec.model is not None and spec.model.fine_tuned_weights:
        raise NotBuilt(
            component.name,
            "spec.model.fineTunedWeights is not available in this version; remove it to serve the"
            " base model",
            names.REASON_MODEL,
        )
