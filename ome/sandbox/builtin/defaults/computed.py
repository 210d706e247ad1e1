"""Defaults that depend on neighbouring fields, by type."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["COMPUTED"]

_CRD = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1"
_RBAC_GROUP = "rbac.authorization.k8s.io"


def _container(container: dict[str, Any]) -> None:
    image = container.get("image", "")
    container.setdefault("imagePullPolicy", "IfNotPresent" if _is_pinned(image) else "Always")


def _is_pinned(image: str) -> bool:
    """Whether it names a tag other than latest, or a digest."""
    if "@" in image:
        return True
    return image.rpartition("/")[2].partition(":")[2] not in ("", "latest")


def _volume(volume: dict[str, Any]) -> None:
    if set(volume) <= {"name"}:
        volume["emptyDir"] = {}


def _pod_spec(spec: dict[str, Any]) -> None:
    # Two names of one field: the old one is still stored.
    if account := spec.get("serviceAccountName") or spec.get("serviceAccount"):
        spec["serviceAccountName"] = spec["serviceAccount"] = account


def _strategy(strategy: dict[str, Any]) -> None:
    if strategy["type"] == "RollingUpdate":
        strategy.setdefault("rollingUpdate", {})


def _job(spec: dict[str, Any]) -> None:
    if "completions" not in spec and "parallelism" not in spec:
        spec["completions"] = 1
    spec.setdefault("parallelism", 1)
    spec.setdefault("backoffLimit", 2**31 - 1 if "backoffLimitPerIndex" in spec else 6)
    careful = "podFailurePolicy" in spec
    spec.setdefault("podReplacementPolicy", "Failed" if careful else "TerminatingOrFailed")


def _autoscaler(spec: dict[str, Any]) -> None:
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": 80}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]


def _behavior(behavior: dict[str, Any]) -> None:
    percent = {"type": "Percent", "value": 100, "periodSeconds": 15}
    up = {
        "stabilizationWindowSeconds": 0,
        "selectPolicy": "Max",
        "policies": [{"type": "Pods", "value": 4, "periodSeconds": 15}, percent],
    }
    down = {"selectPolicy": "Max", "policies": [dict(percent)]}
    for direction, rules in (("scaleUp", up), ("scaleDown", down)):
        given = behavior.get(direction) or {}
        said = {name: value for name, value in given.items() if value not in (None, "")}
        behavior[direction] = {**rules, **said}


def _service(spec: dict[str, Any]) -> None:
    if spec["sessionAffinity"] == "ClientIP":
        spec.setdefault("sessionAffinityConfig", {}).setdefault("clientIP", {}).setdefault(
            "timeoutSeconds", 10800
        )
    if spec["type"] in ("NodePort", "LoadBalancer"):
        spec.setdefault("externalTrafficPolicy", "Cluster")
    if spec["type"] == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)
    if spec["type"] != "ExternalName":
        spec.setdefault("internalTrafficPolicy", "Cluster")
        _ip_families(spec)


def _ip_families(spec: dict[str, Any]) -> None:
    if spec.get("clusterIP"):
        spec.setdefault("clusterIPs", [spec["clusterIP"]])
    # Who writes the endpoints of a headless service without selector may use both families.
    both = spec.get("clusterIP") == "None" and not spec.get("selector")
    spec.setdefault("ipFamilies", ["IPv4", "IPv6"] if both else ["IPv4"])
    spec.setdefault("ipFamilyPolicy", "RequireDualStack" if both else "SingleStack")


def _service_port(port: dict[str, Any]) -> None:
    if port.get("targetPort") in (None, 0, ""):
        port["targetPort"] = port.get("port", 0)


def _secret(secret: dict[str, Any]) -> None:
    texts = secret.pop("stringData", None)
    for key, text in (texts or {}).items():
        encoded = base64.b64encode(text.encode()).decode()
        secret.setdefault("data", {})[key] = encoded


def _node_status(status: dict[str, Any]) -> None:
    if status.get("capacity") and not status.get("allocatable"):
        status["allocatable"] = dict(status["capacity"])


def _subject(subject: dict[str, Any]) -> None:
    if subject.get("kind") in ("User", "Group"):
        subject.setdefault("apiGroup", _RBAC_GROUP)


def _crd_names(names: dict[str, Any]) -> None:
    if kind := names.get("kind"):
        names.setdefault("singular", kind.lower())
        names.setdefault("listKind", f"{kind}List")


COMPUTED: dict[str, Callable[[dict[str, Any]], None]] = {
    "core.v1.Container": _container,
    "core.v1.Volume": _volume,
    "core.v1.PodSpec": _pod_spec,
    "core.v1.ServiceSpec": _service,
    "core.v1.ServicePort": _service_port,
    "core.v1.Secret": _secret,
    "core.v1.NodeStatus": _node_status,
    "apps.v1.DeploymentStrategy": _strategy,
    "apps.v1.StatefulSetUpdateStrategy": _strategy,
    "batch.v1.JobSpec": _job,
    "autoscaling.v2.HorizontalPodAutoscalerSpec": _autoscaler,
    "autoscaling.v2.HorizontalPodAutoscalerBehavior": _behavior,
    "rbac.v1.Subject": _subject,
    f"{_CRD}.CustomResourceDefinitionNames": _crd_names,
}
