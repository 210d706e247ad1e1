"""The prober of a Ray cluster: a Deployment that is available while the cluster's head serves."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from ome.api import names

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ProberConfig", "parse_prober", "prober_pod"]


@dataclass(frozen=True, slots=True)
class ProberConfig:
    """Key ``multinodeProber``; defaults are those of the chart. Quantities may be empty."""

    image: str = "ghcr.io/moirai-internal/multinode-prober:v0.1.5"
    memory_request: str = "100Mi"
    memory_limit: str = "100Mi"
    cpu_request: str = "100m"
    cpu_limit: str = "100m"
    startup_failure_threshold: int = 150
    startup_period_seconds: int = 30
    startup_timeout_seconds: int = 60
    startup_initial_delay_seconds: int = 120
    unavailable_threshold_seconds: int = 600
    """How long a prober may be unavailable before its Ray cluster is made anew."""


def parse_prober(value: Mapping[str, Any]) -> ProberConfig:
    """The settings from the key's JSON object; what it leaves out is as shipped.

    Raises ``ValueError`` naming the member.
    """
    found: dict[str, Any] = {}
    for entry in fields(ProberConfig):
        kind = type(entry.default)
        head, *rest = entry.name.split("_")
        member = head + "".join(word.capitalize() for word in rest)
        given = value.get(member)
        if given is None:
            continue
        if type(given) is not kind:
            expected = "a whole number" if kind is int else "a string"
            raise ValueError(f"{member} must be {expected}")
        found[entry.name] = given
    return ProberConfig(**found)


def prober_pod(config: ProberConfig, endpoint: str) -> dict[str, Any]:
    """The pod that asks ``endpoint`` whether the model server answers."""
    port = names.PORT_PROBER
    checked = {"timeoutSeconds": 5, "periodSeconds": 30, "successThreshold": 1}
    startup = {
        "failureThreshold": config.startup_failure_threshold,
        "periodSeconds": config.startup_period_seconds,
        "timeoutSeconds": config.startup_timeout_seconds,
        "initialDelaySeconds": config.startup_initial_delay_seconds,
    }
    container: dict[str, Any] = {
        "name": names.CONTAINER_PROBER,
        "image": config.image,
        "imagePullPolicy": "IfNotPresent",
        "args": ["--vllm-endpoint", endpoint, "--addr", f"0.0.0.0:{port}"],
        "ports": [{"name": "http", "containerPort": port, "protocol": "TCP"}],
        "readinessProbe": {**_get("/healthz"), **checked, "failureThreshold": 3},
        "livenessProbe": {**_get("/readyz"), **checked, "failureThreshold": 3},
        "startupProbe": {
            **_get("/startupz"),
            **{key: value for key, value in startup.items() if value},
        },
    }
    resources = {
        "requests": _quantities(config.cpu_request, config.memory_request),
        "limits": _quantities(config.cpu_limit, config.memory_limit),
    }
    asked = {kind: held for kind, held in resources.items() if held}
    if asked:
        container["resources"] = asked
    return {"containers": [container]}


def _get(path: str) -> dict[str, Any]:
    return {"httpGet": {"path": path, "port": names.PORT_PROBER}}


def _quantities(cpu: str, memory: str) -> dict[str, str]:
    return {name: held for name, held in (("cpu", cpu), ("memory", memory)) if held}
