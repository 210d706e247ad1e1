"""What is measured of services: how runtimes are chosen, how long it takes until one is Ready."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import Counter, Histogram

from ome.api import names
from ome.telemetry.tracing import exemplar

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from ome.controllers.inferenceservice.choosing import Choice
    from ome.controllers.inferenceservice.passes import Pass
    from ome.controllers.inferenceservice.steps import StepFailed
    from ome.kube.resource import ObjectKey

__all__ = ["Measures"]

_SECONDS = (1, 5, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200)


class Measures:
    """The series of services; what is remembered is one entry for each service."""

    def __init__(self, registry: CollectorRegistry | None) -> None:
        """Without a registry nothing of it is shown."""
        self._selections = Counter(
            "ome_runtime_selections_total",
            "Choices of a runtime that differ from the one before: selected, named, none, invalid.",
            ["result"],
            registry=registry,
        )
        self._ready = Histogram(
            "ome_inferenceservice_time_to_ready_seconds",
            "From the creation of a service, or a change of its spec, until it is Ready.",
            ["mode"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._chosen: dict[ObjectKey, tuple[str, str]] = {}
        self._since: dict[ObjectKey, float] = {}

    def forget(self, key: ObjectKey) -> None:
        """The service is gone."""
        self._chosen.pop(key, None)
        self._since.pop(key, None)

    def chose(self, run: Pass, choice: Choice | None, failed: StepFailed | None) -> None:
        """A pass has looked for a runtime, or did not get that far."""
        named = run.service.spec.runtime
        name = named.name if named is not None else ""
        if failed is not None and failed.reason == names.REASON_RUNTIME_VALIDATION:
            found = ("invalid", name)
        elif failed is not None and failed.reason == names.REASON_RUNTIME_SELECTION:
            found = ("none", "")
        elif choice is None:
            return
        elif choice.selection is None:
            found = ("none", "")
        else:
            found = ("named" if name else "selected", choice.selection.runtime.name)
        if self._chosen.get(run.key) != found:
            self._chosen[run.key] = found
            self._selections.labels(found[0]).inc()

    def told(self, run: Pass, observed: int, created: float, ready: bool, now: float) -> None:
        """A pass has told of a service whose status spoke of generation ``observed`` before.

        ``created`` and ``now`` are seconds of the wall clock. A change of the spec that leaves the
        service Ready all the time is measured at the pass after the one that acted on it.
        """
        if observed < run.service.metadata.generation:
            self._since[run.key] = now if observed else created
            if observed:
                return
        if ready and run.key in self._since:
            seconds = max(now - self._since.pop(run.key), 0.0)
            self._ready.labels(run.mode).observe(seconds, exemplar())
