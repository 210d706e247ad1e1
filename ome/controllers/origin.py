"""From whose request the spec of an object is, for the traces of its reconciles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ome.api import names
from ome.reconciler.controller import Origin

if TYPE_CHECKING:
    from collections.abc import Callable

    from ome.informers.informer import Informer
    from ome.informers.projection import WholeObject
    from ome.kube.resource import ObjectKey

__all__ = ["origin_of"]


class _Status(msgspec.Struct, frozen=True):
    observedGeneration: int = 0


_STATUS = msgspec.json.Decoder(_Status)


def origin_of(informer: Informer[WholeObject]) -> Callable[[ObjectKey], Origin | None]:
    """Reads the annotation of admission; open until a status has told of that generation.

    Whether it is open stands in the object, so another leader goes on with the same trace, and a
    restart begins no old one anew.
    """

    def origin(key: ObjectKey) -> Origin | None:
        stored = informer.store.get(key)
        held = None if stored is None else stored.metadata.annotations
        value = (held or {}).get(names.ANNOTATION_TRACEPARENT, "")
        if stored is None or not value:
            return None
        return Origin(value, _observed(stored.status) < stored.metadata.generation)

    return origin


def _observed(status: bytes | msgspec.Raw) -> int:
    try:
        return _STATUS.decode(status).observedGeneration if status else 0
    except msgspec.DecodeError:
        return 0
