from __future__ import annotations

import math
import random

import anyio
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

import ome.informers
from ome.informers.driver import SAMPLED
from ome.informers.metrics import PrometheusInformerMetrics
from tests.informers.server import Server, line
from tests.informers.support import running
from tests.support.virtual_time import VirtualClock, run_virtual

WATCH = "things.example.com"


def test_what_happens_is_counted() -> None:
    registry = CollectorRegistry()

    def sample(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(f"ome_{name}", {"kind": WATCH, **labels})

    async def main() -> None:
        server = Server(random.Random(1))
        server.put("a", 1)
        metrics = PrometheusInformerMetrics(registry)
        async with running(server, metrics=metrics) as (_, informer, _recorder):
            assert sample("watch_freshness_seconds") == math.inf
            await informer.wait_synced(5)
            await anyio.sleep(30)
            assert sample("watch_freshness_seconds") == 30
            assert sample("cache_objects") == 1
            assert 50 < (sample("cache_bytes") or 0) < 500
            assert sample("watch_list_duration_seconds_count") == 1

            def bad(old: object, new: object) -> None:
                raise RuntimeError

            informer.add_handler(bad)
            server.put("b", 2)
            server.put("a", "no number")
            server.delete("b")
            server.send(line("ADDED", server.history[1][2]))
            server.send(b"garbage\n")
            await anyio.sleep(5)
            server.expire()
            await anyio.sleep(5)
            server.send(None)
            await anyio.sleep(120)

    with capture_logs():
        run_virtual(main)
    assert sample("watch_events_total", type="ADDED") == 2
    assert sample("watch_events_total", type="DELETED") == 1
    assert (sample("watch_events_total", type="BOOKMARK") or 0) >= 1
    assert sample("watch_skipped_total", reason="undecodable") == 2, "event and item"
    assert sample("watch_skipped_total", reason="garbled") == 1
    assert sample("watch_skipped_total", reason="stale") == 1
    assert sample("watch_restarts_total", reason="garbled") == 1
    assert sample("watch_restarts_total", reason="gone") == 1
    assert sample("handler_failures_total") == 3


def test_the_time_of_decoding_and_of_handlers_is_told_apart() -> None:
    registry = CollectorRegistry()

    class Ticking(VirtualClock):
        """Time goes by only in what is timed, and each look at the clock says how much."""

        passed = 0.0

        def monotonic(self) -> float:
            return super().monotonic() + self.passed

    clock = Ticking()

    def slow(_old: object, _new: object) -> None:
        clock.passed += 0.25

    async def main() -> None:
        server = Server(random.Random(1))
        server.put("a", 0)
        metrics = PrometheusInformerMetrics(registry)
        async with running(server, clock=clock, metrics=metrics) as (_, informer, _recorder):
            await informer.wait_synced(5)
            informer.add_handler(slow)
            for number in range(SAMPLED * 2):
                server.put("a", number + 1)
                await anyio.sleep(0.1)

    run_virtual(main)
    handled = registry.get_sample_value("ome_handler_seconds_total", {"kind": WATCH})
    assert handled == 0.25 * SAMPLED * 2
    assert registry.get_sample_value("ome_decode_seconds_total", {"kind": WATCH}) == 0


def test_the_names_of_the_package_are_these() -> None:
    assert sorted(ome.informers.__all__) == [
        "Informer",
        "InformerMetrics",
        "Informers",
        "Metadata",
        "NoMetrics",
        "OptionalKinds",
        "OwnerReference",
        "PartialMetadata",
        "ProjectionError",
        "PrometheusInformerMetrics",
        "Store",
        "WatchClient",
        "WholeObject",
        "key_of",
        "merge_projections",
    ]
    assert all(hasattr(ome.informers, name) for name in ome.informers.__all__)
