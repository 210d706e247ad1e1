"""Hosts of components: the domain template and what makes a host valid."""

from __future__ import annotations

import re

import pytest

from ome.workloads import IngressConfig, RenderError
from ome.workloads.errors import ExposureError
from ome.workloads.urls import (
    additional_hosts,
    component_host,
    path,
    quoted_path,
    service_host,
)

LABELS = {"team": "ml"}
ANNOTATIONS = {"example.com/zone": "eu"}
LONG = "my-really-long-inference-service-name-for-testing-limits-x-engine"


def host(template: str, name: str = "chat-engine", **annotations: str) -> str:
    given = {f"ome.io/{key.replace('_', '-')}": value for key, value in annotations.items()}
    config = IngressConfig(domain_template=template)
    return component_host("engine", name, "demo", LABELS, {**ANNOTATIONS, **given}, config)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (IngressConfig().domain_template, "chat-engine.demo.example.com"),
        ("{{.Name}}.x", "chat-engine.x"),
        ("{{ .Name }}-{{ .Namespace }}.x", "chat-engine-demo.x"),
        ("{{ .Labels.team }}.{{ .Name }}.x", "ml.chat-engine.x"),
        ('{{ index .Annotations "example.com/zone" }}.x', "eu.x"),
        ('{{ index .Labels "team" }}.x', "ml.x"),
        ("a {{- .Name -}} .x", "achat-engine.x"),
        ("{{- .Name }}.{{ .Namespace -}} ", "chat-engine.demo"),
        ("{{ .Name }}.{{ .Namespace -}}\n", "chat-engine.demo"),
        ("{{ .Name }}.{{ .Namespace }}.x.", "chat-engine.demo.x."),
        ("fixed.example.com", "fixed.example.com"),
    ],
)
def test_the_domain_template_is_rendered(template: str, expected: str) -> None:
    assert host(template) == expected


def test_a_long_name_is_cut() -> None:
    name = "a964cb01-ong-inference-service-name-for-testing-limits-x-engine"
    assert host("{{ .Name }}.x", LONG) == f"{name}.x"


def test_the_annotations_of_the_component_override_the_settings() -> None:
    template = IngressConfig().domain_template
    assert host(template, ingress_domain="a.b") == "chat-engine.demo.a.b"
    assert host(template, ingress_domain_template="{{ .Namespace }}.c") == "demo.c"


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{ .Foo }}.x", "can't evaluate field Foo"),
        ("{{ .Name.x }}.x", "can't evaluate"),
        ("{{ .Labels }}.x", 'invalid domain name "map[team:ml].x"'),
        ("{{ env }}.x", "error rendering the domain template"),
        ("{{ .Labels.none }}.x", 'invalid domain name "<no value>.x"'),
        ('{{ index .Labels "none" }}.x', 'invalid domain name ".x"'),
        ("{{ .Name", "error rendering the domain template: unclosed action"),
        ("", 'invalid domain name ""'),
        ("{{ .Name }}", "at least two segments separated by dots"),
        ("{{ .Name }}.", "at least two segments separated by dots"),
        ("{{ .Name }}.Example.com", "lower case DNS label"),
        ("{{ .Name }}..x", "lower case DNS label"),
        ("-{{ .Name }}.x", "lower case DNS label"),
        ("{{ .Name }}_a.x", "lower case DNS label"),
        (f"{'a' * 64}.x", "at most 63 characters"),
        (".".join(["a" * 60] * 5), "no more than 253 characters"),
    ],
)
def test_a_bad_template_or_host_is_refused(template: str, message: str) -> None:
    with pytest.raises(RenderError, match=re.escape(message)) as raised:
        host(template)
    assert raised.value.component == "engine"


def test_an_error_says_what_may_be_written() -> None:
    with pytest.raises(
        RenderError, match=r"use \.Annotations, \.IngressDomain, \.Labels, \.Name, \.Namespace"
    ):
        host("{{ .Foo }}.x")
    with pytest.raises(RenderError, match="correct domainTemplate or ingressDomain"):
        host("{{ .Name }}")


def test_the_host_of_a_service_is_in_the_cluster_domain() -> None:
    assert service_host("chat", "demo", "cluster.test") == "chat.demo.svc.cluster.test"


# Additional hosts.


@pytest.mark.parametrize(
    ("domains", "host", "additional", "expected"),
    [
        (
            ["example.com"],
            "m.prod.example.com",
            ["dev.example.com", "dev.example.com", "x y"],
            (("m.prod.dev.example.com",), ("m.prod.x y",)),
        ),
        (["com", "example.com"], "m.example.com", ["a.b"], (("m.a.b",), ())),
        (["example.com", "com"], "m.example.com", ["a.b"], (("m.a.b",), ())),
        (["example.com"], "foo-example.com", ["a.b"], (("foo-a.b",), ())),
        (["example.com"], "example.com", ["a.b"], ((), ())),
        (["other.com"], "m.example.com", ["a.b"], ((), ())),
        ([], "m.example.com", ["a.b"], ((), ())),
        (["example.com"], "m.example.com", [], ((), ())),
        (["example.com"], "m.example.com", ["b.c", "a.b"], (("m.b.c", "m.a.b"), ())),
    ],
)
def test_additional_hosts(
    domains: list[str],
    host: str,
    additional: list[str],
    expected: tuple[tuple[str, ...], tuple[str, ...]],
) -> None:
    config = IngressConfig(additional_ingress_domains=tuple(additional))
    assert additional_hosts(domains, host, config) == expected


# Paths.


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("", ""),
        ("/serving/{{ .Namespace }}/{{ .Name }}", "/serving/demo/chat"),
        ("/", "/"),
        ("//{{ .Name }}/x", "//chat/x"),
        ("/a?b=c", "/a"),
        ("/a#b", "/a#b"),
        ("/a%20b/%7E", "/a b/~"),
        ("/a b", "/a b"),
        ("/a?%zz", "/a"),
    ],
)
def test_a_path(template: str, expected: str) -> None:
    assert path("chat", "demo", IngressConfig(path_template=template)) == expected


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{ .Labels.x }}", "error rendering the url template: can't evaluate field Labels"),
        ("{{ .Name }}", 'invalid url "chat": a path starts with /'),
        ("https://h/{{ .Name }}", "contains either a scheme or a host"),
        ("mailto:x", "contains either a scheme or a host"),
        ("/%zz", "invalid URL escape"),
        ("/a\nb", "control character"),
    ],
)
def test_a_bad_path_is_refused(template: str, message: str) -> None:
    with pytest.raises(ExposureError, match=re.escape(message)) as raised:
        path("chat", "demo", IngressConfig(path_template=template))
    assert "correct pathTemplate" in str(raised.value)


def test_a_path_is_quoted_where_it_is_written() -> None:
    assert quoted_path("/a b/c#d") == "/a%20b/c%23d"
