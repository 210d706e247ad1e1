"""From specs to Kubernetes objects. Pure functions: plain values in, plain values out."""

from __future__ import annotations

from ome.workloads.config import IngressConfig, OperatorConfig, parse_operator_config
from ome.workloads.errors import ConfigError, NotBuilt, RenderError
from ome.workloads.inputs import AcceleratorInput, ModelInput, PlanInputs, RuntimeInput
from ome.workloads.model_config import model_config_name
from ome.workloads.plan import Plan, PlannedComponent, plan

__all__ = [
    "AcceleratorInput",
    "ConfigError",
    "IngressConfig",
    "ModelInput",
    "NotBuilt",
    "OperatorConfig",
    "Plan",
    "PlanInputs",
    "PlannedComponent",
    "RenderError",
    "RuntimeInput",
    "model_config_name",
    "parse_operator_config",
    "plan",
]
