"""Printer columns, in the order in which kubectl shows them."""

from __future__ import annotations

from typing import Any

__all__ = ["COLUMNS"]


def _columns(*rows: tuple[str, str, str]) -> list[dict[str, Any]]:
    return [{"name": name, "type": type_, "jsonPath": path} for name, type_, path in rows]


_AGE = ("Age", "date", ".metadata.creationTimestamp")
_FORMATS = ".spec.supportedModelFormats[*]"
_TRAFFIC = ".status.components.engine.traffic"
_NODES = (
    ("NodesReady", "integer", ".status.nodesReadyCount"),
    ("NodesFailed", "integer", ".status.nodesFailedCount"),
    ("NodesUpdating", "integer", ".status.nodesUpdatingCount"),
)
_RUNTIME = _columns(
    ("Disabled", "boolean", ".spec.disabled"),
    ("ModelFormat", "string", f"{_FORMATS}.modelFormat.name"),
    ("ModelFramework", "string", f"{_FORMATS}.modelFramework.name"),
    ("ModelFrameworkVersion", "string", f"{_FORMATS}.modelFramework.version"),
    ("ModelArchitecture", "string", f"{_FORMATS}.modelArchitecture"),
    ("ModelSizeMin", "string", ".spec.modelSizeRange.min"),
    ("ModelSizeMax", "string", ".spec.modelSizeRange.max"),
    ("Images", "string", ".spec.containers[*].image"),
    _AGE,
)
_MODEL = _columns(
    ("Disabled", "boolean", ".spec.disabled"),
    ("Version", "string", ".spec.version"),
    ("Vendor", "string", ".spec.vendor"),
    ("Framework", "string", ".spec.modelFramework.name"),
    ("FrameworkVersion", "string", ".spec.modelFramework.version"),
    ("ModelFormat", "string", ".spec.modelFormat.name"),
    ("Architecture", "string", ".spec.modelArchitecture"),
    ("Capabilities", "string", ".spec.modelCapabilities[*]"),
    ("Size", "string", ".spec.modelParameterSize"),
    ("CompartmentID", "string", ".spec.compartmentID"),
    ("Ready", "string", ".status.state"),
    _AGE,
    *_NODES,
)

COLUMNS: dict[str, list[dict[str, Any]]] = {
    "InferenceService": _columns(
        ("URL", "string", ".status.url"),
        ("Ready", "string", ".status.conditions[?(@.type=='Ready')].status"),
        ("BaseModel", "string", ".spec.model.name"),
        ("Runtime", "string", ".spec.runtime.name"),
        ("Prev", "integer", f"{_TRAFFIC}[?(@.tag=='prev')].percent"),
        ("Latest", "integer", f"{_TRAFFIC}[?(@.latestRevision==true)].percent"),
        ("PrevRolledoutRevision", "string", f"{_TRAFFIC}[?(@.tag=='prev')].revisionName"),
        ("LatestReadyRevision", "string", f"{_TRAFFIC}[?(@.latestRevision==true)].revisionName"),
        _AGE,
    ),
    "ServingRuntime": _RUNTIME,
    "ClusterServingRuntime": _RUNTIME,
    "BaseModel": _MODEL,
    "ClusterBaseModel": _MODEL,
    "FineTunedWeight": _columns(
        ("Disabled", "boolean", ".spec.disabled"),
        ("Version", "string", ".spec.version"),
        ("Vendor", "string", ".spec.vendor"),
        ("CompartmentID", "string", ".spec.compartmentID"),
        ("ModelType", "string", ".spec.modelType"),
        ("Ready", "string", ".status.state"),
        _AGE,
        *_NODES,
    ),
    "BenchmarkJob": _columns(_AGE, ("Status", "string", ".status.state")),
    "AcceleratorClass": _columns(
        ("Vendor", "string", ".spec.vendor"),
        ("Family", "string", ".spec.family"),
        ("Memory", "string", ".spec.capabilities.memoryGB"),
        ("Nodes", "integer", ".status.availableNodes"),
    ),
}
