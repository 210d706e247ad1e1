"""The operator's ConfigMap: what holds without it, what it may say, and how errors read."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest

from ome.workloads import ConfigError, IngressConfig, parse_operator_config
from ome.workloads.config import SHIPPED_INGRESS
from ome.workloads.keda_settings import KedaSettings


def ingress(**members: Any) -> IngressConfig:
    return parse_operator_config({"ingress": json.dumps(members)}).ingress


# Keys and defaults.


@pytest.mark.parametrize("data", [None, {}])
def test_without_settings_the_shipped_values_hold(data: dict[str, str] | None) -> None:
    config = parse_operator_config(data)
    assert config.default_deployment_mode == "RawDeployment"
    assert config.ingress == SHIPPED_INGRESS
    assert config.missing == ("deploy", "ingress")


def test_the_shipped_ingress_is_the_fall_back_service() -> None:
    assert SHIPPED_INGRESS.disable_ingress_creation
    assert SHIPPED_INGRESS.ingress_domain == "svc.cluster.local"
    assert SHIPPED_INGRESS.url_scheme == "http"


def test_an_empty_object_has_the_defaults_of_its_members() -> None:
    config = ingress()
    assert config == IngressConfig()
    assert config.ingress_domain == "example.com"
    assert config.domain_template == "{{ .Name }}.{{ .Namespace }}.{{ .IngressDomain }}"
    assert (config.disable_ingress_creation, config.enable_gateway_api) == (False, False)


def test_every_member_is_read_by_its_own_name() -> None:
    members: dict[str, Any] = {
        "ingressGateway": "a/b",
        "ingressService": "c",
        "localGateway": "d/e",
        "localGatewayService": "f",
        "knativeLocalGatewayService": "g",
        "omeIngressGateway": "h/i",
        "ingressDomain": "j.k",
        "ingressClassName": "nginx",
        "additionalIngressDomains": ["l.m", "n.o"],
        "domainTemplate": "{{ .Name }}",
        "urlScheme": "https",
        "disableIstioVirtualHost": True,
        "pathTemplate": "/{{ .Name }}",
        "disableIngressCreation": True,
        "enableGatewayAPI": True,
        "tlsSecretName": "p",
        "tlsClusterIssuer": "q",
    }
    members_read = list(asdict(ingress(**members)).values())
    assert members_read == [
        tuple(value) if isinstance(value, list) else value for value in members.values()
    ]


def test_null_and_empty_members_are_absent_and_unknown_ones_ignored() -> None:
    nothing = {"ingressClassName": None, "additionalIngressDomains": None, "ingressDomain": ""}
    assert ingress(**nothing, somethingElse=1) == IngressConfig()


@pytest.mark.parametrize("mode", ["Serverless", "RawDeployment"])
def test_the_default_mode_is_read(mode: str) -> None:
    config = parse_operator_config({"deploy": json.dumps({"defaultDeploymentMode": mode})})
    assert (config.default_deployment_mode, config.missing) == (mode, ("ingress",))


# Errors name the ConfigMap, the key and the field.


@pytest.mark.parametrize(
    ("key", "text", "message"),
    [
        ("deploy", "{", "unable to parse deploy config json: "),
        ("deploy", "[" * 5000, "config json: it is nested too deeply; correct key deploy"),
        ("multinodeProber", "[" * 5000, "config json: it is nested too deeply"),
        ("deploy", "[]", "key deploy must hold a JSON object"),
        ("deploy", "{}", "invalid deploy config, defaultDeploymentMode is required"),
        (
            "deploy",
            '{"defaultDeploymentMode": ""}',
            "invalid deploy config, defaultDeploymentMode is required",
        ),
        (
            "deploy",
            '{"defaultDeploymentMode": "MultiNode"}',
            "Supported modes are Serverless and RawDeployment",
        ),
        ("deploy", '{"defaultDeploymentMode": ["RawDeployment"]}', "invalid deployment mode"),
        ("ingress", "nonsense", "unable to parse ingress config json: "),
        ("ingress", '"text"', "key ingress must hold a JSON object"),
        ("ingress", '{"urlScheme": 7}', "urlScheme must be a"),
        ("ingress", '{"disableIngressCreation": "true"}', "must be a boolean"),
        ("ingress", '{"additionalIngressDomains": "a,b"}', "additionalIngressDomains must be a"),
        ("ingress", '{"enableGatewayAPI": true}', "omeIngressGateway must be namespace/name"),
        (
            "ingress",
            '{"enableGatewayAPI": true, "omeIngressGateway": "a/b/c"}',
            "omeIngressGateway must be namespace/name",
        ),
        (
            "ingress",
            '{"pathTemplate": "/{{ .Name", "ingressDomain": "a.b"}',
            "invalid ingress config, unable to parse pathTemplate: unclosed action",
        ),
        (
            "ingress",
            '{"pathTemplate": "/{{ .Name }}"}',
            "invalid ingress config - ingressDomain is required if pathTemplate is given",
        ),
    ],
)
def test_a_bad_value_is_refused_by_name(key: str, text: str, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        parse_operator_config({key: text})
    assert message in str(raised.value)
    assert "ConfigMap inferenceservice-config" in str(raised.value)
    assert key in str(raised.value)


def test_the_gateways_are_not_demanded_of_every_installation() -> None:
    assert ingress(ingressClassName="nginx").ingress_gateway == ""


# Key kedaConfig.


def test_the_keda_defaults_of_the_cluster_are_read() -> None:
    text = json.dumps(
        {
            "enableKeda": True,
            "promServerAddress": "http://p:9090",
            "customPromQuery": "",
            "scalingThreshold": "7",
            "scalingOperator": "GreaterThanOrEqual",
            "authModes": "bearer",
            "authenticationRef": {"name": "token", "kind": "ClusterTriggerAuthentication"},
        }
    )
    config = parse_operator_config({"kedaConfig": text})
    assert config.ignored == ()
    assert config.keda == KedaSettings(
        prom_server_address="http://p:9090",
        scaling_threshold="7",
        scaling_operator="GreaterThanOrEqual",
        auth_modes="bearer",
        authentication_name="token",
        authentication_kind="ClusterTriggerAuthentication",
    )


@pytest.mark.parametrize("text", ["{", "[]", "[" * 5000, '{"authenticationRef": 3}'])
def test_keda_defaults_that_cannot_be_read_are_ignored_by_name(text: str) -> None:
    config = parse_operator_config({"kedaConfig": text})
    assert config.keda == KedaSettings()
    (said,) = config.ignored
    assert "ConfigMap inferenceservice-config, key kedaConfig, is ignored" in said


# Overrides by annotation.

BASE = IngressConfig(
    path_template="/a",
    additional_ingress_domains=("x.y",),
    disable_ingress_creation=True,
    disable_istio_virtual_host=True,
    ingress_class_name="istio",
)


@pytest.mark.parametrize(
    ("annotation", "value", "field", "expected"),
    [
        ("ingress-domain-template", "{{.Name}}.x", "domain_template", "{{.Name}}.x"),
        ("ingress-domain-template", "", "domain_template", BASE.domain_template),
        ("ingress-domain", "a.b", "ingress_domain", "a.b"),
        ("ingress-domain", "", "ingress_domain", "example.com"),
        ("ingress-url-scheme", "https", "url_scheme", "https"),
        ("ingress-url-scheme", "", "url_scheme", "http"),
        ("ingress-path-template", "/b", "path_template", "/b"),
        ("ingress-path-template", "", "path_template", ""),
        ("ingress-additional-domains", "a.b , c.d", "additional_ingress_domains", ("a.b", "c.d")),
        ("ingress-additional-domains", "", "additional_ingress_domains", ("x.y",)),
        ("ingress-disable-istio-virtualhost", "true", "disable_istio_virtual_host", True),
        ("ingress-disable-istio-virtualhost", "yes", "disable_istio_virtual_host", False),
        ("ingress-disable-creation", "true", "disable_ingress_creation", True),
        ("ingress-disable-creation", "True", "disable_ingress_creation", False),
        ("ingress-disable-creation", "", "disable_ingress_creation", False),
        ("ingress-class", "nginx", "ingress_class_name", "nginx"),
        ("ingress-class", "", "ingress_class_name", "istio"),
        ("ingress-tls-secret", "certificate", "tls_secret_name", "certificate"),
    ],
)
def test_an_annotation_overrides_one_member(
    annotation: str, value: str, field: str, expected: object
) -> None:
    annotations = {f"ome.io/{annotation}": value}
    resolved = BASE.resolve(annotations)
    assert asdict(resolved) == {**asdict(BASE), field: expected}
    assert resolved.resolve(annotations) == resolved


def test_other_annotations_override_nothing() -> None:
    annotations = {"ome.io/disable-ingress": "true", "ingress-domain": "a.b"}
    assert BASE.resolve(annotations) == BASE
