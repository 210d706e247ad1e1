"""What the stand-ins share: a custom resource whose pods come from Deployments that it owns."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from ome.kube.resources import DEPLOYMENTS, SERVICES
from ome.sandbox.cluster.context import Component
from ome.sandbox.cluster.objects import condition, owner_reference
from ome.sandbox.cluster.owned import Owned

if TYPE_CHECKING:
    from ome.kube.resource import ObjectKey, Resource
    from ome.sandbox.cluster.context import Context
    from ome.sandbox.stored import Stored

__all__ = ["StandIn", "is_available"]

Document = dict[str, Any]


def is_available(deployment: Document | None) -> bool:
    """Whether a Deployment runs its newest template."""
    if deployment is None:
        return False
    status = deployment.get("status") or {}
    said = condition(status, "Available")
    current = status.get("observedGeneration") == deployment["metadata"].get("generation")
    return current and said is not None and said["status"] == "True"


class StandIn(Component):
    """Follows one kind; a subclass says what is made for an object and what it says of itself."""

    def __init__(self, context: Context, resource: Resource) -> None:
        self._context = context
        self._resource = resource
        self._loop = context.loop(resource.plural, self._sync)
        self._deployments = Owned(context.local, DEPLOYMENTS, resource.kind, self._loop.add)
        context.local.subscribe(resource, self._changed)

    async def run(self) -> None:
        await self._loop.run()

    @abstractmethod
    def deployments(self, document: Document) -> dict[str, Document]:
        """The spec of each Deployment of an object, by its name."""

    @abstractmethod
    def services(self, document: Document) -> dict[str, Document]:
        """The spec of each Service of an object, by its name."""

    @abstractmethod
    def status(self, document: Document, made: dict[str, Document]) -> Document:
        """The status of an object; ``made`` are its Deployments by name, as they are."""

    def _changed(self, _: Stored | None, new: Stored | None) -> None:
        if new is not None:
            self._loop.add(new.key)

    async def _sync(self, key: ObjectKey) -> None:
        stored = self._context.local.get(self._resource, key)
        if stored is None:
            return
        document = stored.load()
        if document["metadata"].get("deletionTimestamp"):
            return
        for name, spec in self.services(document).items():
            await self._keep(SERVICES, document, key, name, spec)
        wanted = self.deployments(document)
        for name, spec in wanted.items():
            await self._keep(DEPLOYMENTS, document, key, name, spec)
        made = {item.key.name: item for item in self._deployments.of(stored.uid)}
        for name, item in made.items():
            if name not in wanted:
                await self._context.writer.delete(DEPLOYMENTS, item.key, item.uid)
        present = {name: item.load() for name, item in made.items() if name in wanted}
        status = self.status(document, present)
        await self._context.writer.set_status(self._resource, key, stored.uid, status)

    async def _keep(
        self, resource: Resource, owner: Document, place: ObjectKey, name: str, spec: Document
    ) -> None:
        key = place._replace(name=name)
        held = self._context.local.get(resource, key)
        if held is not None:

            def change(document: Document) -> None:
                if document["metadata"].get("ownerReferences") == [owner_reference(owner)]:
                    document["spec"].update(spec)

            await self._context.writer.change(resource, key, held.uid, change)
            return
        metadata = {
            "name": name,
            "namespace": place.namespace,
            "labels": dict(owner["metadata"].get("labels") or {}),
            "ownerReferences": [owner_reference(owner)],
        }
        await self._context.writer.create(resource, {"metadata": metadata, "spec": spec})
