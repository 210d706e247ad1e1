"""From specs to Kubernetes objects. Pure functions: plain values in, plain values out."""

from __future__ import annotations

from ome.workloads.config import IngressConfig, OperatorConfig, parse_operator_config
from ome.workloads.contested import contested_names, model_config_name
from ome.workloads.errors import ConfigError, RenderError
from ome.workloads.inputs import (
    AcceleratorInput,
    ModelInput,
    PlanInputs,
    RuntimeInput,
    WeightInput,
)
from ome.workloads.modes import service_mode
from ome.workloads.plan import plan, virtual_plan
from ome.workloads.planned import Plan, PlanFailure, PlannedComponent, WorkloadRef

__all__ = [
    "AcceleratorInput",
    "ConfigError",
    "IngressConfig",
    "ModelInput",
    "OperatorConfig",
    "Plan",
    "PlanFailure",
    "PlanInputs",
    "PlannedComponent",
    "RenderError",
    "RuntimeInput",
    "WeightInput",
    "WorkloadRef",
    "contested_names",
    "model_config_name",
    "parse_operator_config",
    "plan",
    "service_mode",
    "virtual_plan",
]
