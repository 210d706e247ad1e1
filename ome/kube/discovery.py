"""What the API server can do: its version and the resources that it serves."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio

from ome.errors import NotFound, UserError

if TYPE_CHECKING:
    from ome.clock import Clock
    from ome.kube.client import Client
    from ome.kube.resource import Resource

__all__ = ["OLDEST_SERVER", "Discovery"]

OLDEST_SERVER = (1, 30)

_KEEP_ABSENT = 60.0
_KEEP_PRESENT = 600.0


@dataclass(frozen=True, slots=True)
class _Answer:
    plurals: frozenset[str]
    asked: float


class Discovery:
    """Answers from a cache: what is served for ten minutes, what is missing for one.

    Call ``invalidate`` when a CRD appears or goes. Tasks that ask at the same time share a request.
    """

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._answers: dict[str, _Answer] = {}
        self._epoch = 0
        self._asking: defaultdict[str, anyio.Lock] = defaultdict(anyio.Lock)

    async def serves(self, resource: Resource) -> bool:
        """Whether the server has the resource. Raises ``ApiError`` and ``TransportError``."""
        async with self._asking[resource.api_version]:
            answer = self._answers.get(resource.api_version)
            if answer is None or self._stale(answer, resource):
                epoch = self._epoch
                answer = _Answer(await self._plurals(resource), self._clock.monotonic())
                if epoch == self._epoch:  # else it may be older than the CRD that appeared
                    self._answers[resource.api_version] = answer
        return resource.plural in answer.plurals

    def invalidate(self) -> None:
        """Forget all answers; the next question goes to the server."""
        self._epoch += 1
        self._answers.clear()

    async def server_version(self) -> tuple[int, int, str]:
        """Major, minor and the full text, as (1, 36, "v1.36.3")."""
        version = await self._client.raw_get("/version")
        minor = "".join(digit for digit in version["minor"] if digit.isdigit())
        return int(version["major"]), int(minor), version["gitVersion"]

    async def require_version(self, oldest: tuple[int, int] = OLDEST_SERVER) -> None:
        """Raises ``UserError`` when the server is older."""
        major, minor, text = await self.server_version()
        if (major, minor) < oldest:
            raise UserError(
                f"the API server at {self._client.host} is {text}; "
                f"v{oldest[0]}.{oldest[1]} or later is needed: upgrade the cluster"
            )

    def _stale(self, answer: _Answer, resource: Resource) -> bool:
        keep = _KEEP_PRESENT if resource.plural in answer.plurals else _KEEP_ABSENT
        return self._clock.monotonic() - answer.asked >= keep

    async def _plurals(self, resource: Resource) -> frozenset[str]:
        root = "/apis" if resource.group else "/api"
        try:
            served = await self._client.raw_get(f"{root}/{resource.api_version}")
        except NotFound:
            return frozenset()
        return frozenset(entry["name"] for entry in served["resources"])
