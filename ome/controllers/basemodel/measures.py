"""On how many nodes each model is in which state: looked up when somebody asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from ome.agent.protocol import FAILED, READY, UPDATING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client import Metric

    from ome.controllers.basemodel.reports import NodeReports

__all__ = ["ModelNodes"]

_ALWAYS = (READY, UPDATING, FAILED)


class ModelNodes(Collector):
    """``ome_model_nodes``; the counts are kept anyway, so nothing is counted here."""

    def __init__(self, book: NodeReports) -> None:
        self._book = book

    def describe(self) -> Iterable[Metric]:
        """The series without samples."""
        yield self._family()

    def collect(self) -> Iterable[Metric]:
        """One sample for each model and state; states that no node is in are 0."""
        family = self._family()
        for kind, key, reports in self._book.followed():
            counts = dict.fromkeys(_ALWAYS, 0) | reports.counts
            for state, count in counts.items():
                family.add_metric([kind, key.namespace, key.name, state], count)
        yield family

    @staticmethod
    def _family() -> GaugeMetricFamily:
        labels = ["kind", "namespace", "name", "state"]
        return GaugeMetricFamily("ome_model_nodes", "Nodes by the state of a model.", labels=labels)
