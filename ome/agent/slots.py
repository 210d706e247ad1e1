"""A bounded number of nodes at a time: a Lease for each slot, held by one node.

A slot that is free has no Lease; taking it creates one, so of two nodes the server lets one
through. A holder that does not renew is judged by how long its Lease stays as it is, by our own
clock: clocks of nodes differ. A slot limits load and guards nothing, so one that is lost while it
is used costs only that another node comes along.

Races: between the look at the slots and the write another node may be faster; the write then fails
and the next slot is tried.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import structlog

from ome.clock import rfc3339_micro
from ome.errors import AlreadyExists, ApiError, Conflict, Forbidden, NotFound, TransportError
from ome.kube.resource import ObjectKey
from ome.kube.resources import LEASES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ome.clock import Clock
    from ome.kube.client import Client

__all__ = ["LABEL_SLOTS", "Slots"]

LABEL_SLOTS = "models.ome.io/download-slots"
_SECONDS = 60
"""After so long without a renewal a slot is free."""
_RELEASE_SECONDS = 5.0
log = structlog.get_logger("agent")


class Slots:
    """Slots of one node; ``run`` renews those that it holds."""

    def __init__(self, client: Client, namespace: str, node: str, clock: Clock) -> None:
        self._client = client
        self._namespace = namespace
        self._node = node
        self._clock = clock
        self._held: dict[str, dict[str, Any]] = {}
        self._seen: dict[str, tuple[str, float]] = {}
        self._warned = False

    async def run(self) -> None:
        """Renew until cancelled."""
        while True:
            await self._clock.sleep(_SECONDS / 4)
            for name, held in list(self._held.items()):
                try:
                    renewed = await self._client.replace(LEASES, self._lease(name, held))
                except (ApiError, TransportError) as error:
                    log.warning("slot.not_renewed", slot=name, problem=str(error))
                else:
                    if name in self._held:
                        self._held[name] = renewed

    @asynccontextmanager
    async def one_of(self, name: str, count: int) -> AsyncIterator[bool]:
        """Hold one of ``count`` slots while the context is open; False when none is free.

        Where the agent may not write Leases nobody is held back. Never raises by itself.
        """
        try:
            slot = await self._take(name, count)
        except Forbidden as error:
            if not self._warned:
                self._warned = True
                log.warning("slots.forbidden", problem=str(error), now="nodes do not take turns")
            yield True
            return
        except (ApiError, TransportError) as error:
            log.warning("slots.unknown", problem=str(error))
            slot = None
        try:
            yield slot is not None
        finally:
            if slot is not None:
                with anyio.CancelScope(shield=True), anyio.move_on_after(_RELEASE_SECONDS):
                    await self._release(slot)

    async def _take(self, name: str, count: int) -> str | None:
        listed = await self._client.list(
            LEASES, self._namespace, label_selector=f"{LABEL_SLOTS}={name}"
        )
        present = {lease["metadata"]["name"]: lease for lease in listed}
        for number in range(count):
            slot = f"{name}-{number}"
            lease = present.get(slot)
            if slot in self._held or (lease is not None and not self._free(slot, lease)):
                continue
            wanted = self._lease(slot, lease, name)
            write = self._client.create if lease is None else self._client.replace
            try:
                self._held[slot] = await write(LEASES, wanted)
            except (AlreadyExists, Conflict, NotFound):
                continue
            return slot
        return None

    def _free(self, slot: str, lease: dict[str, Any]) -> bool:
        """Whether its holder is gone, or was an earlier run of ours."""
        if (lease.get("spec") or {}).get("holderIdentity") in (self._node, "", None):
            return True
        now, version = self._clock.monotonic(), lease["metadata"]["resourceVersion"]
        if self._seen.get(slot, ("", 0.0))[0] != version:
            self._seen[slot] = (version, now)
        return now - self._seen[slot][1] > _SECONDS

    def _lease(self, slot: str, before: dict[str, Any] | None, name: str = "") -> dict[str, Any]:
        now = rfc3339_micro(self._clock.wall())
        spec = {"holderIdentity": self._node, "leaseDurationSeconds": _SECONDS, "renewTime": now}
        if before is not None:
            return {**before, "spec": {**(before.get("spec") or {}), **spec}}
        metadata = {"name": slot, "namespace": self._namespace, "labels": {LABEL_SLOTS: name}}
        return {
            "apiVersion": LEASES.api_version,
            "kind": LEASES.kind,
            "metadata": metadata,
            "spec": {**spec, "acquireTime": now},
        }

    async def _release(self, slot: str) -> None:
        held = self._held.pop(slot)["metadata"]
        key = ObjectKey(self._namespace, slot)
        try:
            # A renewal may be under way; the uid says enough, since whoever took over replaced it.
            current = await self._client.get(LEASES, key)
            if (current.get("spec") or {}).get("holderIdentity") == self._node:
                version = current["metadata"]["resourceVersion"]
                await self._client.delete(LEASES, key, uid=held["uid"], resource_version=version)
        except NotFound:
            return
        except (ApiError, TransportError) as error:
            log.warning("slot.not_released", slot=slot, problem=str(error), free_in=_SECONDS)
