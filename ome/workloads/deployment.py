"""The Deployment of a raw component."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.api import names
from ome.workloads.pod_defaults import with_defaults

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.workloads.metadata import ComponentMetadata

__all__ = ["deployment"]


def deployment(
    metadata: ComponentMetadata,
    pod: Mapping[str, Any],
    strategy: Mapping[str, Any] | None,
    rendering: str,
) -> dict[str, Any]:
    """A Deployment that never says how many replicas it has: its autoscaler does."""
    described = metadata.object()
    described["annotations"][names.ANNOTATION_RENDERING] = rendering
    template = {"labels": dict(metadata.labels), "annotations": dict(metadata.annotations)}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": described,
        "spec": {
            "selector": {"matchLabels": {names.LABEL_APP: metadata.app}},
            "strategy": _strategy(strategy),
            "revisionHistoryLimit": 10,
            "progressDeadlineSeconds": 600,
            "template": {"metadata": template, "spec": with_defaults(pod, probe=True)},
        },
    }


def _strategy(given: Mapping[str, Any] | None) -> dict[str, Any]:
    strategy = dict(given or {})
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate" and not strategy.get("rollingUpdate"):
        strategy["rollingUpdate"] = {"maxUnavailable": 0, "maxSurge": 1}
    return strategy
