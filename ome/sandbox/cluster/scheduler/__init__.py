"""The scheduler: which node each pod runs on, and why none will have it."""

from __future__ import annotations

from ome.sandbox.cluster.scheduler.controller import Scheduler

__all__ = ["Scheduler"]
