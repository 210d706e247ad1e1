"""What the server says of a new object that is legal but suspicious."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.sandbox.builtin.names import dns_label

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["warnings_on_create"]

_NAMES_PODS = frozenset(
    (
        ("", "Pod"),
        ("apps", "Deployment"),
        ("apps", "ReplicaSet"),
        ("apps", "StatefulSet"),
        ("batch", "Job"),
    )
)
"""Kinds whose names become names of pods, and so host names."""


def warnings_on_create(gk: tuple[str, str], document: Mapping[str, Any]) -> list[str]:
    """Texts for ``Warning`` headers."""
    wrong = dns_label(document["metadata"].get("name") or "") if gk in _NAMES_PODS else []
    if not wrong:
        return []
    return [
        "metadata.name: this is used in Pod names and hostnames, which can result in surprising"
        f" behavior; a DNS label is recommended: [{' '.join(wrong)}]"
    ]
