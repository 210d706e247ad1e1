"""The operator's settings for services, from the ConfigMap ``inferenceservice-config``."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from ome.api import names
from ome.api.jsontext import read_json
from ome.workloads.errors import ConfigError
from ome.workloads.gotemplate import TemplateError, parse
from ome.workloads.keda_settings import KedaSettings, parse_keda
from ome.workloads.prober import ProberConfig, parse_prober

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "IngressConfig",
    "OperatorConfig",
    "default_deployment_mode",
    "parse_operator_config",
]


@dataclass(frozen=True, slots=True)
class IngressConfig:
    """Key ``ingress``: how services are exposed. Field names are those of the JSON, snake case."""

    ingress_gateway: str = ""
    ingress_service: str = ""
    local_gateway: str = ""
    local_gateway_service: str = ""
    knative_local_gateway_service: str = ""
    ome_ingress_gateway: str = ""
    ingress_domain: str = "example.com"
    ingress_class_name: str = ""
    additional_ingress_domains: tuple[str, ...] = ()
    domain_template: str = "{{ .Name }}.{{ .Namespace }}.{{ .IngressDomain }}"
    url_scheme: str = "http"
    disable_istio_virtual_host: bool = False
    path_template: str = ""
    disable_ingress_creation: bool = False
    enable_gateway_api: bool = False
    tls_secret_name: str = ""
    """Ours: the Secret of a service's namespace that holds the certificate of its Ingress."""
    tls_cluster_issuer: str = ""
    """Ours: cert-manager's ClusterIssuer that makes that Secret."""

    def resolve(self, annotations: Mapping[str, str]) -> IngressConfig:
        """A copy with the overrides of a service's annotations; resolving twice changes nothing."""
        changes: dict[str, Any] = {}
        for attribute, annotation in _TEXT_OVERRIDES.items():
            if annotations.get(annotation):
                changes[attribute] = annotations[annotation]
        if names.ANNOTATION_INGRESS_PATH_TEMPLATE in annotations:
            changes["path_template"] = annotations[names.ANNOTATION_INGRESS_PATH_TEMPLATE]
        for attribute, annotation in _SWITCHES.items():
            if annotation in annotations:
                changes[attribute] = annotations[annotation] == "true"
        domains = annotations.get(names.ANNOTATION_INGRESS_ADDITIONAL_DOMAINS)
        if domains:
            changes["additional_ingress_domains"] = tuple(
                item.strip() for item in domains.split(",")
            )
        return replace(self, **changes) if changes else self


_TEXT_OVERRIDES = {
    "domain_template": names.ANNOTATION_INGRESS_DOMAIN_TEMPLATE,
    "ingress_domain": names.ANNOTATION_INGRESS_DOMAIN,
    "url_scheme": names.ANNOTATION_INGRESS_URL_SCHEME,
    "ingress_class_name": names.ANNOTATION_INGRESS_CLASS,
    "tls_secret_name": names.ANNOTATION_INGRESS_TLS_SECRET,
}
_SWITCHES = {
    "disable_istio_virtual_host": names.ANNOTATION_INGRESS_DISABLE_ISTIO,
    "disable_ingress_creation": names.ANNOTATION_INGRESS_DISABLE_CREATION,
}
_NAMESPACED = re.compile(r"[^/\s]+/[^/\s]+")
_JSON_NAMES = {
    "ome_ingress_gateway": "omeIngressGateway",
    "disable_istio_virtual_host": "disableIstioVirtualHost",
    "enable_gateway_api": "enableGatewayAPI",
}
SHIPPED_INGRESS = IngressConfig(
    ingress_gateway="knative-serving/knative-ingress-gateway",
    ingress_service="istio-ingressgateway.istio-system.svc.cluster.local",
    local_gateway="knative-serving/knative-local-gateway",
    local_gateway_service="knative-local-gateway.istio-system.svc.cluster.local",
    knative_local_gateway_service="knative-local-gateway.istio-system.svc.cluster.local",
    ingress_domain="svc.cluster.local",
    ingress_class_name="istio",
    disable_ingress_creation=True,
)
"""What holds without the ConfigMap or its key ``ingress``."""


@dataclass(frozen=True, slots=True)
class OperatorConfig:
    """Everything that rendering a service takes from the operator's settings."""

    default_deployment_mode: str = names.MODE_RAW
    ingress: IngressConfig = field(default=SHIPPED_INGRESS)
    missing: tuple[str, ...] = ()
    """Keys that were absent, so that the shipped values hold; said in one log line."""
    keda: KedaSettings = field(default_factory=KedaSettings)
    ignored: tuple[str, ...] = ()
    """What could not be read and is not needed; said in a log line each."""
    prober: ProberConfig = field(default_factory=ProberConfig)


