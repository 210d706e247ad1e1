"""What a pod is given where nobody said anything, so that it does not differ between servers."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from ome.api import names

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["with_defaults"]

_POD: dict[str, Any] = {
    "dnsPolicy": "ClusterFirst",
    "restartPolicy": "Always",
    "terminationGracePeriodSeconds": 30,
    "securityContext": {},
    "schedulerName": "default-scheduler",
}
_CONTAINER = {
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
    "imagePullPolicy": "IfNotPresent",
}


def with_defaults(pod: Mapping[str, Any], *, probe: bool) -> dict[str, Any]:
    """A copy of a pod spec with our defaults; ``probe`` gives the main container a TCP probe."""
    # A copy: the object is the caller's to change, the defaults are everybody's.
    spec = copy.deepcopy({**_POD, **pod})
    spec["containers"] = [_container(container, probe) for container in spec["containers"]]
    return spec


def _container(given: Mapping[str, Any], probe: bool) -> dict[str, Any]:
    container = {**_CONTAINER, **given}
    if probe and container["name"] == names.CONTAINER_MAIN and "readinessProbe" not in container:
        ports = container.get("ports") or ({"containerPort": names.PORT_SERVICE},)
        container["readinessProbe"] = {
            "tcpSocket": {"port": ports[0]["containerPort"]},
            "timeoutSeconds": 1,
            "periodSeconds": 10,
            "successThreshold": 1,
            "failureThreshold": 3,
        }
    return container
