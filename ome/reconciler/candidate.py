"""When a candidate may try to take the Lease: pure bookkeeping of what it saw and when.

A holder counts as alive for its duration after the candidate *saw* the Lease change, by a clock
that never runs fast (the loop's, which stands still while the machine sleeps). Stamps in the Lease
are other machines' wall clocks and are not believed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ome.informers.versions import older

if TYPE_CHECKING:
    from ome.reconciler.lease import Held

__all__ = ["Sightings"]


class Sightings:
    """What one candidate saw of the Lease."""

    def __init__(self, identity: str, duration: float) -> None:
        self._identity = identity
        self._duration = duration
        self._seen: Held | None = None
        self._deleted = False
        self._free_at: float | None = None
        self.tried = False
        """Whether we ever wrote our identity: only then is a Lease that names us ours."""

    @property
    def holder(self) -> str:
        """Who held it when it was last seen."""
        return "" if self._seen is None else self._seen.holder

    @property
    def version(self) -> str:
        """The newest that was seen; empty before the first."""
        return "" if self._seen is None else self._seen.version

    def saw(self, lease: Held | None, now: float, asked: str = "") -> None:
        """The Lease is now this; None when there is none.

        ``asked`` is the ``version`` from before the request to which this is the answer, empty for
        what a watch shows. An answer that is older than what was seen before it was asked for tells
        that the server's versions have gone back (etcd was restored), and is believed.

        A deleted Lease does not end its holder, who may be another one than was seen last: it has
        its whole duration to make the Lease anew.
        """
        if lease is None:
            if self._seen is not None and not self._deleted:
                self._deleted = True
                self._free_at = now + self._duration
            return
        known = self.version
        overtaken = older(lease.version, than=known) and not older(lease.version, than=asked)
        if lease.version == known or overtaken:
            return
        self._seen, self._deleted = lease, False
        duration = self._duration if lease.duration is None else lease.duration
        free = not lease.holder or (lease.holder == self._identity and self.tried)
        self._free_at = now if free else now + duration

    def wait(self, now: float) -> float:
        """Seconds until it may be taken; 0 is now. One that was never seen may be made."""
        return 0.0 if self._free_at is None else max(0.0, self._free_at - now)
