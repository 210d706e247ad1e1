"""Reading how far a benchmark is, and what it found: the end of its pod's log.

The first looks come soon after each other, so that a short benchmark tells something too; a long
one is looked at once a minute.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import anyio
import structlog

from ome.errors import OmeError
from ome.workloads.benchmark import progress_in
from ome.workloads.benchmark.results import summary_at_end

if TYPE_CHECKING:
    from ome import api
    from ome.controllers.benchmarkjob.views import Pod
    from ome.controllers.context import ControllerContext
    from ome.kube.resource import ObjectKey
    from ome.workloads.benchmark import Progress

__all__ = ["ProgressReader"]

_FIRST, _LONGEST = 5.0, 60.0
"""Seconds from one look at a log to the next: each time twice as many, up to the second."""

_LINES = 400
_ALL_LINES = 4000
"""At the end: figures take a dozen lines for each run."""
_PATIENCE = 5.0
"""Seconds that a log gets: the API server asks the node for it, and that may be away."""

log = structlog.get_logger("BenchmarkJob")


@dataclass(slots=True)
class _Look:
    """When a log may be read again, and the pause after that."""

    due: float
    pause: float = _FIRST


class ProgressReader:
    """Reads logs; what cannot be read is no progress, never an error."""

    def __init__(self, context: ControllerContext) -> None:
        self._context = context
        self._looks: dict[ObjectKey, _Look] = {}

    async def read(self, key: ObjectKey, pod: Pod, spec: api.BenchmarkJobSpec) -> Progress | None:
        """How far it is; None when it is not time to look, or nothing can be read."""
        now = self._context.clock.monotonic()
        look = self._looks.setdefault(key, _Look(now))
        if now < look.due:
            return None
        look.due, look.pause = now + look.pause, min(2 * look.pause, _LONGEST)
        text = await self._text(pod, _LINES)
        return None if text is None else progress_in(text, spec)

    def again(self, key: ObjectKey) -> float:
        """Seconds until the next look is due."""
        look = self._looks.get(key)
        return _FIRST if look is None else max(look.due - self._context.clock.monotonic(), 0.1)

    async def at_the_end(
        self, pod: Pod, spec: api.BenchmarkJobSpec
    ) -> tuple[Progress | None, list[dict[str, Any]]]:
        """How far it came, as far as its log says, and the figures that this ends with."""
        text = await self._text(pod, _ALL_LINES)
        if text is None:
            return None, []
        progress = progress_in(text, spec)
        return progress if progress.scenario or progress.running else None, summary_at_end(text)

    async def _text(self, pod: Pod, lines: int) -> str | None:
        text = None
        why = f"no answer after {_PATIENCE:g} s"
        try:
            with anyio.move_on_after(_PATIENCE):
                text = await self._context.client.pod_log(
                    pod.metadata.key, tail_lines=lines, container=pod.container
                )
        except OmeError as error:
            why = str(error)
        if text is None:
            log.info("benchmark.log_unreadable", pod=str(pod.metadata.key), error=why)
        return text

    def forget(self, key: ObjectKey) -> None:
        """The benchmark has ended or is gone."""
        self._looks.pop(key, None)
