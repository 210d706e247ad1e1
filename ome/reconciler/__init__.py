"""The reconciler core: queue, rate limiter, controller, manager, health. Knows no kind of OME's."""

from __future__ import annotations

from ome.reconciler.controller import Controller, Result
from ome.reconciler.mapping import (
    content_changed,
    controller_owner,
    declaration_changed,
    generation_changed,
    self_key,
)
from ome.reconciler.queue import WorkQueue
from ome.reconciler.ratelimiter import RateLimiter

__all__ = [
    "Controller",
    "RateLimiter",
    "Result",
    "WorkQueue",
    "content_changed",
    "controller_owner",
    "declaration_changed",
    "generation_changed",
    "self_key",
]
