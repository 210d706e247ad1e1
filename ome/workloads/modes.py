"""How a service and its components are deployed, decided from annotations and merged specs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ome.api import names
from ome.workloads.errors import RenderError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ome.api import InferenceService
    from ome.workloads.inputs import Component, PlanInputs

__all__ = ["component_modes", "is_virtual", "service_mode"]

_MODE = names.ANNOTATION_DEPLOYMENT_MODE


def service_mode(service: InferenceService, default: str) -> str:
    """What the service as a whole asks for; ``default`` is the operator's setting.

    ``VirtualDeployment`` is known from the service alone, before any model is looked for. An
    engine's annotation asks for it as the service's does.
    """
    engine = service.spec.engine
    if engine is not None and is_virtual((engine.annotations or {}).get(_MODE)):
        return names.MODE_VIRTUAL
    wanted = service.metadata.annotations.get(_MODE)
    return wanted if wanted in names.MODES else default


def is_virtual(mode: str | None) -> bool:
    """Whether nothing is deployed in a mode."""
    return mode == names.MODE_VIRTUAL


def component_modes(inputs: PlanInputs, components: Sequence[Component]) -> dict[str, str]:
    """The mode of each component by name. Raises ``RenderError`` for a contradiction."""
    rules = {
        names.COMPONENT_ENGINE: _engine,
        names.COMPONENT_DECODER: _decoder,
        names.COMPONENT_ROUTER: _router,
    }
    return {item.name: rules[item.name](inputs, item) for item in components}


def _engine(inputs: PlanInputs, component: Component) -> str:
    """Its annotation, the service's, then what the spec implies; never to zero beside a decoder."""
    mode = _wanted(inputs, component)
    if mode == names.MODE_SERVERLESS and inputs.service.spec.decoder is not None:
        return names.MODE_RAW
    return mode


def _wanted(inputs: PlanInputs, component: Component) -> str:
    own = (component.merged.get("annotations") or {}).get(_MODE)
    if own in names.MODES:
        return str(own)
    # Defaults write the other values on services by themselves, so they are nobody's wish.
    service = inputs.service.metadata.annotations.get(_MODE)
    if service == names.MODE_SERVERLESS and component.has_parts:
        raise RenderError(
            component.name,
            f"annotation {_MODE} is Serverless but the engine has a leader or worker; remove one"
            " of them",
            names.REASON_DEPLOYMENT_MODE,
        )
    if service in (names.MODE_RAY, names.MODE_SERVERLESS):
        return service
    if component.has_parts:
        return names.MODE_MULTI_NODE
    return _to_zero(component)


def _decoder(inputs: PlanInputs, component: Component) -> str:
    return names.MODE_MULTI_NODE if component.has_parts else names.MODE_RAW


def _router(inputs: PlanInputs, component: Component) -> str:
    return _to_zero(component)


def _to_zero(component: Component) -> str:
    scaled = component.merged.get("minReplicas") == 0
    return names.MODE_SERVERLESS if scaled else names.MODE_RAW
