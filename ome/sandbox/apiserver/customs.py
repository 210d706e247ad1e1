"""CustomResourceDefinitions: what they add to what is served, and their end.

A definition is established the moment it is stored; on deletion its objects go first, finalizers
and all, then the definition.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import anyio
import msgspec

from ome.kube.resources import CRDS
from ome.sandbox.apiserver.calls import Call, User
from ome.sandbox.apiserver.definitions import CLEANUP
from ome.sandbox.apiserver.kinds import custom_kinds
from ome.sandbox.apiserver.writing import Wanted
from ome.sandbox.refusal import Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ome.clock import Clock
    from ome.kube.resource import ObjectKey
    from ome.sandbox.apiserver.deleting import Deleting
    from ome.sandbox.apiserver.kinds import Kind, Kinds
    from ome.sandbox.apiserver.storage import Store
    from ome.sandbox.apiserver.writing import Writing
    from ome.sandbox.stored import Stored

__all__ = ["Customs"]

_USER = User("system:apiserver", ("system:masters",))
_LOOK_AGAIN = 0.2


class Customs:
    """Keeps ``Kinds`` equal to the stored definitions."""

    def __init__(
        self, store: Store, kinds: Kinds, writing: Writing, deleting: Deleting, clock: Clock
    ) -> None:
        self._store = store
        self._kinds = kinds
        self._writing = writing
        self._deleting = deleting
        self._clock = clock
        self._definitions = store.collection(CRDS.group, CRDS.plural)
        self._ending: set[ObjectKey] = set()
        self._wake = anyio.Event()
        self._definitions.subscribe(self._changed, replay=True)

    def _changed(self, old: Stored | None, new: Stored | None) -> None:
        if new is None:
            assert old is not None
            spec = old.load()["spec"]
            self._kinds.set_custom(spec["group"], spec["names"]["plural"], ())
            return
        document = new.load()
        spec = document["spec"]
        if old is None or old.load()["spec"] != spec:
            kinds = _kinds(msgspec.json.encode(spec))
            self._kinds.set_custom(spec["group"], spec["names"]["plural"], kinds)
        if document["metadata"].get("deletionTimestamp"):
            self._ending.add(new.key)
            self._wake.set()

    async def run(self) -> None:
        """End definitions that are being deleted, until cancelled."""
        while True:
            for key in sorted(self._ending):
                await self._end(key)
            if self._ending:
                await self._clock.sleep(_LOOK_AGAIN)
                continue
            self._wake = anyio.Event()
            await self._wake.wait()

    async def _end(self, key: ObjectKey) -> None:
        stored = self._definitions.get(key)
        if stored is None:
            self._ending.discard(key)
            return
        spec = stored.load()["spec"]
        kind = self._kinds.of_kind(spec["group"], spec["names"]["kind"])
        objects = self._store.collection(spec["group"], spec["names"]["plural"])
        for held in list(objects.items()) if kind else []:
            assert kind is not None
            await self._delete(kind, held)
        if len(objects):
            return
        call = Call("PUT", "", user=_USER)
        try:
            await self._writing.update(call, Wanted(self._crd_kind(), key, _without_cleanup))
        except Refused:
            return  # changed or gone meanwhile: the next look tells
        self._ending.discard(key)

    async def _delete(self, kind: Kind, held: Stored) -> None:
        if b'"deletionTimestamp"' in held.raw:
            return
        try:
            await self._deleting.delete(Call("DELETE", "", user=_USER), kind, held.key, {})
        except Refused:
            return  # gone already, or a webhook says no: tried again

    def _crd_kind(self) -> Kind:
        kind = self._kinds.find(CRDS.group, CRDS.version, CRDS.plural)
        assert kind is not None
        return kind


@lru_cache(maxsize=64)
def _kinds(spec: bytes) -> Sequence[Kind]:
    """What a definition of this spec serves: one reading of its schema for all servers."""
    return tuple(custom_kinds({"spec": msgspec.json.decode(spec)}))


def _without_cleanup(document: dict[str, Any]) -> dict[str, Any]:
    metadata = document["metadata"]
    metadata["finalizers"] = [name for name in metadata.get("finalizers") or () if name != CLEANUP]
    return document
