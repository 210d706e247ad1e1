"""What informers tell about themselves, to whoever measures."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Protocol

from prometheus_client import Counter, Gauge, Histogram

if TYPE_CHECKING:
    from collections.abc import Callable

    from prometheus_client import CollectorRegistry

__all__ = ["InformerMetrics", "NoMetrics", "PrometheusInformerMetrics"]


class InformerMetrics(Protocol):
    """Callbacks; ``watch`` names a watch, such as ``pods`` or ``configmaps[ome]``."""

    def declared(
        self, watch: str, freshness: Callable[[], float], size: Callable[[], float]
    ) -> None:
        """A watch exists.

        ``freshness`` reads the seconds since it heard the server (or inf), ``size`` the bytes of
        what it holds.
        """
        ...

    def spent(self, watch: str, decoding: float, handling: float) -> None:
        """So many seconds went into decoding events and into handlers, by samples."""
        ...

    def events(self, watch: str, type_: str, count: int) -> None:
        """So many events of a type were taken in (told once for each chunk and type)."""
        ...

    def skipped(self, watch: str, why: str) -> None:
        """A line or object was left out: ``stale``, ``undecodable`` or ``garbled``."""
        ...

    def holds(self, watch: str, objects: int) -> None:
        """So many objects are in the store."""
        ...

    def listed(self, watch: str, seconds: float) -> None:
        """A list was read to its end and taken over."""
        ...

    def ended(self, watch: str, outcome: str) -> None:
        """A list or watch did not go on: ``ended``, ``silent``, ``gone``, ``failed`` and so on."""
        ...

    def handler_failed(self, watch: str) -> None:
        """A handler raised."""
        ...


class NoMetrics:
    """Measures nothing."""

    def declared(
        self, watch: str, freshness: Callable[[], float], size: Callable[[], float]
    ) -> None: ...

    def spent(self, watch: str, decoding: float, handling: float) -> None: ...

    def events(self, watch: str, type_: str, count: int) -> None: ...

    def skipped(self, watch: str, why: str) -> None: ...

    def holds(self, watch: str, objects: int) -> None: ...

    def listed(self, watch: str, seconds: float) -> None: ...

    def ended(self, watch: str, outcome: str) -> None: ...

    def handler_failed(self, watch: str) -> None: ...


class PrometheusInformerMetrics:
    """The series ``ome_watch_*`` and ``ome_cache_*``, in the registry of the process.

    Their label ``kind`` names the watch: ``pods``, or with its scope ``configmaps[ome]``. Freshness
    is computed when it is scraped, so that it grows while nothing is heard.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        label = ["kind"]

        def counter(name: str, text: str, *more: str) -> Counter:
            return Counter(f"ome_{name}", text, [*label, *more], registry=registry)

        # Told with each chunk: finding a series by its labels costs as much as decoding an event.
        self._events = functools.cache(
            counter("watch_events_total", "Events of watches taken in, by type.", "type").labels
        )
        self._skipped = counter("watch_skipped_total", "Lines or objects left out.", "reason")
        self._ended = counter(
            "watch_restarts_total", "Lists and watches that did not go on.", "reason"
        )
        self._handlers = counter("handler_failures_total", "Calls of handlers that raised.")
        self._decoding = counter("decode_seconds_total", "Time spent on decoding events.")
        self._handling = counter("handler_seconds_total", "Time spent in handlers of events.")
        self._bytes = Gauge(
            "ome_cache_bytes",
            "JSON bytes of what is kept of the objects held, by a sample.",
            label,
            registry=registry,
        )
        self._freshness = Gauge(
            "ome_watch_freshness_seconds",
            "Seconds since the server was last heard (list, event or bookmark).",
            label,
            registry=registry,
        )
        self._objects = functools.cache(
            Gauge("ome_cache_objects", "Objects held.", label, registry=registry).labels
        )
        self._lists = Histogram(
            "ome_watch_list_duration_seconds",
            "From the request of a list's first page until the store held it.",
            label,
            registry=registry,
            buckets=(0.05, 0.2, 1, 5, 20, 60, 300),
        )

    def declared(
        self, watch: str, freshness: Callable[[], float], size: Callable[[], float]
    ) -> None:
        self._freshness.labels(watch).set_function(freshness)
        self._bytes.labels(watch).set_function(size)

    def spent(self, watch: str, decoding: float, handling: float) -> None:
        self._decoding.labels(watch).inc(decoding)
        self._handling.labels(watch).inc(handling)

    def events(self, watch: str, type_: str, count: int) -> None:
        self._events(watch, type_).inc(count)

    def skipped(self, watch: str, why: str) -> None:
        self._skipped.labels(watch, why).inc()

    def holds(self, watch: str, objects: int) -> None:
        self._objects(watch).set(objects)

    def listed(self, watch: str, seconds: float) -> None:
        self._lists.labels(watch).observe(seconds)

    def ended(self, watch: str, outcome: str) -> None:
        self._ended.labels(watch, outcome).inc()

    def handler_failed(self, watch: str) -> None:
        self._handlers.labels(watch).inc()
