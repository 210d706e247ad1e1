"""The ``Table`` object around the rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["table"]

_ENDED = {"Succeeded": "The pod has completed.", "Failed": "The pod has failed."}


def table(
    columns: Sequence[Mapping[str, Any]],
    rows: Iterable[tuple[Sequence[Any], Mapping[str, Any]]],
    metadata: Mapping[str, Any],
    include: str,
) -> dict[str, Any]:
    """A ``meta.k8s.io/v1`` table of (cells, object).

    Without columns it continues a table that was sent before. ``include`` is the query's
    ``includeObject``: ``None``, ``Metadata`` (as is anything else) or ``Object``.
    """
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": dict(metadata),
        "columnDefinitions": list(columns) or None,
        "rows": [_row(cells, document, include) for cells, document in rows],
    }


def _row(cells: Sequence[Any], document: Mapping[str, Any], include: str) -> dict[str, Any]:
    row: dict[str, Any] = {"cells": list(cells)}
    phase = (document.get("status") or {}).get("phase")
    if document.get("kind") == "Pod" and phase in _ENDED:
        completed = {"type": "Completed", "status": "True", "reason": phase}
        row["conditions"] = [{**completed, "message": _ENDED[phase]}]
    row["object"] = _shown(document, include)
    return row


def _shown(document: Mapping[str, Any], include: str) -> Mapping[str, Any] | None:
    if include == "None":
        return None
    if include == "Object":
        return document
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": document["metadata"],
    }
