"""Which objects of a resource belong to which controller."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ome.kube.resource import ObjectKey
from ome.sandbox.cluster.objects import controller_of, head_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from ome.kube.resource import Resource
    from ome.sandbox.cluster.objects import OwnerRef
    from ome.sandbox.local import LocalApi
    from ome.sandbox.stored import Stored

__all__ = ["Owned"]


class Owned:
    """Objects of ``resource`` by the uid of the ``kind`` that controls them.

    ``changed`` is told the key of the owner for each change of one of its own.
    """

    def __init__(
        self,
        local: LocalApi,
        resource: Resource,
        kind: str,
        changed: Callable[[ObjectKey], None],
    ) -> None:
        self._local = local
        self._resource = resource
        self._kind = kind
        self._changed = changed
        self._keys: dict[str, dict[ObjectKey, None]] = {}
        local.subscribe(resource, self._note)

    def of(self, uid: str) -> list[Stored]:
        """What the owner with this uid controls."""
        found = [self._local.get(self._resource, key) for key in self._keys.get(uid, ())]
        return [stored for stored in found if stored is not None]

    def _note(self, old: Stored | None, new: Stored | None) -> None:
        before = self._owner(old)
        after = self._owner(new)
        if old is not None and before is not None and (after is None or after.uid != before.uid):
            held = self._keys.get(before.uid, {})
            held.pop(old.key, None)
            if not held:
                self._keys.pop(before.uid, None)
            self._changed(ObjectKey(old.key.namespace, before.name))
        if new is not None and after is not None:
            self._keys.setdefault(after.uid, {})[new.key] = None
            self._changed(ObjectKey(new.key.namespace, after.name))

    def _owner(self, stored: Stored | None) -> OwnerRef | None:
        owner = controller_of(head_of(stored).ownerReferences) if stored is not None else None
        return owner if owner is not None and owner.kind == self._kind else None
