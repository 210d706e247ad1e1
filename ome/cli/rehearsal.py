"""``ome manager --dry-run``: what the manager would write, checked by the API server, kept nowhere.

It takes no Lease, so it runs beside a manager that leads; webhooks are not served, since the API
server would go on asking the other one.
"""

from __future__ import annotations

import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

import anyio

from ome.cli.assembly import NOWHERE, operate
from ome.errors import ClusterUnavailable
from ome.kube.dryrun import DryRun

if TYPE_CHECKING:
    import random
    from collections.abc import AsyncIterator

    from ome.cli.assembly import Settings
    from ome.clock import Clock
    from ome.kube.dryrun import Rehearsed
    from ome.kube.transport import Transport

__all__ = ["rehearse"]

_SYNC_SECONDS = 120.0
_QUIET_SECONDS = 8.0
"""Longer than an overlay hides that a write was not kept, after which its object is seen again."""
_MOST_SECONDS = 600.0
_CONFLICT = "the object has been modified"
_VERBS = {"POST": "create", "PUT": "replace", "PATCH": "patch", "DELETE": "delete"}


async def rehearse(
    transport: Transport, settings: Settings, clock: Clock, rng: random.Random
) -> int:
    """Run until nothing new would be written; 1 when the server refused something.

    Raises ``ClusterUnavailable`` when the caches are not in sync in two minutes.
    """
    told = _Told(clock)
    alone = replace(settings, listen=NOWHERE, webhooks=None, lease_namespace=None)
    async with anyio.create_task_group() as group:
        group.start_soon(
            partial(
                operate,
                DryRun(transport, told.tell),
                alone,
                clock,
                rng,
                signals=False,
                leadership=told,
            )
        )
        await told.settle()
        group.cancel_scope.cancel()
    sys.stdout.write(f"{told.count} writes, {told.refused} refused; nothing was changed\n")
    return 1 if told.refused else 0


@dataclass(slots=True)
class _Told:
    """What was said, and when last; leads as soon as the caches are in sync."""

    clock: Clock
    count: int = 0
    refused: int = 0
    last: float = 0.0
    synced: anyio.Event = field(default_factory=anyio.Event)

    @asynccontextmanager
    async def lead(self) -> AsyncIterator[None]:
        """Lead while the block runs; nobody is asked."""
        self.synced.set()
        yield

    def tell(self, entry: Rehearsed) -> None:
        """One line for a write; events and lost races are no news."""
        if entry.path.endswith("/events") or _CONFLICT in entry.refusal:
            return
        self.last = self.clock.monotonic()
        self.count += 1
        self.refused += bool(entry.refusal)
        refusal = f": refused: {entry.refusal}" if entry.refusal else ""
        sys.stdout.write(f"would {_VERBS[entry.method]} {_place(entry.path)}{refusal}\n")
        sys.stdout.flush()

    async def settle(self) -> None:
        """Wait until nothing new was said for a while."""
        with anyio.move_on_after(_SYNC_SECONDS) as waiting:
            await self.synced.wait()
        if waiting.cancelled_caught:
            raise ClusterUnavailable(
                f"caches are not in sync after {_SYNC_SECONDS:.0f} s; the log above says why"
            )
        self.last = self.clock.monotonic()
        with anyio.move_on_after(_MOST_SECONDS):
            while self.clock.monotonic() - self.last < _QUIET_SECONDS:
                await self.clock.sleep(0.2)


def _place(path: str) -> str:
    """``inferenceservices/status demo/chat`` of a request's path."""
    words = path.strip("/").split("/")
    words = words[2:] if words[0] == "api" else words[3:]
    namespace = ""
    if words[0] == "namespaces" and len(words) > 2:
        namespace, words = f"{words[1]}/", words[2:]
    plural, *rest = words
    subresource = f"/{rest[1]}" if rest[1:] else ""
    return f"{plural}{subresource} {namespace}{rest[0] if rest else ''}".rstrip()
