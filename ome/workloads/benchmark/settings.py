"""The operator's settings for benchmarks, from the ConfigMap ``benchmarkjob-config``. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ome.api import names
from ome.api.jsontext import read_json
from ome.kube.quantity import parse_quantity
from ome.workloads.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["BenchmarkSettings", "parse_benchmark_settings"]

_KEY = "benchmarkjob"
_WHERE = f"ConfigMap {names.CONFIGMAP_BENCHMARK_JOB}, key {_KEY}"
_QUANTITIES = ("cpuRequest", "memoryRequest", "cpuLimit", "memoryLimit")


@dataclass(frozen=True, slots=True)
class BenchmarkSettings:
    """Image and resources of a benchmark's container; amounts are Kubernetes quantities."""

    image: str
    cpu_request: str
    memory_request: str
    cpu_limit: str
    memory_limit: str

    def resources(self) -> dict[str, dict[str, str]]:
        """As a container has them."""
        return {
            "requests": {"cpu": self.cpu_request, "memory": self.memory_request},
            "limits": {"cpu": self.cpu_limit, "memory": self.memory_limit},
        }


def parse_benchmark_settings(data: Mapping[str, str] | None, namespace: str) -> BenchmarkSettings:
    """The settings; ``data`` is None without the ConfigMap. Raises ``ConfigError``."""
    if data is None:
        raise ConfigError(
            f"ConfigMap {namespace}/{names.CONFIGMAP_BENCHMARK_JOB} not found; create it with key"
            f" {_KEY}, as the chart does"
        )
    if _KEY not in data:
        raise ConfigError(f"{_WHERE} is missing; add it with podConfig as the chart has it")
    pod = _pod_config(data[_KEY])
    image = pod.get("image")
    if not isinstance(image, str) or not image:
        raise ConfigError(f"{_WHERE}: podConfig.image is required; name the genai-bench image")
    amounts = [_quantity(pod, field) for field in _QUANTITIES]
    return BenchmarkSettings(image, *amounts)


def _pod_config(text: str) -> Mapping[str, Any]:
    try:
        value = read_json(text)
    except ValueError as error:
        raise ConfigError(
            f"{_WHERE}: unable to unmarshall benchmarkjob json string due to {error}; correct it"
        ) from error
    pod = value.get("podConfig") if isinstance(value, dict) else None
    if not isinstance(pod, dict):
        raise ConfigError(f"{_WHERE}: podConfig must be a JSON object with image and resources")
    return pod


def _quantity(pod: Mapping[str, Any], field: str) -> str:
    value = pod.get(field)
    text = str(value) if isinstance(value, str | int | float) else ""
    try:
        parse_quantity(text)
    except ValueError as error:
        said = "is required" if value is None else f"{value!r} is no quantity"
        raise ConfigError(
            f"{_WHERE}: podConfig.{field} {said}; write one such as 2, 500m or 2Gi"
        ) from error
    return text
