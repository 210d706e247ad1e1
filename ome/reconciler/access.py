"""Who may read what we serve: the API server says, by TokenReview and SubjectAccessReview.

An answer is kept for a minute (a refusal for ten seconds), so that scrapes cost next to nothing and
a right that is taken away ends soon. Tokens themselves are not kept, only their digests.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import structlog
from cachetools import TLRUCache

from ome.errors import ApiError, TransportError
from ome.kube.resources import SUBJECT_ACCESS_REVIEWS, TOKEN_REVIEWS

if TYPE_CHECKING:
    from ome.clock import Clock
    from ome.kube.client import Client
    from ome.kube.resource import Resource

__all__ = ["Access"]

_ALLOWED, _UNKNOWN, _FORBIDDEN, _UNAVAILABLE = 200, 401, 403, 503
_SECONDS = {_ALLOWED: 60.0, _UNKNOWN: 10.0, _FORBIDDEN: 10.0}
_REMEMBERED = 256

log = structlog.get_logger(__name__)


class Access:
    """Whether the bearer of a token may GET one path."""

    def __init__(self, client: Client, clock: Clock, path: str) -> None:
        """``client`` must be one that may ask on every replica, leader or not."""
        self._client = client
        self._path = path
        self._known: TLRUCache[bytes, int] = TLRUCache(
            _REMEMBERED, lambda _, status, now: now + _SECONDS[status], clock.monotonic
        )

    async def status(self, authorization: str) -> int:
        """200, or 401 without a token that is known, 403 without the right, 503 if nobody says."""
        scheme, _, token = authorization.partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            return _UNKNOWN
        digest = hashlib.sha256(token.encode()).digest()
        held: int | None = self._known.get(digest)
        if held is not None:
            return held
        try:
            found = await self._ask(token)
        except (ApiError, TransportError) as error:
            log.warning("access.unknown", path=self._path, why=str(error))
            return _UNAVAILABLE
        self._known[digest] = found
        return found

    async def _ask(self, token: str) -> int:
        review = await self._create(TOKEN_REVIEWS, {"token": token})
        status = review.get("status") or {}
        if not status.get("authenticated"):
            return _UNKNOWN
        user = status.get("user") or {}
        subject = {
            "user": user.get("username", ""),
            "uid": user.get("uid", ""),
            "groups": user.get("groups") or [],
            "extra": user.get("extra") or {},
        }
        wanted = {"path": self._path, "verb": "get"}
        review = await self._create(
            SUBJECT_ACCESS_REVIEWS, {**subject, "nonResourceAttributes": wanted}
        )
        allowed = (review.get("status") or {}).get("allowed")
        return _ALLOWED if allowed else _FORBIDDEN

    async def _create(self, resource: Resource, spec: dict[str, Any]) -> dict[str, Any]:
        named = {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": {}}
        return await self._client.create(resource, {**named, "spec": spec})
