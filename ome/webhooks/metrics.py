"""The series of the webhook server, under controller-runtime's names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import Counter, Gauge, Histogram

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

__all__ = ["WebhookMetrics"]

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class WebhookMetrics:
    """Requests by path (the label is called ``webhook``), certificates by reading."""

    def __init__(self, registry: CollectorRegistry) -> None:
        prefix, label = "controller_runtime_webhook_", ["webhook"]
        self.requests = Counter(
            f"{prefix}requests_total",
            "Admission requests by HTTP status code.",
            ["webhook", "code"],
            registry=registry,
        )
        self.latency = Histogram(
            f"{prefix}latency_seconds",
            "Time of an admission request.",
            label,
            buckets=_SECONDS,
            registry=registry,
        )
        self.in_flight = Gauge(
            f"{prefix}requests_in_flight", "Admission requests under way.", label, registry=registry
        )
        self.panics = Counter(
            f"{prefix}panics_total", "Unexpected exceptions in handlers.", registry=registry
        )
        self.certificates = Counter(
            "certwatcher_read_certificate_total",
            "Readings of the serving certificate.",
            registry=registry,
        )
        self.certificate_expiry = Gauge(
            "ome_webhook_certificate_expiry_timestamp_seconds",
            "When the serving certificate ends; 0 before there is one.",
            registry=registry,
        )
        self.certificate_errors = Counter(
            "certwatcher_read_certificate_errors_total",
            "Failed readings of the serving certificate.",
            registry=registry,
        )
