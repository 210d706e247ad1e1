"""The short name of a node's GPUs, from its instance type. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ome.api import names
from ome.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["instance_types", "shape_of"]

_KNOWN = {
    "BM.GPU.A10.4": "A10",
    "BM.GPU.A100-v2.8": "A100-80G",
    "BM.GPU4.8": "A100-40G",
    "BM.GPU.B4.8": "A100-40G",
    "BM.GPU.H100.8": "H100",
    "BM.GPU.H100-NC.8": "H100",
    "BM.GPU.H200.8": "H200",
    "BM.GPU.H200-NC.8": "H200",
    "BM.GPU.B200.8": "B200",
    "p5.48xlarge": "H100",
    "Standard_ND96isr_H100_v5": "H100",
    "a3-highgpu-8g": "H100",
    "gd-8xh100ib-i128": "H100",
    "gd-8xh200ib-i128": "H200",
    "gd-8xl40-i128": "L40",
    "gpu-h100-sxm": "H100",
    "gpu-h200-sxm": "H200",
    "gpu-b200-sxm": "B200",
    "gpu-l40s": "L40S",
}


def instance_types(text: str) -> Mapping[str, str]:
    """Short names by instance type: those of INSTANCE_TYPE_MAP, which replace the known ones.

    Raises ``UserError`` when it is no JSON object of texts.
    """
    if not text.strip():
        return _KNOWN
    problem = "expected a JSON object of instance types and short names"
    try:
        found = json.loads(text)
    except ValueError as error:
        problem, found = str(error), None
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found.values()):
        raise UserError(f"failed to parse INSTANCE_TYPE_MAP: {problem}")
    return found or _KNOWN


def shape_of(labels: Mapping[str, str], types: Mapping[str, str]) -> str:
    """The short name, the instance type itself when there is none, or nothing."""
    kind = next((labels[name] for name in names.INSTANCE_TYPE_LABELS if labels.get(name)), "")
    return types.get(kind, kind)
