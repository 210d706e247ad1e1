"""Host names, paths and URLs of components and services."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from ome.api import names
from ome.api.truncate import truncate_dns
from ome.workloads.errors import ExposureError, RenderError
from ome.workloads.gotemplate import TemplateError, render

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ome.workloads.config import IngressConfig

__all__ = [
    "additional_hosts",
    "component_host",
    "domain",
    "host_problem",
    "is_subdomain",
    "path",
    "quoted_path",
    "service_host",
]

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_IN_PATHS = "/-._~!$&'()*+,;=:@"
_WHERE = "key ingress of the operator's ConfigMap"
_PATHS = f"pathTemplate in {_WHERE} or annotation {names.ANNOTATION_INGRESS_PATH_TEMPLATE}"


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
    try:
        return domain(name, namespace, labels, annotations, config)
    except ExposureError as error:
        raise RenderError(component, str(error)) from error


def domain(
    name: str,
    namespace: str,
    labels: Mapping[str, str],
    annotations: Mapping[str, str],
    config: IngressConfig,
) -> str:
    """The host of ``name`` by the domain template, after the overrides of ``annotations``.

    Raises ``ExposureError`` naming the template or the host.
    """
    resolved = config.resolve(annotations)
    values: dict[str, str | Mapping[str, str]] = {
        "Name": truncate_dns(name),
        "Namespace": namespace,
        "IngressDomain": resolved.ingress_domain,
        "Annotations": annotations,
        "Labels": labels,
    }
    try:
        host = render(resolved.domain_template, values)
    except TemplateError as error:
        raise ExposureError(
            f"error rendering the domain template: {error}; correct domainTemplate in {_WHERE} or"
            f" annotation {names.ANNOTATION_INGRESS_DOMAIN_TEMPLATE}"
        ) from error
    if problem := host_problem(host):
        raise ExposureError(
            f'invalid domain name "{host}": {problem}; correct domainTemplate or ingressDomain in'
            f" {_WHERE}, or their annotations {names.ANNOTATION_INGRESS_DOMAIN_TEMPLATE} and"
            f" {names.ANNOTATION_INGRESS_DOMAIN}"
        )
    return host


def host_problem(host: str) -> str:
    """Why a text is no host that a service can have; empty when it is one."""
    bare = host.removesuffix(".")
    parts = bare.split(".")
    if len(bare) > 253:
        return "must be no more than 253 characters"
    if not all(_LABEL.fullmatch(part) and len(part) <= 63 for part in parts):
        return "each part must be a lower case DNS label of at most 63 characters"
    if len(parts) < 2:
        return "should be a domain with at least two segments separated by dots"
    return ""


def is_subdomain(text: str) -> bool:
    """Whether ``text`` is a DNS-1123 subdomain."""
    return len(text) <= 253 and all(_LABEL.fullmatch(part) for part in text.split("."))


def additional_hosts(
    domains: Iterable[str], host: str, config: IngressConfig
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """``host`` under each additional domain, and what of that is no host name and is left out.

    ``domains`` are those that ``host`` may be under; the longest that fits counts.
    """
    under = max((entry for entry in domains if host.endswith(entry)), key=len, default="")
    sub = host.removesuffix(under)
    if not under or not sub:
        return (), ()
    made = tuple(dict.fromkeys(sub + entry for entry in config.additional_ingress_domains))
    good = tuple(entry for entry in made if is_subdomain(entry))
    return good, tuple(entry for entry in made if entry not in good)


def path(name: str, namespace: str, config: IngressConfig) -> str:
    """The path by the path template, decoded; empty when there is no template.

    Raises ``ExposureError``.
    """
    if not config.path_template:
        return ""
    try:
        text = render(config.path_template, {"Name": name, "Namespace": namespace})
    except TemplateError as error:
        raise ExposureError(
            f"error rendering the url template: {error}; correct {_PATHS}"
        ) from error
    if _SCHEME.match(text):
        raise ExposureError(
            f'invalid url path "{text}": contains either a scheme or a host; correct {_PATHS}'
        )
    problem = ""
    if not text.startswith("/"):
        problem = "a path starts with /"
    elif _CONTROL.search(text):
        problem = "it has a control character"
    elif _BAD_ESCAPE.search(text.partition("?")[0]):
        problem = "invalid URL escape"
    if problem:
        raise ExposureError(f'invalid url "{text}": {problem}; correct {_PATHS}')
    return unquote(text.partition("?")[0])


def quoted_path(text: str) -> str:
    """A decoded path as it is written in URLs and matches."""
    return quote(text, safe=_IN_PATHS)
