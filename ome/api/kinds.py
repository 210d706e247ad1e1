"""Every kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ome.api.accelerators import AcceleratorClass
from ome.api.benchmarks import BenchmarkJob
from ome.api.models import BaseModel, ClusterBaseModel, FineTunedWeight
from ome.api.runtimes import ClusterServingRuntime, ServingRuntime
from ome.api.services import InferenceService

if TYPE_CHECKING:
    from ome.api.schema import KindObject

__all__ = ["KINDS"]

KINDS: tuple[type[KindObject], ...] = (
    BaseModel,
    ClusterBaseModel,
    FineTunedWeight,
    ServingRuntime,
    ClusterServingRuntime,
    InferenceService,
    BenchmarkJob,
    AcceleratorClass,
)
"""Every kind, in the order in which their CRDs are printed."""
