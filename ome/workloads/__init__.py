"""From specs to Kubernetes objects. Pure functions: plain values in, plain values out."""

from __future__ import annotations

from ome.workloads.config import IngressConfig, OperatorConfig, parse_operator_config
from ome.workloads.contested import contested_names, model_config_name
from ome.workloads.errors import ConfigError, ExposureError, RenderError
from ome.workloads.exposed import Exposed
from ome.workloads.exposure import Exposure, Seen, expose, foreign_kinds
from ome.workloads.httproute import refusal
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
from ome.workloads.sidecar import is_left_behind

__all__ = [
    "AcceleratorInput",
    "ConfigError",
    "Exposed",
    "Exposure",
    "ExposureError",
    "IngressConfig",
    "ModelInput",
    "OperatorConfig",
    "Plan",
    "PlanFailure",
    "PlanInputs",
    "PlannedComponent",
    "RenderError",
    "RuntimeInput",
    "Seen",
    "WeightInput",
    "WorkloadRef",
    "contested_names",
    "expose",
    "foreign_kinds",
    "is_left_behind",
    "model_config_name",
    "parse_operator_config",
    "plan",
    "refusal",
    "service_mode",
    "virtual_plan",
]
