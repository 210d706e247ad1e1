"""Why a benchmark cannot be run; the text names the field and the next step."""

from __future__ import annotations

from ome.errors import OmeError

__all__ = ["BenchmarkError"]


class BenchmarkError(OmeError):
    """A BenchmarkJob, or what it measures, lacks something that the run needs."""
