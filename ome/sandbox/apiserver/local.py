"""The server from within: ``LocalApi`` on the store, without HTTP and without encoding twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.kube.resource import ObjectKey
from ome.sandbox.apiserver.calls import Call, User, copied
from ome.sandbox.apiserver.writing import Wanted
from ome.sandbox.patches import merge_patch, strategic_patch
from ome.sandbox.refusal import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ome.kube.resource import Resource
    from ome.sandbox.apiserver.kinds import Kind
    from ome.sandbox.apiserver.server import ApiServer
    from ome.sandbox.stored import Stored

__all__ = ["Local"]


class Local:
    """Implements ``ome.sandbox.local.LocalApi``."""

    def __init__(self, server: ApiServer) -> None:
        self._server = server

    def served(self, group: str, kind: str) -> Resource | None:
        found = self._server.kinds.of_kind(group, kind)
        return found.resource if found else None

    def get(self, resource: Resource, key: ObjectKey) -> Stored | None:
        return self._server.store.collection(resource.group, resource.plural).get(key)

    def list(self, resource: Resource, namespace: str = "") -> Iterable[Stored]:
        collection = self._server.store.collection(resource.group, resource.plural)
        return list(collection.items(namespace))

    def subscribe(
        self,
        resource: Resource,
        handler: Callable[[Stored | None, Stored | None], None],
        *,
        replay: bool = True,
    ) -> Callable[[], None]:
        collection = self._server.store.collection(resource.group, resource.plural)
        return collection.subscribe(handler, replay=replay)

    async def create(self, resource: Resource, document: Mapping[str, Any], *, user: str) -> Stored:
        kind = self._kind(resource)
        namespace = document["metadata"].get("namespace", "")
        call = _call("POST", user)
        return await self._server.writing.create(call, kind, namespace, copied(document))

    async def update(
        self,
        resource: Resource,
        document: Mapping[str, Any],
        *,
        user: str,
        subresource: str = "",
    ) -> Stored:
        metadata = document["metadata"]
        key = ObjectKey(metadata.get("namespace", ""), metadata["name"])
        asked = copied(document)
        return await self._change(
            resource,
            key,
            user,
            subresource,
            lambda _: asked,
            retry=not metadata.get("resourceVersion"),
        )

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
        schema = self._kind(resource).schema

        def change(document: dict[str, Any]) -> dict[str, Any]:
            if strategic:
                patched = strategic_patch(document, patch, schema)
            else:
                patched = merge_patch(document, patch)
            result: dict[str, Any] = copied(patched)
            return result

        return await self._change(resource, key, user, subresource, change)

    async def bind(self, key: ObjectKey, node: str) -> None:
        kind = self._server.kinds.of_kind("", "Pod")
        assert kind is not None
        await self._server.subresources.bind(_call("POST", "kube-scheduler"), kind, key, node)

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
        options: dict[str, Any] = {"propagationPolicy": propagation}
        if uid:
            options["preconditions"] = {"uid": uid}
        if grace is not None:
            options["gracePeriodSeconds"] = grace
        kind = self._kind(resource)
        await self._server.deleting.delete(_call("DELETE", user), kind, key, options)

    async def _change(
        self,
        resource: Resource,
        key: ObjectKey,
        user: str,
        subresource: str,
        change: Callable[[dict[str, Any]], dict[str, Any]],
        *,
        retry: bool = True,
    ) -> Stored:
        wanted = Wanted(self._kind(resource), key, change, subresource, retry=retry)
        return await self._server.writing.update(_call("PUT", user), wanted)

    def _kind(self, resource: Resource) -> Kind:
        kind = self._server.kinds.find(resource.group, resource.version, resource.plural)
        if kind is None:
            raise Refused(404, "NotFound", f"{resource.group_resource} is not served")
        return kind


def _call(method: str, user: str) -> Call:
    return Call(
        method,
        "",
        query={"fieldManager": user},
        user=User(f"system:{user}", ("system:masters",)),
    )
