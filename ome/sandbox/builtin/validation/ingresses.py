"""Ingresses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.sandbox.builtin import names
from ome.sandbox.builtin.causes import invalid, not_supported, required
from ome.sandbox.builtin.validation.numbers import port_number

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ome.sandbox.refusal import Cause

__all__ = ["validate_ingress"]

_TYPES = ("Exact", "ImplementationSpecific", "Prefix")


def validate_ingress(document: Mapping[str, Any], old: Mapping[str, Any] | None) -> Iterator[Cause]:
    """An Ingress."""
    spec = document["spec"]
    if not spec.get("rules") and "defaultBackend" not in spec:
        yield invalid("spec", None, "either `defaultBackend` or `rules` must be specified")
    if "defaultBackend" in spec:
        yield from _backend(spec["defaultBackend"], "spec.defaultBackend")
    for index, rule in enumerate(spec.get("rules", ())):
        at = f"spec.rules[{index}]"
        if host := rule.get("host"):
            yield from _host(host, f"{at}.host")
        if "http" in rule:
            yield from _paths(rule["http"].get("paths", ()), f"{at}.http.paths")
    if name := spec.get("ingressClassName"):
        for text in names.dns_subdomain(name):
            yield invalid("spec.ingressClassName", name, text)


def _host(host: str, field: str) -> Iterator[Cause]:
    for text in names.dns_subdomain(host.removeprefix("*.")):
        yield invalid(field, host, text)


def _paths(paths: list[dict[str, Any]], field: str) -> Iterator[Cause]:
    if not paths:
        yield required(field)
    for index, path in enumerate(paths):
        at = f"{field}[{index}]"
        type_, text = path.get("pathType"), path.get("path", "")
        if type_ is None:
            yield required(f"{at}.pathType", "pathType must be specified")
        elif type_ not in _TYPES:
            yield not_supported(f"{at}.pathType", type_, _TYPES)
        elif (text or type_ != "ImplementationSpecific") and not text.startswith("/"):
            yield invalid(f"{at}.path", text, "must be an absolute path")
        yield from _backend(path.get("backend", {}), f"{at}.backend")


def _backend(backend: Mapping[str, Any], field: str) -> Iterator[Cause]:
    service = backend.get("service")
    if service is None:
        return
    if "resource" in backend:
        yield invalid(field, "", "cannot set both resource and service backends")
        return
    name, port = service.get("name", ""), service.get("port", {})
    if not name:
        yield required(f"{field}.service.name")
    else:
        for text in names.dns_label(name):
            yield invalid(f"{field}.service.name", name, text)
    number, named = port.get("number"), port.get("name")
    if number and named:
        yield invalid(field, "", "cannot set both port name & port number")
    elif named:
        for text in names.port_name(named):
            yield invalid(f"{field}.service.port.name", named, text)
    elif number:
        yield from port_number(number, f"{field}.service.port.number")
    else:
        yield required(field, "port name or number is required")
