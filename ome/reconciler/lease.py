"""The Lease object: what is read of it, and its writes, each of which can only follow what it read.

Every write carries the resourceVersion that was read (or creates), so of two replicas that try at
once the server lets one through, and a write that arrives late changes nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from ome.clock import rfc3339_micro
from ome.errors import NotFound
from ome.informers.projection import Metadata
from ome.kube.resources import LEASES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.clock import Clock
    from ome.kube.client import Client
    from ome.kube.resource import ObjectKey

__all__ = ["Held", "LeaseLock", "LeaseView"]


class LeaseSpec(msgspec.Struct, frozen=True, rename="camel"):
    """Who holds a Lease and for how long."""

    holder_identity: str | None = None
    lease_duration_seconds: int | None = None


class LeaseView(msgspec.Struct, frozen=True, rename="camel"):
    """A Lease as the watch shows it."""

    metadata: Metadata
    spec: LeaseSpec = LeaseSpec()


@dataclass(frozen=True, slots=True)
class Held:
    """One version of the Lease."""

    version: str
    holder: str
    duration: float | None
    """Seconds that others wait after a renewal; None when its holder did not say."""
    document: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """The whole object; empty when only the watch has shown it."""


class LeaseLock:
    """Reads and writes one Lease for one identity."""

    def __init__(
        self, client: Client, clock: Clock, key: ObjectKey, identity: str, duration: float
    ) -> None:
        self.client = client
        self.key = key
        self.identity = identity
        self._clock = clock
        self._duration = duration

    async def read(self) -> Held | None:
        """The Lease as stored now; None when there is none. Raises as the client does."""
        try:
            return _held(await self.client.get(LEASES, self.key))
        except NotFound:
            return None

    async def take(self, before: Held | None) -> Held:
        """Make it ours. Raises ``Conflict`` or ``AlreadyExists`` when somebody was faster."""
        spec = self._spec(before)
        if before is None or before.holder != self.identity:
            transitions = spec.get("leaseTransitions") or 0
            spec["leaseTransitions"] = 0 if before is None else transitions + 1
            spec["acquireTime"] = spec["renewTime"]
        return await self._write(before, spec)

    async def renew(self, held: Held) -> Held:
        """Hold it for longer. Raises as ``take``, and ``NotFound`` when it was deleted."""
        return await self._write(held, self._spec(held))

    async def release(self, held: Held) -> None:
        """Let the next one have it at once. Raises as ``renew``."""
        freed = {**self._spec(held), "holderIdentity": "", "leaseDurationSeconds": 1}
        await self._write(held, freed)

    def _spec(self, before: Held | None) -> dict[str, Any]:
        kept = {} if before is None else before.document.get("spec") or {}
        return {
            **kept,
            "holderIdentity": self.identity,
            "leaseDurationSeconds": math.ceil(self._duration),
            "renewTime": rfc3339_micro(self._clock.wall()),
        }

    async def _write(self, before: Held | None, spec: Mapping[str, Any]) -> Held:
        if before is None:
            metadata = {"name": self.key.name, "namespace": self.key.namespace}
            made = {"apiVersion": LEASES.api_version, "kind": LEASES.kind, "metadata": metadata}
            return _held(await self.client.create(LEASES, {**made, "spec": spec}))
        return _held(await self.client.replace(LEASES, {**before.document, "spec": spec}))


def _held(document: Mapping[str, Any]) -> Held:
    spec = document.get("spec") or {}
    return Held(
        document["metadata"]["resourceVersion"],
        spec.get("holderIdentity") or "",
        spec.get("leaseDurationSeconds"),
        document,
    )
