"""Probes and lifecycle hooks of containers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.sandbox.builtin.causes import forbidden, invalid, not_supported, required
from ome.sandbox.builtin.validation.numbers import not_negative, port_number

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ome.sandbox.refusal import Cause

__all__ = ["validate_lifecycle", "validate_probes"]

_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc", "sleep")
_NUMBERS = (
    "initialDelaySeconds",
    "timeoutSeconds",
    "periodSeconds",
    "successThreshold",
    "failureThreshold",
)


def validate_probes(container: Mapping[str, Any], field: str) -> Iterator[Cause]:
    """The three probes of a container."""
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if name in container:
            yield from _probe(container[name], f"{field}.{name}", name)


def validate_lifecycle(lifecycle: Mapping[str, Any], field: str) -> Iterator[Cause]:
    """The hooks after the start and before the stop."""
    for name in ("postStart", "preStop"):
        if name in lifecycle:
            yield from _handler(lifecycle[name], f"{field}.{name}")


def _probe(probe: Mapping[str, Any], field: str, name: str) -> Iterator[Cause]:
    yield from _handler(probe, field)
    yield from not_negative(probe, _NUMBERS, field)
    if name != "readinessProbe" and probe.get("successThreshold", 1) != 1:
        yield invalid(f"{field}.successThreshold", probe["successThreshold"], "must be 1")
    grace = probe.get("terminationGracePeriodSeconds")
    if grace is None:
        return
    at = f"{field}.terminationGracePeriodSeconds"
    if name == "readinessProbe":
        yield invalid(at, grace, "must not be set for readinessProbes")
    elif grace <= 0:
        yield invalid(at, grace, "must be greater than 0")


def _handler(handler: Mapping[str, Any], field: str) -> Iterator[Cause]:
    given = [name for name in _HANDLERS if name in handler]
    if not given:
        yield required(field, "must specify a handler type")
    for name in given[1:]:
        yield forbidden(f"{field}.{name}", "may not specify more than 1 handler type")
    for name in given[:1]:
        yield from _action(name, handler[name], f"{field}.{name}")


def _action(name: str, action: Mapping[str, Any], field: str) -> Iterator[Cause]:
    if name == "exec":
        if not action.get("command"):
            yield required(f"{field}.command")
    elif name != "sleep":
        yield from port_number(action.get("port"), f"{field}.port")
    if name == "httpGet" and action.get("scheme") not in ("HTTP", "HTTPS"):
        yield not_supported(f"{field}.scheme", action.get("scheme"), ("HTTP", "HTTPS"))
