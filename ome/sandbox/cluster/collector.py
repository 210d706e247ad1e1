"""The garbage collector: what was owned goes with its owner, in the order that was asked for.

Every object that owns or is owned is a node of a graph, by uid. Background: the owner is gone, so
what only it owned is deleted. Foreground: the owner waits, under a finalizer, for those that block
it. Orphan: the owner waits until it is named by nobody any more. An owner of another uid than the
one that is named is absent.

The graph is filled in the order of the lists at the start, so an owner that it does not know is
looked up on the server before anything is deleted for its absence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.kube.resource import ObjectKey
from ome.sandbox.cluster.context import Component
from ome.sandbox.cluster.objects import head_of
from ome.sandbox.cluster.resources import follow_all
from ome.sandbox.cluster.writer import Writer

if TYPE_CHECKING:
    from ome.kube.resource import Resource
    from ome.sandbox.cluster.context import Context
    from ome.sandbox.cluster.objects import Meta, OwnerRef
    from ome.sandbox.stored import Stored

__all__ = ["Collector"]

_FOREGROUND = "foregroundDeletion"
_ORPHAN = "orphan"
_WORKERS = 4


class _Node:
    """An object in the graph."""

    __slots__ = ("foreground", "key", "orphan", "owners", "resource", "uid")

    def __init__(self, resource: Resource, stored: Stored, meta: Meta) -> None:
        self.resource = resource
        self.key = stored.key
        self.uid = stored.uid
        self.owners = meta.ownerReferences
        going = meta.deletionTimestamp is not None
        self.foreground = going and _FOREGROUND in meta.finalizers
        self.orphan = going and _ORPHAN in meta.finalizers


class Collector(Component):
    """Deletes what lost its owners and lets go of owners whose dependents are gone."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._loop = context.loop("collector", self._sync, _WORKERS)
        self._writer = Writer(context.local, "generic-garbage-collector")
        self._events = context.events.teller("garbage-collector-controller")
        self._nodes: dict[str, _Node] = {}
        self._dependents: dict[str, dict[str, None]] = {}
        follow_all(context.local, self._changed)

    async def run(self) -> None:
        await self._loop.run()

    # The graph

    def _changed(self, resource: Resource, old: Stored | None, new: Stored | None) -> None:
        before = self._nodes.get(old.uid) if old is not None else None
        if old is not None and (new is None or new.uid != old.uid):
            self._gone(old.uid)
            before = None
        if new is None:
            return
        node = _Node(resource, new, head_of(new))
        self._file(before, node)
        if node.foreground or node.orphan:
            self._loop.add(node.uid)
            if node.foreground and (before is None or not before.foreground):
                for uid in self._dependents.get(node.uid, ()):
                    self._loop.add(uid)
        elif node.owners and (before is None or before.owners != node.owners):
            self._loop.add(node.uid)
        # An owner that waits may have been waiting for this.
        for owner in before.owners if before is not None else ():
            if owner not in node.owners:
                self._look_at_waiting(owner.uid)

    def _file(self, before: _Node | None, node: _Node) -> None:
        kept = {owner.uid for owner in node.owners}
        for owner in before.owners if before is not None else ():
            if owner.uid not in kept:
                self._unlink(owner.uid, node.uid)
        for uid in kept:
            self._dependents.setdefault(uid, {})[node.uid] = None
        self._nodes[node.uid] = node

    def _gone(self, uid: str) -> None:
        node = self._nodes.pop(uid, None)
        for owner in node.owners if node is not None else ():
            self._unlink(owner.uid, uid)
            self._look_at_waiting(owner.uid)
        for dependent in self._dependents.get(uid, ()):
            self._loop.add(dependent)

    def _unlink(self, owner: str, dependent: str) -> None:
        held = self._dependents.get(owner)
        if held is not None:
            held.pop(dependent, None)
            if not held:
                del self._dependents[owner]

    def _look_at_waiting(self, uid: str) -> None:
        owner = self._nodes.get(uid)
        if owner is not None and owner.foreground:
            self._loop.add(uid)

    # One object

    async def _sync(self, uid: str) -> None:
        node = self._nodes.get(uid)
        if node is None:
            return
        if node.orphan:
            await self._let_dependents_go(node)
            return
        if node.foreground:
            await self._finish(node)
            return
        if node.owners:
            await self._judge(node)

    async def _judge(self, node: _Node) -> None:
        """Delete an object of which no owner is left."""
        states = {owner.uid: self._state(node, owner) for owner in node.owners}
        if "there" in states.values():
            lost = {uid for uid, state in states.items() if state != "there"}
            if lost:
                await self._forget(node, lost)
            return
        stored = self._context.local.get(node.resource, node.key)
        if stored is None or stored.uid != node.uid:
            return
        meta = head_of(stored)
        if meta.deletionTimestamp is not None:
            return
        propagation = "Background"
        if "waiting" in states.values() and self._dependents.get(node.uid):
            propagation = "Foreground"
        elif _ORPHAN in meta.finalizers:
            propagation = "Orphan"
        elif _FOREGROUND in meta.finalizers:
            propagation = "Foreground"
        resource = self._served(node)
        await self._writer.delete(resource, node.key, node.uid, propagation=propagation)

    def _served(self, node: _Node) -> Resource:
        """The resource at the version that is served now, which may not be that of before."""
        resource = node.resource
        return self._context.local.served(resource.group, resource.kind) or resource

    def _state(self, node: _Node, owner: OwnerRef) -> str:
        """``there``, ``waiting`` (going, in the foreground) or ``absent``."""
        resource = self._context.local.served(owner.group, owner.kind)
        if resource is None:
            return "there"  # its kind may come back; nothing is deleted for a guess
        known = self._nodes.get(owner.uid)
        if known is not None and known.key.name == owner.name:
            if resource.namespaced and known.key.namespace != node.key.namespace:
                self._warn(node, owner)
                return "there" if not node.key.namespace else "absent"
            return "waiting" if known.foreground else "there"
        if resource.namespaced and not node.key.namespace:
            self._warn(node, owner)
            return "there"
        namespace = node.key.namespace if resource.namespaced else ""
        stored = self._context.local.get(resource, ObjectKey(namespace, owner.name))
        if stored is None or stored.uid != owner.uid:
            return "absent"
        return "there"

    def _warn(self, node: _Node, owner: OwnerRef) -> None:
        about = {
            "kind": node.resource.kind,
            "apiVersion": node.resource.api_version,
            "namespace": node.key.namespace,
            "name": node.key.name,
            "uid": node.uid,
        }
        where = f'namespace "{node.key.namespace}"' if node.key.namespace else "cluster scope"
        self._events.warning(
            {name: value for name, value in about.items() if value},
            "OwnerRefInvalidNamespace",
            f"ownerRef [{owner.apiVersion}/{owner.kind}, namespace: {node.key.namespace}, name:"
            f" {owner.name}, uid: {owner.uid}] does not exist in {where}",
        )

    async def _forget(self, node: _Node, uids: set[str]) -> None:
        """Take owners out of an object."""

        def change(document: dict[str, Any]) -> None:
            metadata = document["metadata"]
            owners = metadata.get("ownerReferences") or []
            metadata["ownerReferences"] = [entry for entry in owners if entry["uid"] not in uids]
            if not metadata["ownerReferences"]:
                del metadata["ownerReferences"]

        await self._writer.change(self._served(node), node.key, node.uid, change)

    async def _finish(self, node: _Node) -> None:
        """Let an owner go when nothing that blocks it is left."""
        blocking = False
        for uid in list(self._dependents.get(node.uid, ())):
            dependent = self._nodes.get(uid)
            if dependent is None:
                continue
            self._loop.add(uid)
            blocking = blocking or any(
                owner.uid == node.uid and owner.blockOwnerDeletion for owner in dependent.owners
            )
        if not blocking:
            await self._without_finalizer(node, _FOREGROUND)

    async def _let_dependents_go(self, node: _Node) -> None:
        for uid in list(self._dependents.get(node.uid, ())):
            dependent = self._nodes.get(uid)
            if dependent is not None:
                await self._forget(dependent, {node.uid})
        await self._without_finalizer(node, _ORPHAN)

    async def _without_finalizer(self, node: _Node, finalizer: str) -> None:
        def change(document: dict[str, Any]) -> None:
            metadata = document["metadata"]
            held = metadata.get("finalizers") or []
            metadata["finalizers"] = [name for name in held if name != finalizer]

        await self._writer.change(self._served(node), node.key, node.uid, change)
