"""How a service is exposed, decided and rendered: strategy, objects, condition, URLs. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ome.api import names
from ome.workloads import httproute, inferencepool, service, virtualservice
from ome.workloads.errors import ExposureError
from ome.workloads.httproute import TOP_LEVEL, http_route
from ome.workloads.ingress import has_tls, ingress
from ome.workloads.urls import additional_hosts, path, quoted_path, service_host

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.workloads.exposed import Exposed

__all__ = ["Exposure", "Seen", "expose", "foreign_kinds"]

_RAW = frozenset({names.MODE_RAW, names.MODE_MULTI_NODE, names.MODE_RAY})


@dataclass(frozen=True, slots=True)
class Seen:
    """A component as it was observed: its Ready condition, and the URL that Knative gave it."""

    ready: str = "Unknown"
    url: str = ""


@dataclass(frozen=True, slots=True)
class Exposure:
    """What exposes a service.

    ``objects`` are written in order. ``kept`` (kind and name) wait for a component: they are not
    written, and while there are any nothing of another strategy is deleted. ``status`` is that of
    IngressReady, empty when it stays as it was; so are ``url`` and ``address``. ``routes`` are the
    HTTPRoutes whose acceptance decides in the end, each with the component it is called after.
    """

    objects: tuple[Mapping[str, Any], ...] = ()
    kept: frozenset[tuple[str, str]] = frozenset()
    status: str = "True"
    reason: str = ""
    message: str = ""
    url: str = ""
    address: str = ""
    routes: tuple[tuple[str, str], ...] = ()
    dropped: tuple[str, ...] = ()
    """Additional hosts that are no host names."""


def expose(exposed: Exposed, seen: Mapping[str, Seen]) -> Exposure:
    """The exposure of a service; ``seen`` has its components by name. Raises ``ExposureError``."""
    mode = exposed.deciding.mode
    serverless = mode == names.MODE_SERVERLESS
    if exposed.cluster_local and (exposed.config.disable_ingress_creation or not serverless):
        made = _cluster_local(exposed)
    elif exposed.config.disable_ingress_creation:
        made = _fallback(exposed)
    elif serverless:
        made = _serverless(exposed, seen)
    elif mode not in _RAW:
        raise ExposureError(
            f"failed to get ingress strategy for deployment mode {mode}: unsupported deployment"
            f" mode: {mode}; use {', '.join(sorted(_RAW))} or {names.MODE_SERVERLESS}"
        )
    elif exposed.config.enable_gateway_api:
        made = _gateway(exposed, seen)
    else:
        made = _ingress(exposed, seen)
    return _with_pool(exposed, made)


def foreign_kinds(exposed: Exposed) -> tuple[tuple[str, str], ...]:
    """API version and kind of what the exposure needs and a cluster may not have."""
    found: list[tuple[str, str]] = []
    if inferencepool.pool_wanted(exposed):
        found.append((f"{inferencepool.GROUP}/v1", "InferencePool"))
    config = exposed.config
    if config.disable_ingress_creation:
        return tuple(found)
    if exposed.deciding.mode == names.MODE_SERVERLESS:
        if not config.disable_istio_virtual_host:
            found.append((virtualservice.API_VERSION, "VirtualService"))
    elif config.enable_gateway_api and not exposed.cluster_local:
        found.append((f"{httproute.GROUP}/v1", "HTTPRoute"))
    return tuple(found)


def _with_pool(exposed: Exposed, made: Exposure) -> Exposure:
    if not inferencepool.pool_wanted(exposed):
        return made
    if exposed.components[0].mode == names.MODE_SERVERLESS:
        raise ExposureError(
            f"annotation {names.ANNOTATION_INFERENCE_POOL} needs an engine in mode RawDeployment or"
            " MultiNode; a Serverless engine's pods are picked by Knative"
        )
    return replace(made, objects=(inferencepool.inference_pool(exposed), *made.objects))


def _cluster_local(exposed: Exposed) -> Exposure:
    entry = exposed.entrypoint
    url = f"http://{exposed.inside(entry)}:{entry.port}"
    return Exposure(reason=names.REASON_CLUSTER_LOCAL, url=url, address=url)


def _fallback(exposed: Exposed) -> Exposure:
    made = service.fallback_service(exposed)
    host = service_host(exposed.name, exposed.namespace, exposed.cluster_domain)
    url = f"http://{host}:{made['spec']['ports'][0]['port']}"
    return Exposure(
        objects=(made,),
        reason=names.REASON_INGRESS_DISABLED,
        message="Ingress creation is disabled, using external service for access",
        url=url,
        address=url,
    )


def _ready(seen: Mapping[str, Seen], component: str) -> bool:
    return seen.get(component, Seen()).ready == "True"


def _ingress(exposed: Exposed, seen: Mapping[str, Seen]) -> Exposure:
    waits_for = exposed.deciding.name
    if not _ready(seen, waits_for):
        return Exposure(
            kept=frozenset({("Ingress", exposed.name)}),
            status="False",
            reason=names.REASON_COMPONENT_NOT_READY,
            message="Target service not ready for ingress creation",
        )
    made = ingress(exposed)
    host, entry = made["spec"]["rules"][0]["host"], exposed.entrypoint
    # An ingress controller terminates TLS on its own port; without TLS the URL is what it was.
    url = f"{exposed.config.url_scheme}://{host}:{entry.port}"
    return Exposure(
        objects=(made,),
        url=f"https://{host}" if has_tls(exposed) else url,
        address=f"{exposed.config.url_scheme}://{exposed.inside(entry)}:{entry.port}",
        dropped=additional_hosts((exposed.config.ingress_domain,), host, exposed.config)[1],
    )


def _gateway(exposed: Exposed, seen: Mapping[str, Seen]) -> Exposure:
    objects: list[Mapping[str, Any]] = []
    kept: list[tuple[str, str]] = []
    routes: list[tuple[str, str]] = []
    closed = ""
    present = [exposed.get(name) for name in ("engine", "router", "decoder")]
    for component in (*(item for item in present if item is not None), None):
        label = TOP_LEVEL if component is None else component.name
        made = http_route(exposed, component)
        name = made["metadata"]["name"]
        waits = exposed.components if component is None else (component,)
        if all(_ready(seen, item.name) for item in waits):
            objects.append(made)
            routes.append((label, name))
        else:
            kept.append(("HTTPRoute", name))
            closed = closed or label
    if closed:
        return Exposure(
            objects=tuple(objects),
            kept=frozenset(kept),
            status="False",
            reason=names.REASON_COMPONENT_NOT_READY,
            message=f"{closed} component not ready for HTTPRoute creation",
        )
    scheme, entry, host = exposed.config.url_scheme, exposed.entrypoint, exposed.host()
    port = "" if entry.port == names.PORT_PUBLIC else f":{entry.port}"
    return Exposure(
        objects=tuple(objects),
        routes=tuple(routes),
        url=f"{scheme}://{host}",
        address=f"{scheme}://{exposed.inside(entry)}{port}",
        dropped=additional_hosts((exposed.config.ingress_domain,), host, exposed.config)[1],
    )


def _serverless(exposed: Exposed, seen: Mapping[str, Seen]) -> Exposure:
    config, entry = exposed.config, exposed.entrypoint
    observed = seen.get(entry.name, Seen())
    try:
        given = urlsplit(observed.url)
    except ValueError as error:
        raise ExposureError(
            f"the URL {observed.url[:100]!r} of Knative Service {exposed.workload(entry)} cannot be"
            f" read: {error}; see its status.url"
        ) from error
    host = virtualservice.service_host_of(exposed, given.netloc)
    objects: list[Mapping[str, Any]] = []
    kept: frozenset[tuple[str, str]] = frozenset()
    if not config.disable_istio_virtual_host:
        objects.append(service.external_name_service(exposed))
        if observed.ready == "True" and host:
            decoder = _ready(seen, names.COMPONENT_DECODER)
            objects.append(virtualservice.virtual_service(exposed, host, decoder_ready=decoder))
        else:
            kept = frozenset({("VirtualService", exposed.name)})
    shown = given.netloc if config.disable_istio_virtual_host else host
    url = _serverless_url(exposed, shown) if host else ""
    prefix = exposed.name if not config.disable_istio_virtual_host else exposed.workload(entry)
    inside = service_host(prefix, exposed.namespace, exposed.cluster_domain)
    made = Exposure(
        objects=tuple(objects),
        kept=kept,
        url=url,
        address=f"http://{inside}" if url else "",
    )
    if observed.ready != "True":
        status = "False" if observed.ready == "False" else "Unknown"
        title = entry.name.capitalize()
        return replace(made, status=status, reason=f"{title} ingress not created")
    return made if url else replace(made, status="")


def _serverless_url(exposed: Exposed, host: str) -> str:
    """Empty when the path cannot be made."""
    config = exposed.config
    if not config.path_template or virtualservice.is_internal(exposed, host):
        return f"{config.url_scheme}://{host}"
    try:
        text = path(exposed.name, exposed.namespace, config)
    except ExposureError:
        return ""
    return f"{config.url_scheme}://{config.ingress_domain}{quoted_path(text)}"
