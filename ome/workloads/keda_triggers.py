"""What KEDA scales a component by: Prometheus queries, and further triggers of any kind."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ome.api import names
from ome.workloads.keda_annotations import READERS, known_metrics, triggers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ome.workloads.keda_settings import KedaSettings

    Reader = Callable[[str], Any]

__all__ = ["KedaTriggers"]

_SERVER = "http://prometheus-operated.monitoring.svc.cluster.local:9090"
_THRESHOLD = "10"
_OPERATOR = "LessThanOrEqual"
_METRIC = "tps"
_PROMETHEUS = "prometheus"
_QUERY = names.ANNOTATION_KEDA_QUERY
_GAUGES = names.ANNOTATION_KEDA_METRIC
_FURTHER = names.ANNOTATION_KEDA_TRIGGERS


class KedaTriggers:
    """The triggers of one component of a service.

    ``read`` gives what one of the component's annotations means by a reader, None where there is
    none. ``own`` is what the component and its service say, ``settings`` have the cluster's under
    that. ``metric`` is the component's ``scaleMetric``.
    """

    def __init__(
        self,
        service: str,
        notes: dict[str, str],
        read: Callable[[str, Reader], Any],
        own: KedaSettings,
        settings: KedaSettings,
        metric: str,
    ) -> None:
        self._service = service
        self._notes = notes
        self._read = read
        self._own = own
        self._settings = settings
        self._metric = metric or _METRIC

    def render(self) -> list[dict[str, Any]]:
        """Every trigger; what ``read`` raises comes through.

        The query that nobody asked for is left out beside triggers that somebody did ask for.
        """
        further = self._read(_FURTHER, triggers) or []
        made = [] if further and not self._asks() else [*self._queries()]
        return [*made, *map(self._completed, further)]

    def works_without_pods(self) -> bool:
        """Whether something else than the pods, which may be gone, says that there is work."""
        if _QUERY in self._notes or _FURTHER in self._notes:
            return True
        return _GAUGES not in self._notes and bool(self._settings.custom_prom_query)

    def _asks(self) -> bool:
        said = _QUERY in self._notes or _GAUGES in self._notes
        return said or bool(self._own.custom_prom_query)

    def _queries(self) -> Iterator[dict[str, Any]]:
        given, custom = self._notes.get(_QUERY), self._settings.custom_prom_query
        chosen = self._read(_GAUGES, known_metrics)
        if given is not None:
            yield self._query(given, self._metric)
        elif chosen is not None:
            for name, threshold in chosen:
                yield self._query(f"sum({name}{self._selector})", name, threshold)
        elif custom:
            yield self._query(_filled(custom, self._service), self._metric)
        else:
            slow = f"vllm:avg_generation_throughput_toks_per_s{self._selector}"
            asked = f"vllm:request_success_total{self._selector}"
            yield self._query(
                f"sum(avg_over_time({slow}[5m]) < bool 10) * sum(rate({asked}[1m]) > bool 0.50)",
                self._metric,
            )

    @property
    def _selector(self) -> str:
        return f'{{ome_io_inferenceservice="{self._service}"}}'

    @property
    def _server(self) -> str:
        given = self._notes.get(names.ANNOTATION_KEDA_SERVER_ADDRESS)
        return self._settings.prom_server_address or _SERVER if given is None else given

    def _query(self, query: str, metric: str, threshold: str = "") -> dict[str, Any]:
        notes, settings = self._notes, self._settings
        told = {
            "serverAddress": self._server,
            "query": query,
            "threshold": threshold
            or notes.get(names.ANNOTATION_KEDA_THRESHOLD, settings.scaling_threshold or _THRESHOLD),
            "operator": notes.get(
                names.ANNOTATION_KEDA_OPERATOR, settings.scaling_operator or _OPERATOR
            ),
            "metricName": metric,
        }
        activation = self._read(
            names.ANNOTATION_KEDA_ACTIVATION, READERS[names.ANNOTATION_KEDA_ACTIVATION]
        )
        if activation is not None:
            told["activationThreshold"] = activation
        return self._with_credentials({"type": _PROMETHEUS, "metadata": told})

    def _completed(self, trigger: dict[str, Any]) -> dict[str, Any]:
        """A further trigger; one of Prometheus that names no server asks the same one as ours."""
        if trigger["type"] != _PROMETHEUS or "serverAddress" in trigger["metadata"]:
            return trigger
        told = {"serverAddress": self._server, **trigger["metadata"]}
        asked = {**trigger, "metadata": told}
        return asked if "authenticationRef" in trigger else self._with_credentials(asked)

    def _with_credentials(self, trigger: dict[str, Any]) -> dict[str, Any]:
        settings = self._settings
        if not settings.authentication_name:
            return trigger
        reference = {
            "name": settings.authentication_name,
            "kind": settings.authentication_kind or "TriggerAuthentication",
        }
        told = trigger["metadata"]
        if settings.auth_modes:
            told = {**told, "authModes": settings.auth_modes}
        return {**trigger, "metadata": told, "authenticationRef": reference}


def _filled(query: str, service: str) -> str:
    """A query with the service's name for each ``%s``, and ``%`` for ``%%``."""
    return re.sub("%[s%]", lambda found: service if found[0] == "%s" else "%", query)
