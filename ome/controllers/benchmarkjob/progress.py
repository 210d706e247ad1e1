"""Reading how far a benchmark is: the end of its pod's log, at most once a minute for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import structlog

from ome.errors import OmeError
from ome.workloads.benchmark import progress_in

if TYPE_CHECKING:
    from ome import api
    from ome.controllers.benchmarkjob.views import Pod
    from ome.controllers.context import ControllerContext
    from ome.kube.resource import ObjectKey
    from ome.workloads.benchmark import Progress

__all__ = ["LOOK", "ProgressReader"]

LOOK = 60.0
"""Seconds between two looks at one log."""

_LINES = 400
_PATIENCE = 5.0
"""Seconds that a log gets: the API server asks the node for it, and that may be away."""

log = structlog.get_logger("BenchmarkJob")


class ProgressReader:
    """Reads logs; what cannot be read is no progress, never an error."""

    def __init__(self, context: ControllerContext) -> None:
        self._context = context
        self._read: dict[ObjectKey, float] = {}

    async def read(self, key: ObjectKey, pod: Pod, spec: api.BenchmarkJobSpec) -> Progress | None:
        """How far it is; None when it is not time to look, or nothing can be read."""
        now = self._context.clock.monotonic()
        if now - self._read.get(key, -LOOK) < LOOK:
            return None
        self._read[key] = now
        text = None
        why = f"no answer after {_PATIENCE:g} s"
        try:
            with anyio.move_on_after(_PATIENCE):
                text = await self._context.client.pod_log(pod.metadata.key, tail_lines=_LINES)
        except OmeError as error:
            why = str(error)
        if text is None:
            log.info("benchmark.log_unreadable", pod=str(pod.metadata.key), error=why)
            return None
        return progress_in(text, spec)

    def forget(self, key: ObjectKey) -> None:
        """The benchmark has ended or is gone."""
        self._read.pop(key, None)
