"""AcceleratorClass at admission: nothing is filled in and nothing refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.api import AcceleratorClass
from ome.selection.capabilities import number
from ome.webhooks.reading import exempt, plain_copy, typed
from ome.webhooks.registry import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ome.api import AcceleratorClassSpec
    from ome.webhooks.registry import Lookup, Review

__all__ = ["default", "validate"]

_UNREADABLE = "is no amount that can be read, and counts as none"
_MEBIBYTE = 2**20
"""Below this a number means GiB already; see ``ome.selection``."""
_GIBIBYTE = 2**30


def default(review: Review, lookup: Lookup) -> dict[str, Any]:
    """The class as it is."""
    return plain_copy(review)


def validate(review: Review, lookup: Lookup) -> Verdict:
    """Remarks on a class; ``Undecodable`` when it is no class at all."""
    if exempt(review):
        return Verdict()
    found = typed(AcceleratorClass, review.object)
    return Verdict(warnings=tuple(_remarks(found.spec)))


def _remarks(spec: AcceleratorClassSpec) -> Iterator[str]:
    memory = spec.capabilities.memory_gb
    held = number(memory)
    if memory is not None and held is None:
        yield f"spec.capabilities.memoryGB: {str(memory)[:60]} {_UNREADABLE}; write 80Gi, say"
    elif held is not None and _MEBIBYTE <= held < _GIBIBYTE:
        yield (
            f"spec.capabilities.memoryGB: {memory} is less than 1 GiB, which no accelerator has;"
            " write 80 or 80Gi for eighty gibibytes"
        )
    if not spec.discovery.node_selector:
        yield (
            "spec.discovery.nodeSelector: is empty, so every node counts as one that has it, with"
            " accelerators or without; name a label of the nodes that have this accelerator"
        )
    for index, resource in enumerate(spec.resources or ()):
        asked = number(resource.quantity)
        if asked is None or asked <= 0:
            told = _UNREADABLE if asked is None else "asks for nothing"
            amount = str(resource.quantity)[:60]
            yield f"spec.resources[{index}].quantity: {amount} {told}; write 1 or more"
