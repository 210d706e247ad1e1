"""What one watch is about, and the part of a client that it needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager

    from ome.kube.resource import Resource

__all__ = ["Target", "WatchClient"]


@dataclass(frozen=True, slots=True)
class Target:
    """A resource in a scope, filtered by the server."""

    resource: Resource
    namespace: str = ""
    label_selector: str = ""
    field_selector: str = ""
    metadata_only: bool = False

    def __str__(self) -> str:
        """A name for logs and metrics: ``configmaps[ome,app=x]``, ``pods[metadata]``."""
        parts = (
            self.namespace,
            self.label_selector,
            self.field_selector,
            "metadata" if self.metadata_only else "",
        )
        inside = ",".join(filter(None, parts))
        name = self.resource.group_resource
        return f"{name}[{inside}]" if inside else name


class WatchClient(Protocol):
    """Lists and watches; ``ome.kube.client.Client`` is one."""

    async def list_page(
        self,
        resource: Resource,
        *,
        namespace: str = "",
        label_selector: str = "",
        field_selector: str = "",
        limit: int = 500,
        continue_: str = "",
        metadata_only: bool = False,
    ) -> bytes:
        """One page as it came. Raises: ApiError, TransportError."""
        ...

    def watch(
        self,
        resource: Resource,
        *,
        namespace: str = "",
        label_selector: str = "",
        field_selector: str = "",
        resource_version: str = "",
        timeout_seconds: int = 0,
        send_initial_events: bool = False,
        metadata_only: bool = False,
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """The chunks of a watch with bookmarks, cut anywhere. Raises: ApiError, TransportError."""
        ...
