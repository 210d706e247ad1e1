"""Namespaces: what each has from the start, and their end once they are empty."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio.lowlevel

from ome.kube.resource import ObjectKey
from ome.kube.resources import CONFIGMAPS, CORE_EVENTS, NAMESPACES, PODS, SERVICE_ACCOUNTS
from ome.sandbox.cluster.context import Component
from ome.sandbox.cluster.objects import head_of, merged_conditions
from ome.sandbox.cluster.resources import follow_all
from ome.sandbox.refusal import Refused

if TYPE_CHECKING:
    from ome.kube.resource import Resource
    from ome.sandbox.cluster.context import Context
    from ome.sandbox.stored import Stored

__all__ = ["Namespaces"]

_AGAIN = 5.0
_PAUSE = 0.25
_ROOT_CA = "kube-root-ca.crt"
_DESCRIPTION = "The certificate authority of this cluster's API server, for clients inside it."
_GONE_WELL = (
    (
        "NamespaceDeletionDiscoveryFailure",
        "ResourcesDiscovered",
        "All resources successfully discovered",
    ),
    (
        "NamespaceDeletionGroupVersionParsingFailure",
        "ParsedGroupVersions",
        "All legacy kube types successfully parsed",
    ),
)


class Namespaces(Component):
    """The namespace, service account and root CA controllers."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._loop = context.loop("namespaces", self._sync, 2)
        self._resources: list[Resource] = [CORE_EVENTS]
        self._ending: set[str] = set()
        context.local.subscribe(NAMESPACES, self._changed)
        follow_all(context.local, self._object_changed, self._resources.append)

    async def run(self) -> None:
        await self._loop.run()

    def _changed(self, old: Stored | None, new: Stored | None) -> None:
        if new is None:
            assert old is not None
            self._ending.discard(old.key.name)
            return
        self._loop.add(new.key.name)

    def _object_changed(self, _: Resource, old: Stored | None, new: Stored | None) -> None:
        if new is not None or old is None:
            return
        if old.key.namespace in self._ending:
            # Each look lists all that is left, so not after each of thousands of deletions.
            self._loop.add_debounced(old.key.namespace, _PAUSE)
        elif old.key.name in ("default", _ROOT_CA):
            self._loop.add(old.key.namespace)

    async def _sync(self, name: str) -> float | None:
        stored = self._context.local.get(NAMESPACES, ObjectKey("", name))
        if stored is None:
            return None
        if head_of(stored).deletionTimestamp is None:
            await self._furnish(name)
            return None
        self._ending.add(name)
        left = await self._empty(name)
        if left:
            await self._report(stored, left)
            return _AGAIN
        await self._finish(stored)
        return None

    async def _furnish(self, name: str) -> None:
        metadata = {"namespace": name}
        account = {"metadata": {**metadata, "name": "default"}}
        await self._made(SERVICE_ACCOUNTS, account)
        bundle = {
            "metadata": {
                **metadata,
                "name": _ROOT_CA,
                "annotations": {"kubernetes.io/description": _DESCRIPTION},
            },
            "data": {"ca.crt": self._context.options.authority},
        }
        await self._made(CONFIGMAPS, bundle)

    async def _made(self, resource: Resource, document: dict[str, Any]) -> None:
        key = ObjectKey(document["metadata"]["namespace"], document["metadata"]["name"])
        if self._context.local.get(resource, key) is None:
            try:
                await self._context.writer.create(resource, document)
            except Refused as refused:
                if refused.code not in (403, 404, 409):
                    raise

    async def _empty(self, name: str) -> dict[str, list[Stored]]:
        """Delete what is in the namespace; what is left, by group resource.

        Pods last but one: what makes pods is gone before them. Events last: all of it is told.
        """
        left: dict[str, list[Stored]] = {}
        resources = [entry for entry in self._resources if entry.namespaced]
        last = (PODS, CORE_EVENTS)
        for resource in [entry for entry in resources if entry not in last] + list(last):
            served = self._context.local.served(resource.group, resource.kind)
            if served is None:
                continue
            for stored in self._context.local.list(served, name):
                if head_of(stored).deletionTimestamp is None:
                    await self._context.writer.delete(served, stored.key, stored.uid)
                    await anyio.lowlevel.checkpoint()
            remaining = list(self._context.local.list(served, name))
            if remaining:
                left[served.group_resource] = remaining
        return left

    async def _report(self, namespace: Stored, left: dict[str, list[Stored]]) -> None:
        finalizers: dict[str, int] = {}
        for stored in (stored for objects in left.values() for stored in objects):
            for finalizer in head_of(stored).finalizers:
                finalizers[finalizer] = finalizers.get(finalizer, 0) + 1
        counts = {name: len(objects) for name, objects in sorted(left.items())}
        resources = ", ".join(f"{name} has {n} resource instances" for name, n in counts.items())
        held = ", ".join(
            f"{name} in {count} resource instances" for name, count in sorted(finalizers.items())
        )
        wanted = [
            {"type": type_, "status": "False", "reason": reason, "message": message}
            for type_, reason, message in _GONE_WELL
        ]
        wanted += [
            {
                "type": "NamespaceDeletionContentFailure",
                "status": "False",
                "reason": "ContentDeleted",
                "message": "All content successfully deleted, may be waiting on finalization",
            },
            {
                "type": "NamespaceContentRemaining",
                "status": "True",
                "reason": "SomeResourcesRemain",
                "message": f"Some resources are remaining: {resources}",
            },
            {
                "type": "NamespaceFinalizersRemaining",
                "status": "True" if held else "False",
                "reason": "SomeFinalizersRemain" if held else "ContentHasNoFinalizers",
                "message": f"Some content in the namespace has finalizers remaining: {held}"
                if held
                else "All content-preserving finalizers finished",
            },
        ]

        def change(document: dict[str, Any]) -> None:
            status = document.setdefault("status", {})
            present = status.get("conditions") or []
            status["conditions"] = merged_conditions(present, wanted, self._context.now)

        key = namespace.key
        await self._context.writer.change(NAMESPACES, key, namespace.uid, change, "status")

    async def _finish(self, namespace: Stored) -> None:
        def change(document: dict[str, Any]) -> None:
            spec = document.setdefault("spec", {})
            spec["finalizers"] = [
                name for name in spec.get("finalizers") or () if name != "kubernetes"
            ]

        await self._context.writer.change(
            NAMESPACES, namespace.key, namespace.uid, change, "finalize"
        )
