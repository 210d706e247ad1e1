"""Host names and URLs of components and services."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ome.api.truncate import truncate_dns
from ome.workloads.errors import RenderError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.workloads.config import IngressConfig

__all__ = ["component_host", "service_host"]

_ACTION = re.compile(r"(?:\s*\{\{-|\{\{)(?P<text>[^{}]*?)(?:-\}\}\s*|\}\})")
_FIELD = re.compile(r"\.(\w+)(?:\.(\w+))?")
_INDEX = re.compile(r'index\s+\.(Labels|Annotations)\s+"([^"]*)"')
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")


def service_host(name: str, namespace: str, cluster_domain: str) -> str:
    """The DNS name of a Service inside the cluster."""
    return f"{name}.{namespace}.svc.{cluster_domain}"


def component_host(
    component: str,
    name: str,
    namespace: str,
    labels: Mapping[str, str],
    annotations: Mapping[str, str],
    config: IngressConfig,
) -> str:
    """The host that the domain template gives a component.

    ``labels`` and ``annotations`` are the component's; its annotations override the configuration.
    Raises ``RenderError`` naming the template or the host.
    """
    resolved = config.resolve(annotations)
    values = {
        "Name": truncate_dns(name),
        "Namespace": namespace,
        "IngressDomain": resolved.ingress_domain,
    }
    maps = {"Labels": labels, "Annotations": annotations}
    host = _render(component, resolved.domain_template, values, maps)
    _check_host(component, host)
    return host


def _render(
    component: str,
    template: str,
    values: Mapping[str, str],
    maps: Mapping[str, Mapping[str, str]],
) -> str:
    def action(found: re.Match[str]) -> str:
        text = found["text"].strip()
        by_index = _INDEX.fullmatch(text)
        if by_index:
            return maps[by_index[1]].get(by_index[2], "")
        by_field = _FIELD.fullmatch(text)
        if by_field and by_field[1] in maps and by_field[2]:
            return maps[by_field[1]].get(by_field[2], "<no value>")
        if by_field and not by_field[2] and by_field[1] in values:
            return values[by_field[1]]
        raise RenderError(
            component,
            f"error rendering the domain template: can't evaluate {text!r} in {template!r}; use"
            " .Name, .Namespace, .IngressDomain, .Labels or .Annotations",
        )

    return _ACTION.sub(action, template)


def _check_host(component: str, host: str) -> None:
    parts = host.removesuffix(".").split(".")
    problem = ""
    if len(host) > 253:
        problem = "must be no more than 253 characters"
    elif not all(_LABEL.fullmatch(part) and len(part) <= 63 for part in parts):
        problem = "each part must be a lower case DNS label of at most 63 characters"
    elif len(parts) < 2:
        problem = "should be a domain with at least two segments separated by dots"
    if problem:
        raise RenderError(
            component,
            f'invalid domain name "{host}": {problem}; correct domainTemplate or ingressDomain in'
            " key ingress of the operator's ConfigMap",
        )
