"""The same objects under other groups or versions, for ``matchPolicy: Equivalent``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ome.kube.resource import Resource

__all__ = ["Equivalents", "NoEquivalents"]

__all__ = ["Equivalents"]


class Equivalents(Protocol):
    """What the server knows about resources that are views of one store (Events in two groups)."""

    def others(self, resource: Resource) -> Sequence[Resource]:
        """The other resources through which the same objects are served."""
        ...

    def convert(self, document: dict[str, Any], to: Resource) -> dict[str, Any]:
        """An object in the form of one of them."""
        ...


class NoEquivalents:
    """Each resource is served once."""

    def others(self, resource: Resource) -> Sequence[Resource]:
        return ()

    def convert(self, document: dict[str, Any], to: Resource) -> dict[str, Any]:
        raise LookupError(to)
