"""Metrics under the names that dashboards for controller-runtime know."""

from __future__ import annotations

import functools
import platform
from typing import TYPE_CHECKING

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)
from prometheus_client.registry import Collector

from ome.telemetry.tracing import exemplar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from prometheus_client import Metric

__all__ = ["ControllerReport", "Metrics", "QueueReport"]

_RESULTS = ("success", "error", "requeue", "requeue_after")
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """All series of one process, in a registry of its own."""

    def __init__(self, version: str = "", commit: str = "") -> None:
        self.registry = CollectorRegistry()
        self.registry.register(_Pending(self))  # first, so that the others are up to date
        self._queues: list[QueueReport] = []
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self._reconcile()
        self._workqueue()
        self._statuses()
        self._rest()
        self.loop_lag = Histogram(
            "ome_loop_lag_seconds",
            "How late the event loop was, looked at once a second.",
            registry=self.registry,
            buckets=(0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5, 30),
        )

        Gauge(
            "ome_build_info",
            "1, for what is running.",
            ["version", "commit", "python"],
            registry=self.registry,
        ).labels(version, commit, platform.python_version()).set(1)

    def _reconcile(self) -> None:
        where, label = self.registry, ["controller"]
        prefix = "controller_runtime_"
        self.reconcile_total = Counter(
            f"{prefix}reconcile_total",
            "Reconciliations by result.",
            ["controller", "result"],
            registry=where,
        )
        self.reconcile_errors = Counter(
            f"{prefix}reconcile_errors_total", "Failed reconciliations.", label, registry=where
        )
        self.terminal_errors = Counter(
            f"{prefix}terminal_reconcile_errors_total",
            "Reconciliations that retrying cannot mend.",
            label,
            registry=where,
        )
        self.panics = Counter(
            f"{prefix}reconcile_panics_total", "Unexpected exceptions.", label, registry=where
        )
        self.reconcile_seconds = Histogram(
            f"{prefix}reconcile_time_seconds",
            "Time of a reconciliation.",
            label,
            buckets=_SECONDS,
            registry=where,
        )
        self.max_concurrent = Gauge(
            f"{prefix}max_concurrent_reconciles", "Workers.", label, registry=where
        )
        self.active_workers = Gauge(
            f"{prefix}active_workers", "Workers that have a key.", label, registry=where
        )

    def _workqueue(self) -> None:
        where, label = self.registry, ["name"]
        self.queue_depth = Gauge("workqueue_depth", "Keys that wait.", label, registry=where)
        self.queue_adds = Counter("workqueue_adds_total", "Keys added.", label, registry=where)
        self.queue_coalesced = Counter(
            "ome_workqueue_coalesced_total",
            "Adds that became part of a run that was due anyway.",
            label,
            registry=where,
        )
        self.queue_retries = Counter("workqueue_retries_total", "Retries.", label, registry=where)
        self.queue_wait = Histogram(
            "workqueue_queue_duration_seconds",
            "Time a key waits.",
            label,
            buckets=_SECONDS,
            registry=where,
        )
        self.queue_work = Histogram(
            "workqueue_work_duration_seconds",
            "Time a key is worked on.",
            label,
            buckets=_SECONDS,
            registry=where,
        )
        self.queue_unfinished = Gauge(
            "workqueue_unfinished_work_seconds",
            "Seconds that present runs have taken.",
            label,
            registry=where,
        )
        self.queue_longest = Gauge(
            "workqueue_longest_running_processor_seconds",
            "Seconds of the longest present run.",
            label,
            registry=where,
        )

    def _statuses(self) -> None:
        label = ["kind"]
        written = Counter(
            "ome_status_writes_total", "Statuses written.", label, registry=self.registry
        )
        saved = Counter(
            "ome_status_coalesced_total",
            "Changes that waited for a later write of a status instead of making their own.",
            label,
            registry=self.registry,
        )
        applied = Counter(
            "ome_apply_total",
            "Objects applied by result: created, changed, skipped, conflict, failed.",
            ["kind", "result"],
            registry=self.registry,
        )
        self._applied = functools.cache(applied.labels)
        self._written = functools.cache(written.labels)
        self._saved = functools.cache(saved.labels)

    def status_written(self, kind: str) -> None:
        """A status of an object of this kind was written."""
        self._written(kind).inc()

    def applied(self, kind: str, result: str) -> None:
        """An object of this kind was applied, or was as it should be."""
        self._applied(kind, result).inc()

    def status_saved(self, kind: str, changes: int) -> None:
        """So many changes of an object of this kind waited for one write of its status."""
        self._saved(kind).inc(changes)

    def _rest(self) -> None:
        self.requests = Counter(
            "rest_client_requests_total",
            "Requests to the API server.",
            ["code", "method", "host"],
            registry=self.registry,
        )
        self.leading = Gauge(
            "leader_election_master_status",
            "1 while this replica holds the Lease.",
            ["name"],
            registry=self.registry,
        )
        self.lease_renewals = Histogram(
            "ome_lease_renewal_seconds",
            "Time of a renewal of the Lease by result: renewed, failed or lost.",
            ["result"],
            registry=self.registry,
            buckets=(0.01, 0.05, 0.2, 1, 2, 5, 10),
        )
        self.writes_fenced = Counter(
            "ome_writes_fenced_total",
            "Writes that were not sent because this replica did not lead any more.",
            registry=self.registry,
        )
        self.events_dropped = Counter(
            "ome_events_dropped_total", "Events lost under pressure.", registry=self.registry
        )

    def controller(self, name: str, workers: int) -> ControllerReport:
        """The report of one controller."""
        self.max_concurrent.labels(name).set(workers)
        return ControllerReport(self, name)

    def queue(self, name: str) -> QueueReport:
        """The report of one queue."""
        report = QueueReport(self, name)
        self._queues.append(report)
        return report

    def flush(self) -> None:
        """Bring all series up to date."""
        for report in self._queues:
            report.flush()

    def request(self, host: str) -> Callable[[str, str, float], None]:
        """Counts requests to one API server: (method, code, seconds)."""

        series = functools.cache(self.requests.labels)

        def observe(method: str, code: str, _seconds: float) -> None:
            series(code, method, host).inc()

        return observe

    def election(self, name: str) -> ElectionReport:
        """The report of the election on one Lease."""
        return ElectionReport(self, name)


