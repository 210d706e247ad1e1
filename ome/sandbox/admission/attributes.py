"""A write as admission sees it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.kube.resource import Resource

__all__ = ["Attributes"]


@dataclass(frozen=True, slots=True)
class Attributes:
    """What is being done, to what, by whom. Documents are as the request's version has them."""

    operation: str
    """``CREATE``, ``UPDATE``, ``DELETE`` or ``CONNECT``; a patch is an ``UPDATE``."""
    resource: Resource
    subresource: str
    namespace: str
    name: str
    """Empty while a name is yet to be generated, and for each object of a deletecollection."""
    object: dict[str, Any] | None
    old_object: dict[str, Any] | None
    user: str
    groups: tuple[str, ...]
    dry_run: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the ``CreateOptions`` and their like; kind and dryRun are filled in."""
    traceparent: str = ""
    """Passed on to webhooks when given."""

    @property
    def is_namespace(self) -> bool:
        """Whether the object is itself a Namespace."""
        return (self.resource.group, self.resource.plural) == ("", "namespaces")

    @property
    def within(self) -> str:
        """The namespace as admission counts: that of a Namespace is its own name."""
        return self.namespace or (self.name if self.is_namespace else "")
