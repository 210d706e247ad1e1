"""What nodes report, and whom it concerns: the aggregate and the objects behind its keys.

One such book serves every kind whose files lie on nodes: models, and weights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ome.controllers.basemodel.aggregate import Aggregate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ome.controllers.basemodel.aggregate import ModelReports
    from ome.informers.informer import Informer
    from ome.informers.projection import WholeObject
    from ome.kube.resource import ObjectKey

__all__ = ["NodeReports"]


class NodeReports:
    """The reports of all nodes, and which objects a key of the status ConfigMaps may mean.

    Keys are looked up, never parsed: a cut one cannot be, and two models can have the same (the
    BaseModel ``x`` of a namespace ``clusterbasemodel``, the ClusterBaseModel ``basemodel.x``).
    """

    def __init__(self) -> None:
        self.aggregate = Aggregate()
        self._by_report: dict[str, dict[ObjectKey, Callable[[ObjectKey, str], None]]] = {}
        self._followed: dict[tuple[str, ObjectKey], str] = {}

    def follow(
        self,
        objects: Informer[WholeObject],
        reported: Callable[[ObjectKey, str], None],
        report_key: Callable[[str, str], str],
    ) -> None:
        """Know the objects of one kind; ``report_key(namespace, name)`` is their ConfigMap key.

        ``reported`` is called with an object and its key when what nodes say of it has changed.
        """

        def index(old: WholeObject | None, new: WholeObject | None) -> None:
            present = new or old
            assert present is not None
            key = present.metadata.key
            report = report_key(*key)
            if new is not None:
                self._followed[objects.resource.kind, key] = report
                self._by_report.setdefault(report, {})[key] = reported
                return
            self._followed.pop((objects.resource.kind, key), None)
            held = self._by_report.get(report, {})
            held.pop(key, None)
            if not held:
                self._by_report.pop(report, None)

        objects.add_handler(index)

    def followed(self) -> Iterator[tuple[str, ObjectKey, ModelReports]]:
        """Kind and key of every object, and what nodes say of it."""
        for (kind, key), report in self._followed.items():
            yield kind, key, self.aggregate.reports(report)

    def touch(self, reports: Iterable[str]) -> None:
        """Have the objects of these keys looked at."""
        for report in reports:
            for key, reported in self._by_report.get(report, {}).items():
                reported(key, report)
