"""The Deployment of a raw component."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from ome.api import names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.workloads.metadata import ComponentMetadata

__all__ = ["deployment"]

_POD_DEFAULTS: dict[str, Any] = {
    "dnsPolicy": "ClusterFirst",
    "restartPolicy": "Always",
    "terminationGracePeriodSeconds": 30,
    "securityContext": {},
    "schedulerName": "default-scheduler",
}
_CONTAINER_DEFAULTS = {
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
    "imagePullPolicy": "IfNotPresent",
}


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
            "template": {"metadata": template, "spec": _with_defaults(pod)},
        },
    }


def _strategy(given: Mapping[str, Any] | None) -> dict[str, Any]:
    strategy = dict(given or {})
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate" and not strategy.get("rollingUpdate"):
        strategy["rollingUpdate"] = {"maxUnavailable": 0, "maxSurge": 1}
    return strategy


def _with_defaults(pod: Mapping[str, Any]) -> dict[str, Any]:
    # A copy: the object is the caller's to change, the defaults are everybody's.
    spec = {**copy.deepcopy(_POD_DEFAULTS), **pod}
    spec["containers"] = [_container(container) for container in pod["containers"]]
    return spec


def _container(given: Mapping[str, Any]) -> dict[str, Any]:
    container = {**_CONTAINER_DEFAULTS, **given}
    if container["name"] == names.CONTAINER_MAIN and "readinessProbe" not in container:
        ports = container.get("ports") or ({"containerPort": names.PORT_SERVICE},)
        container["readinessProbe"] = {
            "tcpSocket": {"port": ports[0]["containerPort"]},
            "timeoutSeconds": 1,
            "periodSeconds": 10,
            "successThreshold": 1,
            "failureThreshold": 3,
        }
    return container
