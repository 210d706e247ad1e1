"""The agent's metrics, under the names that dashboards of the Go agent know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from ome.agent.models import Model

__all__ = ["AgentMetrics"]

_MODEL = ["model_type", "namespace", "name"]
_SECONDS = (*(0.1 * 2**n for n in range(18)), 21600.0)
"""From a tenth of a second over those of the Go agent (up to 51 s) to six hours."""
_WAITS = tuple(float(2**n) for n in range(10))


class AgentMetrics:
    """All series of one agent, in a registry of its own."""

    def __init__(self, *, process: bool = True) -> None:
        """``process``: with the series of the process itself, which is one agent's."""
        self.registry = CollectorRegistry()
        if process:
            ProcessCollector(registry=self.registry)
            PlatformCollector(registry=self.registry)
        self._labelled: list[Counter | Histogram] = []
        counter, histogram = self._counter, self._histogram
        self.succeeded = counter("downloads_success", "Models that came onto the node.")
        self.failed = counter("downloads_failed", "Attempts at a model that failed.")
        self.errors = counter("download_errors", "Failed attempts by reason.", "reason")
        self.seconds = histogram("download_duration_seconds", "Time of a success.", _SECONDS)
        self.bytes = counter("download_bytes", "Bytes of models that came onto the node.")
        self.verifications = counter("verifications", "Verifications of a model.", "result")
        self.md5_failed = counter("md5_checksum_failed", "Files with a wrong checksum.")
        self.rate_limited = counter("rate_limit", "Downloads that failed by a rate limit.")
        self.rate_waits = histogram("rate_limit_wait_seconds", "Waits for a rate limit.", _WAITS)
        self.verify_seconds = Histogram(
            "model_agent_verification_duration_seconds",
            "Time of looking at a model's files.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._workers = Gauge(
            "model_agent_active_workers", "Downloads under way.", registry=self.registry
        )
        self._depth = Gauge(
            "model_agent_task_queue_depth", "Models that wait for a worker.", registry=self.registry
        )
        self.writes = Counter(
            "model_agent_configmap_operations",
            "Writes of the node's ConfigMap.",
            ["operation", "result"],
            registry=self.registry,
        )
        self.peer_bytes = Counter(
            "model_agent_peer_sent_bytes", "Bytes given to other nodes.", registry=self.registry
        )

    def watch_workers(self, active: Callable[[], float], waiting: Callable[[], float]) -> None:
        """Where the numbers of running and of waiting downloads come from."""
        self._workers.set_function(active)
        self._depth.set_function(waiting)

    def forget(self, model: Model) -> None:
        """Drop the series of a model that is gone."""
        labels = dict(zip(_MODEL, self.of(model), strict=True))
        for series in self._labelled:
            series.remove_by_labels(labels)

    @staticmethod
    def of(model: Model) -> tuple[str, str, str]:
        """The labels of a model."""
        return model.kind, model.key.namespace, model.key.name

    def _counter(self, name: str, what: str, *more: str) -> Counter:
        made = Counter(f"model_agent_{name}", what, [*_MODEL, *more], registry=self.registry)
        self._labelled.append(made)
        return made

    def _histogram(self, name: str, what: str, buckets: tuple[float, ...]) -> Histogram:
        made = Histogram(
            f"model_agent_{name}", what, _MODEL, buckets=buckets, registry=self.registry
        )
        self._labelled.append(made)
        return made
