"""The components of a service after the runtime's configuration was merged under each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.api import ServingRuntimePodSpec, names, to_json
from ome.workloads.errors import RenderError
from ome.workloads.inputs import Component
from ome.workloads.merge import merge_component

if TYPE_CHECKING:
    from ome.api import DecoderSpec, EngineSpec, RouterSpec, ServingRuntimeSpec
    from ome.workloads.inputs import PlanInputs

__all__ = ["components"]

_OLD_POD = frozenset(ServingRuntimePodSpec.model_fields) - {"node_selector"}
"""The fields of a runtime's old pod; its node selector is laid over every pod by itself."""
_OWN_PODS = ("runner", "containers", "leader", "worker")


def components(inputs: PlanInputs) -> tuple[Component, ...]:
    """Engine, decoder and router, as far as the service has them.

    A service that only names a model runs its runtime's engine. Raises ``RenderError`` when there
    is no engine.
    """
    spec = inputs.service.spec
    runtime = None if inputs.runtime is None else inputs.runtime.spec
    engine = None if runtime is None else _engine_of(runtime, spec.engine)
    decoder = None if runtime is None else _held(runtime.decoder_config)
    router = None if runtime is None else _held(runtime.router_config)
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
    runtime: dict[str, Any] | None,
    service: EngineSpec | DecoderSpec | RouterSpec | None,
) -> Component:
    own = _held(service) or {}
    return Component(name, merge_component(runtime, own), own)


def _held(block: EngineSpec | DecoderSpec | RouterSpec | None) -> dict[str, Any] | None:
    return None if block is None else to_json(block)


def _engine_of(runtime: ServingRuntimeSpec, own: EngineSpec | None) -> dict[str, Any] | None:
    """What a runtime says of engines; one in the old form says it with the fields of one pod.

    Those count only where the service brings no pods: one that does has always run without them.
    """
    if runtime.engine_config is not None or not runtime.containers:
        return _held(runtime.engine_config)
    if own is not None and any(getattr(own, part) is not None for part in _OWN_PODS):
        return None
    base = runtime.model_dump(mode="json", by_alias=True, exclude_none=True, include=set(_OLD_POD))
    containers = base.pop("containers")
    main = (item for item in containers if item.get("name") == names.CONTAINER_MAIN)
    base["runner"] = next(main, containers[0])
    base["containers"] = [item for item in containers if item is not base["runner"]]
    return base
