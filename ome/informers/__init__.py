"""What the cluster looks like now: reflectors, stores, indexes, projections."""

from __future__ import annotations

from ome.informers.informer import Informer
from ome.informers.metrics import InformerMetrics, NoMetrics, PrometheusInformerMetrics
from ome.informers.optional import OptionalKinds
from ome.informers.projection import (
    Metadata,
    OwnerReference,
    PartialMetadata,
    ProjectionError,
    WholeObject,
    key_of,
    merge_projections,
)
from ome.informers.registry import Informers
from ome.informers.store import Store
from ome.informers.target import WatchClient

__all__ = [
    "Informer",
    "InformerMetrics",
    "Informers",
    "Metadata",
    "NoMetrics",
    "OptionalKinds",
    "OwnerReference",
    "PartialMetadata",
    "ProjectionError",
    "PrometheusInformerMetrics",
    "Store",
    "WatchClient",
    "WholeObject",
    "key_of",
    "merge_projections",
]
