"""Nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.sandbox.builtin import names
from ome.sandbox.builtin.causes import duplicate, forbidden, invalid, not_supported, required

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ome.sandbox.refusal import Cause

__all__ = ["validate_node"]

_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_ONCE = {"providerID": "providerID", "podCIDRs": "podCIDR"}


def validate_node(document: Mapping[str, Any], old: Mapping[str, Any] | None) -> Iterator[Cause]:
    """A Node; who provides it and its network cannot change once known."""
    spec = document["spec"]
    # The real server says metadata, though taints are in the spec.
    yield from _taints(spec.get("taints", []), "metadata.taints")
    if old is None:
        return
    for name, said in _ONCE.items():
        before = old["spec"].get(name)
        if before and spec.get(name) != before:
            yield forbidden(
                f"spec.{name}", f'node updates may not change {said} except from "" to valid'
            )


def _taints(taints: list[dict[str, Any]], field: str) -> Iterator[Cause]:
    seen: set[tuple[str, str]] = set()
    for index, taint in enumerate(taints):
        at = f"{field}[{index}]"
        key, value, effect = (taint.get(name, "") for name in ("key", "value", "effect"))
        for text in names.qualified_name(key):
            yield invalid(f"{at}.key", key, text)
        if wrong := names.label_value(value):
            yield invalid(f"{at}.value", value, ";".join(wrong))
        if not effect:
            yield required(f"{at}.effect")
        elif effect not in _EFFECTS:
            yield not_supported(f"{at}.effect", effect, _EFFECTS)
        if (key, effect) in seen:
            yield duplicate(at, _internal(taint), "taints must be unique by key and effect pair")
        seen.add((key, effect))


def _internal(taint: Mapping[str, Any]) -> dict[str, Any]:
    """The taint as the real server shows it: in the names of its own struct."""
    return {
        "Key": taint.get("key", ""),
        "Value": taint.get("value", ""),
        "Effect": taint.get("effect", ""),
        "TimeAdded": taint.get("timeAdded"),
    }
