"""The components of a service after the runtime's configuration was merged under each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ome.api import names, to_json
from ome.workloads.errors import RenderError
from ome.workloads.inputs import Component
from ome.workloads.merge import merge_component

if TYPE_CHECKING:
    from ome.api import DecoderSpec, EngineSpec, RouterSpec
    from ome.workloads.inputs import PlanInputs

__all__ = ["components"]


def components(inputs: PlanInputs) -> tuple[Component, ...]:
    """Engine, decoder and router, as far as the service has them.

    A service that only names a model runs its runtime's engine. Raises ``RenderError`` when there
    is no engine.
    """
    spec = inputs.service.spec
    runtime = None if inputs.runtime is None else inputs.runtime.spec
    engine = None if runtime is None else runtime.engine_config
    decoder = None if runtime is None else runtime.decoder_config
    router = None if runtime is None else runtime.router_config
    if spec.engine is None and engine is None:
        raise RenderError(
            names.COMPONENT_ENGINE,
            "engine component is required: set spec.engine, or use a runtime with an engineConfig",
            names.REASON_DEPLOYMENT_MODE,
        )
    found = [_merged(names.COMPONENT_ENGINE, engine, spec.engine)]
    if spec.decoder is not None:
        found.append(_merged(names.COMPONENT_DECODER, decoder, spec.decoder))
    if spec.router is not None:
        found.append(_merged(names.COMPONENT_ROUTER, router, spec.router))
    return tuple(found)


def _merged(
    name: str,
    runtime: EngineSpec | DecoderSpec | RouterSpec | None,
    service: EngineSpec | DecoderSpec | RouterSpec | None,
) -> Component:
    own = {} if service is None else to_json(service)
    base = None if runtime is None else to_json(runtime)
    return Component(name, merge_component(base, own), own)
