"""The HTTPRoutes of a service: one for each component, and the top level one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.api import names
from ome.workloads import inferencepool
from ome.workloads.errors import ExposureError
from ome.workloads.urls import additional_hosts, path, quoted_path

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ome.workloads.exposed import Exposed, ExposedComponent

__all__ = ["GROUP", "TOP_LEVEL", "http_route", "refusal"]

TOP_LEVEL = "toplevel"
"""What the route of the service itself is called in messages, where others have a component."""

GROUP = "gateway.networking.k8s.io"
_ANY = {"type": "RegularExpression", "value": "^/.*$"}
_DECODER = {"type": "RegularExpression", "value": "^/v1/decoder/.*$"}


def http_route(exposed: Exposed, component: ExposedComponent | None) -> dict[str, Any]:
    """The route of a component, or the top level one. Raises ``ExposureError``."""
    if component is not None:
        host = _host(exposed, component)
        rules = [_rule(exposed, component, _ANY)]
        return _route(exposed, exposed.workload(component), [host], rules)
    return _route(exposed, exposed.name, _top_hosts(exposed), _top_rules(exposed))


def refusal(label: str, route: Mapping[str, Any] | None) -> tuple[str, str] | None:
    """Why a route does not serve, reason and message; None when its gateway took it.

    ``label`` is its component or ``TOP_LEVEL``. A gateway that has not decided yet is no refusal,
    and what one has said that the route does not name any more counts for nothing: nobody takes
    its word away when it is uninstalled.
    """
    title = "Top level" if label == TOP_LEVEL else label.capitalize()
    held = ((route or {}).get("status") or {}).get("parents") or ()
    named = ((route or {}).get("spec") or {}).get("parentRefs") or ()
    parents = [parent for parent in held if _is_named(parent.get("parentRef") or {}, named)]
    if not parents:
        return names.REASON_PARENT_STATUS_NOT_AVAILABLE, f"{title} HttpRouteNotReady"
    for parent in parents:
        for condition in parent.get("conditions") or ():
            if condition.get("status") == "False":
                return condition.get("reason", ""), f"{title} {condition.get('message', '')}"
    return None


def _is_named(parent: Mapping[str, Any], named: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a gateway is one of those that a route names; one that says little is."""
    return not parent.get("name") or any(
        parent["name"] == reference.get("name")
        and parent.get("namespace") in (None, "", reference.get("namespace"))
        for reference in named
    )


def _route(
    exposed: Exposed, name: str, hosts: Sequence[str], rules: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    namespace, _, gateway = exposed.config.ome_ingress_gateway.partition("/")
    labels = {
        key: value
        for key, value in exposed.service.metadata.labels.items()
        if key != names.LABEL_KNATIVE_VISIBILITY
    }
    parent = {"group": GROUP, "kind": "Gateway", "namespace": namespace, "name": gateway}
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "HTTPRoute",
        "metadata": exposed.metadata(name, exposed.annotations(), labels),
        "spec": {"parentRefs": [parent], "hostnames": list(hosts), "rules": list(rules)},
    }


def _top_hosts(exposed: Exposed) -> list[str]:
    host = _host(exposed, None)
    extra, _ = additional_hosts((exposed.config.ingress_domain,), host, exposed.config)
    hosts = [host, *extra]
    if exposed.config.path_template:
        hosts.append(exposed.config.ingress_domain)
    return list(dict.fromkeys(hosts))


def _host(exposed: Exposed, component: ExposedComponent | None) -> str:
    try:
        return exposed.host(component)
    except ExposureError as error:
        what = "top level" if component is None else component.name
        raise ExposureError(f"failed to generate {what} ingress host: {error}") from error


def _top_rules(exposed: Exposed) -> list[dict[str, Any]]:
    decoder, entry = exposed.get(names.COMPONENT_DECODER), exposed.entrypoint
    rules = [_rule(exposed, decoder, _DECODER)] if decoder is not None else []
    rules.append(_rule(exposed, entry, _ANY))
    try:
        text = path(exposed.name, exposed.namespace, exposed.config)
    except ExposureError as error:
        raise ExposureError(f"failed to generate URL from pathTemplate: {error}") from error
    if text:
        prefix = quoted_path(text).rstrip("/")
        if decoder is not None:
            at = "/v1/decoder"
            rules.append(_rule(exposed, decoder, _prefix(prefix + at), rewrite=at))
        rules.append(_rule(exposed, entry, _prefix(prefix or "/"), rewrite="/"))
    return rules


def _prefix(value: str) -> dict[str, str]:
    return {"type": "PathPrefix", "value": value}


def _rule(
    exposed: Exposed, component: ExposedComponent, match: dict[str, str], *, rewrite: str = ""
) -> dict[str, Any]:
    headers = [
        {"name": names.HEADER_SERVICE_NAME, "value": exposed.name},
        {"name": names.HEADER_SERVICE_NAMESPACE, "value": exposed.namespace},
    ]
    filters: list[dict[str, Any]] = [
        {"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": headers}}
    ]
    if rewrite:
        replaced = {"type": "ReplacePrefixMatch", "replacePrefixMatch": rewrite}
        filters.append({"type": "URLRewrite", "urlRewrite": {"path": replaced}})
    return {
        "matches": [{"path": dict(match)}],
        "filters": filters,
        "backendRefs": [_backend(exposed, component)],
        "timeouts": {"request": f"{component.timeout}s"},
    }


def _backend(exposed: Exposed, component: ExposedComponent) -> dict[str, Any]:
    """The engine's pool where there is one, else the component's Service."""
    if component.name == names.COMPONENT_ENGINE and inferencepool.pool_wanted(exposed):
        return {
            "group": inferencepool.GROUP,
            "kind": "InferencePool",
            "name": exposed.workload(component),
            "namespace": exposed.namespace,
            "port": component.pod_port,
        }
    return {
        "kind": "Service",
        "name": exposed.backend(component),
        "namespace": exposed.namespace,
        "port": component.port,
    }