def parse_operator_config(data: Mapping[str, str] | None) -> OperatorConfig:
    """The settings from the ConfigMap's data; None when there is no ConfigMap.

    Raises ``ConfigError`` naming key and field.
    """
    held = data or {}
    missing = tuple(key for key in ("deploy", "ingress") if key not in held)
    mode = names.MODE_RAW if "deploy" in missing else _deploy(held["deploy"])
    ingress = SHIPPED_INGRESS if "ingress" in missing else _ingress(held["ingress"])
    keda, problem = parse_keda(held.get("kedaConfig", ""))
    ignored = (problem,) if problem else ()
    prober = _prober(held.get("multinodeProber", ""))
    return OperatorConfig(mode, ingress, missing, keda, ignored, prober)


def _object(key: str, text: str) -> dict[str, Any]:
    try:
        value = read_json(text)
    except ValueError as error:
        raise ConfigError(
            f"ConfigMap {names.CONFIGMAP_INFERENCE_SERVICE}: unable to parse {key} config json:"
            f" {error}; correct key {key}"
        ) from error
    if not isinstance(value, dict):
        raise ConfigError(
            f"ConfigMap {names.CONFIGMAP_INFERENCE_SERVICE}: key {key} must hold a JSON object"
        )
    return value


def _prober(text: str) -> ProberConfig:
    if not text:
        return ProberConfig()
    try:
        return parse_prober(_object("multinodeProber", text))
    except ValueError as error:
        raise ConfigError(
            f"ConfigMap {names.CONFIGMAP_INFERENCE_SERVICE}, key multinodeProber: {error}"
        ) from error


def _deploy(text: str) -> str:
    return default_deployment_mode(_object("deploy", text))


def default_deployment_mode(deploy: Mapping[str, Any]) -> str:
    """The mode of key ``deploy``. Raises ``ConfigError``."""
    mode = deploy.get("defaultDeploymentMode")
    where = f"ConfigMap {names.CONFIGMAP_INFERENCE_SERVICE}, key deploy"
    if not mode:
        raise ConfigError(f"{where}: invalid deploy config, defaultDeploymentMode is required")
    if mode not in (names.MODE_RAW, names.MODE_SERVERLESS):
        raise ConfigError(
            f"{where}: invalid deployment mode {mode!r}. Supported modes are Serverless and"
            " RawDeployment"
        )
    return str(mode)


def _ingress(text: str) -> IngressConfig:
    value = _object("ingress", text)
    default = IngressConfig()
    found: dict[str, Any] = {}
    for entry in fields(IngressConfig):
        given = value.get(_JSON_NAMES.get(entry.name) or _camel(entry.name))
        if given is None or given == "":
            continue
        expected = getattr(default, entry.name)
        found[entry.name] = _checked(entry.name, given, expected)
    config = IngressConfig(**found)
    _check_paths(config, bool(value.get("ingressDomain")))
    if config.enable_gateway_api and not _NAMESPACED.fullmatch(config.ome_ingress_gateway):
        raise ConfigError(
            f"ConfigMap {names.CONFIGMAP_INFERENCE_SERVICE}, key ingress: omeIngressGateway must be"
            f" namespace/name when enableGatewayAPI is true, not {config.ome_ingress_gateway!r}"
        )
    return config


def _check_paths(config: IngressConfig, has_domain: bool) -> None:
    if not config.path_template:
        return
    where = f"ConfigMap {names.CONFIGMAP_INFERENCE_SERVICE}, key ingress: invalid ingress config"
    try:
        parse(config.path_template)
    except TemplateError as error:
        raise ConfigError(f"{where}, unable to parse pathTemplate: {error}") from error
    if not has_domain:
        raise ConfigError(f"{where} - ingressDomain is required if pathTemplate is given")


def _checked(name: str, given: Any, expected: Any) -> Any:
    if isinstance(expected, tuple) and isinstance(given, list):
        return tuple(str(item) for item in given)
    if type(given) is not type(expected):
        raise ConfigError(
            f"ConfigMap {names.CONFIGMAP_INFERENCE_SERVICE}, key ingress: {_camel(name)} must be a"
            f" {'boolean' if isinstance(expected, bool) else 'string or list of strings'}"
        )
    return given


def _camel(attribute: str) -> str:
    head, *rest = attribute.split("_")
    return head + "".join(word.capitalize() for word in rest)
