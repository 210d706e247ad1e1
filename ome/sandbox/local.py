"""The embedded server as those see it who live in its process: without HTTP, users or strings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ome.kube.resource import ObjectKey, Resource
    from ome.sandbox.stored import Stored

__all__ = ["LocalApi"]


class LocalApi(Protocol):
    """What the controllers, the scheduler and the kubelets of the sandbox work with.

    Writes go the whole way (defaults, validation, admission, field ownership under the manager
    named ``user``) and raise ``Refused`` as HTTP would answer.
    """

    def served(self, group: str, kind: str) -> Resource | None:
        """The resource of a kind at its preferred version; None while it is not served."""
        ...

    def get(self, resource: Resource, key: ObjectKey) -> Stored | None:
        """The object as it is now."""
        ...

    def list(self, resource: Resource, namespace: str = "") -> Iterable[Stored]:
        """All objects of the resource (of one namespace), by key, as they are at this moment."""
        ...

    def subscribe(
        self,
        resource: Resource,
        handler: Callable[[Stored | None, Stored | None], None],
        *,
        replay: bool = True,
    ) -> Callable[[], None]:
        """Call ``handler(old, new)`` for each change, in order, right after it is stored.

        ``replay``: first once with (None, object) for each that exists. The handler must be quick
        and must not write. Gives back what ends the subscription. For a resource that is not
        served yet the handler is called once it is.
        """
        ...

    async def create(
        self, resource: Resource, document: Mapping[str, Any], *, user: str
    ) -> Stored: ...

    async def update(
        self,
        resource: Resource,
        document: Mapping[str, Any],
        *,
        user: str,
        subresource: str = "",
    ) -> Stored:
        """Replace; with ``metadata.resourceVersion`` in the document only that version (409)."""
        ...

    async def patch(
        self,
        resource: Resource,
        key: ObjectKey,
        patch: Mapping[str, Any],
        *,
        user: str,
        subresource: str = "",
        strategic: bool = False,
    ) -> Stored:
        """A JSON merge patch, or a strategic one (built-in kinds only)."""
        ...

    async def bind(self, key: ObjectKey, node: str) -> None:
        """``pods/binding``: set ``spec.nodeName`` and PodScheduled. 409 when it has a node."""
        ...

    async def delete(
        self,
        resource: Resource,
        key: ObjectKey,
        *,
        user: str,
        uid: str = "",
        grace: int | None = None,
        propagation: str = "Background",
    ) -> None:
        """Delete; ``grace`` 0 removes a pod at once. Raises ``Refused`` 404, 409."""
        ...
