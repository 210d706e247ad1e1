"""What a plan is made from: resolved, typed, and read only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ome.api import to_json
from ome.workloads.config import OperatorConfig
from ome.workloads.merge import merge_component

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.api import (
        AcceleratorClassSpec,
        AcceleratorModelConfig,
        BaseModelSpec,
        InferenceService,
        ServingRuntimeSpec,
    )

__all__ = [
    "AcceleratorInput",
    "Component",
    "ModelInput",
    "PlanInputs",
    "RuntimeInput",
    "engine_component",
]


@dataclass(frozen=True, slots=True)
class ModelInput:
    """The resolved model; ``namespace`` is empty at cluster scope."""

    name: str
    namespace: str
    annotations: Mapping[str, str]
    spec: BaseModelSpec


@dataclass(frozen=True, slots=True)
class RuntimeInput:
    """The chosen runtime."""

    name: str
    spec: ServingRuntimeSpec


@dataclass(frozen=True, slots=True)
class AcceleratorInput:
    """The chosen accelerator class, and what the runtime's entry for the model says of it."""

    name: str
    spec: AcceleratorClassSpec
    config: AcceleratorModelConfig | None = None


@dataclass(frozen=True, slots=True)
class PlanInputs:
    """Everything a plan depends on; equal inputs give equal plans."""

    service: InferenceService
    model: ModelInput
    runtime: RuntimeInput | None = None
    config: OperatorConfig = field(default_factory=OperatorConfig)
    cluster_domain: str = "cluster.local"
    rendering: str = "1"
    model_config_taken: bool = False
    """Whether another service owns the ConfigMap of ``model_config_name(service)``."""
    accelerators: Mapping[str, AcceleratorInput] = field(default_factory=dict)
    """The class of each component that has one, by ``engine`` and ``decoder``."""


@dataclass(frozen=True, slots=True)
class Component:
    """One component of a service after the runtime's configuration was merged under it.

    ``merged`` is the component as JSON, ``own`` the service's block alone.
    """

    name: str
    merged: dict[str, Any]
    own: dict[str, Any]
    runtime_runner: dict[str, Any]

    @property
    def runner(self) -> dict[str, Any] | None:
        """The merged runner, if the component has one."""
        found: dict[str, Any] | None = self.merged.get("runner")
        return found


def engine_component(inputs: PlanInputs) -> Component | None:
    """The merged engine; None when neither the service nor its runtime has one.

    A service that only names a model runs its runtime's engine.
    """
    spec, runtime = inputs.service.spec, inputs.runtime
    base = None
    if runtime is not None and runtime.spec.engine_config is not None:
        base = to_json(runtime.spec.engine_config)
    if spec.engine is None and base is None:
        return None
    own = {} if spec.engine is None else to_json(spec.engine)
    merged = merge_component(base, own)
    return Component("engine", merged, own, (base or {}).get("runner") or {})
