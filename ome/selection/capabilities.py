"""What an accelerator class can do, as numbers."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import TYPE_CHECKING

from ome.kube.quantity import parse_quantity

if TYPE_CHECKING:
    from ome.api import AcceleratorClassSpec, Quantity

__all__ = [
    "accelerator_resource",
    "bandwidth",
    "figure",
    "largest_figure",
    "memory_bytes",
    "memory_gb",
    "number",
]

_GIB = 2**30
_MIB = 2**20
_LARGEST = Decimal(2**63 - 1)
_FIGURES = {
    "fp32": "fp32_tflops",
    "fp16": "fp16_tflops",
    "bf16": "fp16_tflops",
    "int8": "int8_tops",
    "fp8": "int8_tops",
    "int4": "int4_tops",
    "fp4": "int4_tops",
    "nvfp4": "int4_tops",
}


def number(quantity: Quantity | None) -> Decimal | None:
    """What a quantity means, at most what 64 bits hold; None without one."""
    if quantity is None:
        return None
    try:
        return min(parse_quantity(quantity), _LARGEST)
    except ValueError:
        return None


def accelerator_resource(spec: AcceleratorClassSpec) -> str:
    """The resource that counts accelerators: the first of a device; empty when none is named.

    Classes of whole nodes name CPU and memory too, and before it.
    """
    return next((item.name for item in spec.resources or () if "/" in item.name), "")


def memory_bytes(spec: AcceleratorClassSpec) -> Decimal | None:
    """The accelerator's memory. A value below 1 Mi is meant in GiB: ``80`` is ``80Gi``."""
    memory = number(spec.capabilities.memory_gb)
    if memory is None:
        return None
    return memory * _GIB if memory < _MIB else memory


def memory_gb(spec: AcceleratorClassSpec) -> float | None:
    """The memory in GB of 2^30 bytes, with its fraction."""
    memory = memory_bytes(spec)
    return None if memory is None else float(memory) / _GIB


def bandwidth(spec: AcceleratorClassSpec) -> int:
    """The memory bandwidth in GB/s, rounded up; 0 when it is not said."""
    found = number(spec.capabilities.memory_bandwidth_gbps)
    return 0 if found is None else math.ceil(found)


def figure(spec: AcceleratorClassSpec, precision: str) -> int:
    """The peak rate at a precision; 0 when it is unknown."""
    attribute = _FIGURES.get(precision.lower())
    performance = spec.capabilities.performance
    if attribute is None or performance is None:
        return 0
    return getattr(performance, attribute) or 0


def largest_figure(spec: AcceleratorClassSpec) -> int:
    """The greatest of the peak rates."""
    return max(figure(spec, precision) for precision in ("fp32", "fp16", "int8", "int4"))
