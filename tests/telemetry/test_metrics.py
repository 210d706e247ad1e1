"""What the queue and the statuses report, as a dashboard reads it."""

from __future__ import annotations

import random

from ome.reconciler.queue import WorkQueue
from ome.telemetry.metrics import Metrics
from tests.support.virtual_time import VirtualClock, run_virtual


def sample(metrics: Metrics, series: str, /, **labels: str) -> float | None:
    metrics.flush()
    return metrics.registry.get_sample_value(series, labels)


def test_adds_that_became_part_of_another_run_are_counted_as_coalesced() -> None:
    metrics = Metrics()

    async def main() -> None:
        queue = WorkQueue[str](VirtualClock(), random.Random(1), metrics=metrics.queue("q"))
        for _ in range(10):
            queue.add("a")
        queue.add("b")
        assert sample(metrics, "ome_workqueue_coalesced_total", name="q") == 9
        assert sample(metrics, "workqueue_depth", name="q") == 2
        for _ in range(2):
            queue.done(await queue.get())
        assert sample(metrics, "workqueue_depth", name="q") == 0

    run_virtual(main)
    assert sample(metrics, "workqueue_adds_total", name="q") == 11
    assert sample(metrics, "ome_workqueue_coalesced_total", name="q") == 9


def test_statuses_are_counted_by_kind() -> None:
    metrics = Metrics()
    metrics.status_written("BaseModel")
    metrics.status_saved("BaseModel", 2)
    assert sample(metrics, "ome_status_writes_total", kind="BaseModel") == 1
    assert sample(metrics, "ome_status_coalesced_total", kind="BaseModel") == 2


def test_runs_are_counted_by_result() -> None:
    metrics = Metrics()
    report = metrics.controller("c", workers=4)
    for result in ("success", "error"):
        report.started()
        report.finished(result, 0.5)
    name = "controller_runtime_reconcile"
    assert sample(metrics, f"{name}_total", controller="c", result="success") == 1
    assert sample(metrics, f"{name}_errors_total", controller="c") == 1
    assert sample(metrics, f"{name}_time_seconds_sum", controller="c") == 1.0
    assert sample(metrics, "controller_runtime_active_workers", controller="c") == 0


def test_what_has_not_happened_yet_is_zero_so_that_the_first_time_is_an_increase() -> None:
    metrics = Metrics()
    metrics.controller("c", workers=4)
    prefix = "controller_runtime"
    for name in ("reconcile_errors", "terminal_reconcile_errors", "reconcile_panics"):
        assert sample(metrics, f"{prefix}_{name}_total", controller="c") == 0, name
    for result in ("success", "error", "requeue", "requeue_after"):
        assert sample(metrics, f"{prefix}_reconcile_total", controller="c", result=result) == 0
