"""The rule by which a first write only creates, and the proof that a server keeps to it.

Such a write carries ``resourceVersion`` "1", which no object ever has, so that the server refuses
it with 409 when the object exists.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ome.errors import (
    ApiError,
    Conflict,
    Forbidden,
    InternalError,
    ServerTimeout,
    ServiceUnavailable,
    TooManyRequests,
    Unauthorized,
    UserError,
)
from ome.kube import documents
from ome.kube.resource import ObjectKey
from ome.kube.resources import NAMESPACES

if TYPE_CHECKING:
    from ome.kube.client import Client
    from ome.kube.resource import Resource

__all__ = ["MANAGER", "NEVER", "prove_creating"]

MANAGER = "ome-controller"
"""Our field manager."""

NEVER = "1"
"""A resourceVersion that no object has: etcd counts from 1 and the first write makes it 2."""

_ALWAYS_THERE = ObjectKey("", "default")
_NO_RULE = (Unauthorized, TooManyRequests, InternalError, ServiceUnavailable, ServerTimeout)
"""What says nothing about the server's rules: whoever waits for it asks again."""


async def prove_creating(
    client: Client, resource: Resource = NAMESPACES, key: ObjectKey = _ALWAYS_THERE
) -> None:
    """Make sure, by a dry run on an object that exists, that a first write only creates.

    Raises ``UserError`` when the server does not refuse it, or does not let us ask, and as the
    client does while the server cannot answer.
    """
    doing = f"dry-run apply of {resource.kind} {key} at {client.host}"
    probe = {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": {**documents.place(key), "resourceVersion": NEVER},
    }
    try:
        await client.get(resource, key, metadata_only=True)
        await client.apply(resource, probe, manager=MANAGER, dry_run=True)
    except Conflict:
        return
    except Forbidden as error:
        raise UserError(
            f"{doing}: {error.message}; grant get and patch, as the chart does"
        ) from error
    except _NO_RULE:
        raise
    except ApiError as error:
        raise UserError(f"{doing}: expected 409 Conflict, got {error.message}") from error
    raise UserError(
        f"{doing} was accepted where 409 Conflict was expected: this server would let us "
        f"overwrite objects of others; use a released kube-apiserver v1.30 or later"
    )