class ElectionReport:
    """Writes the series of one election."""

    def __init__(self, metrics: Metrics, name: str) -> None:
        self._leading = metrics.leading.labels(name)
        self._renewals = metrics.lease_renewals

    def leading(self, leads: bool) -> None:
        self._leading.set(leads)

    def renewed(self, result: str, seconds: float) -> None:
        self._renewals.labels(result).observe(seconds)


class ControllerReport:
    """Writes the series of one controller."""

    def __init__(self, metrics: Metrics, name: str) -> None:
        self._active = metrics.active_workers.labels(name)
        self._seconds = metrics.reconcile_seconds.labels(name)
        # Series begin with 0: where one begins with 1, no increase is seen the first time.
        totals = metrics.reconcile_total
        self._results = {result: totals.labels(name, result) for result in _RESULTS}
        self._errors = metrics.reconcile_errors.labels(name)
        self._terminal = metrics.terminal_errors.labels(name)
        self._panics = metrics.panics.labels(name)

    def started(self) -> None:
        self._active.inc()

    def finished(self, result: str, seconds: float) -> None:
        self._active.dec()
        self._results[result].inc()
        self._seconds.observe(seconds, exemplar())
        if result == "error":
            self._errors.inc()

    def terminal_error(self) -> None:
        self._terminal.inc()

    def panicked(self) -> None:
        self._panics.inc()


class _Pending(Collector):
    """Collects nothing itself; has what was only counted so far written into its series."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        self._metrics.flush()
        return ()


class QueueReport:
    """Writes the series of one queue.

    What happens with each event is only counted here, in plain numbers, and written when somebody
    looks: a burst adds tens of thousands of keys in a second.
    """

    def __init__(self, metrics: Metrics, name: str) -> None:
        self._depth = metrics.queue_depth.labels(name)
        self._adds = metrics.queue_adds.labels(name)
        self._retries = metrics.queue_retries.labels(name)
        self._wait = metrics.queue_wait.labels(name)
        self._work = metrics.queue_work.labels(name)
        self._coalesced = metrics.queue_coalesced.labels(name)
        self._size = 0
        self._added = 0
        self._runs = 0
        self._flushed_size = 0

    def added(self) -> None:
        self._added += 1

    def depth(self, size: int) -> None:
        self._size = size

    def flush(self) -> None:
        """Bring the series up to date."""
        added, self._added = self._added, 0
        runs, self._runs = self._runs, 0
        self._adds.inc(added)
        self._depth.set(self._size)
        # Of what was added, what neither ran nor waits was merged. A key that waits in ``dirty``
        # is counted as merged until it runs, hence the bound.
        self._coalesced.inc(max(0, added - runs - (self._size - self._flushed_size)))
        self._flushed_size = self._size

    def waited(self, seconds: float) -> None:
        self._runs += 1
        self._wait.observe(seconds)

    def worked(self, seconds: float) -> None:
        self._work.observe(seconds)

    def retried(self) -> None:
        self._retries.inc()
