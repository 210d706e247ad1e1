"""Jobs: pods that run to their end, so many of them and no more failures than allowed."""

from __future__ import annotations

from ome.sandbox.cluster.jobs.controller import Jobs

__all__ = ["Jobs"]
