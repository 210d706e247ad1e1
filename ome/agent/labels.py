"""The labels of a node as agents read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ome.api import names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.informers.projection import Metadata

__all__ = ["own_labels"]


def own_labels(metadata: Metadata) -> Mapping[str, str]:
    """The labels of a node but those that agents write."""
    return {
        label: value
        for label, value in metadata.labels.items()
        if not label.startswith(names.NODE_LABEL_PREFIX)
    }
