"""Istio: hosts as Knative gives them, hosts as clients write them."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ome.workloads.virtualservice import authority, service_host_of, virtual_service
from tests.workloads.exposure.cases import ISTIO, exposed

if TYPE_CHECKING:
    from ome.workloads.exposed import Exposed


@pytest.mark.parametrize(
    ("name", "host", "expected"),
    [
        ("m", "m-engine.default.example.com", "m.default.example.com"),
        ("m", "m-engine-default.ns.example.com", "m.ns.example.com"),
        ("my-engine-x", "my-engine-x-engine.ns.a.b", "my-engine-x.ns.a.b"),
        ("m", "m-engine.team-default.a.b", "m.team-default.a.b"),
        ("m", "m-engine-default.team-default.a.b", "m.team-default.a.b"),
        ("m", "m-engine.m-engine.a.b", "m.m-engine.a.b"),
        ("m", "ns.m-engine.a.b", "ns.m.a.b"),
        ("m", "m-engines.ns.a.b", "m-engines.ns.a.b"),
        ("m", "xm-engine.ns.a.b", "xm-engine.ns.a.b"),
        ("m", "m-engine-defaults.ns.a.b", "m-engine-defaults.ns.a.b"),
        ("m.x", "m.x-engine.ns.a.b", "m.x.ns.a.b"),
        ("m", "", ""),
    ],
)
def test_the_component_goes_out_of_the_host(name: str, host: str, expected: str) -> None:
    assert service_host_of(exposed(name=name, mode="Serverless"), host) == expected


def test_a_router_gives_the_service_its_host() -> None:
    given = exposed("router", name="m", mode="Serverless")
    assert service_host_of(given, "m-router.ns.a.b") == "m.ns.a.b"
    assert service_host_of(given, "m-engine.ns.a.b") == "m-engine.ns.a.b"


def test_the_expression_of_a_host() -> None:
    inside = r"^m\.default(\.svc(\.cluster\.local)?)?(?::\d{1,5})?$"
    assert authority("m.default.svc.cluster.local", "cluster.local") == inside
    assert authority("a-b.example.com", "cluster.local") == r"^a-b\.example\.com(?::\d{1,5})?$"
    assert authority(r"\.+*?()|[]{}^$", "x") == r"^\\\.\+\*\?\(\)\|\[\]\{\}\^\$(?::\d{1,5})?$"


@pytest.mark.parametrize(
    ("host", "matches"),
    [
        ("m.default", True),
        ("m.default:80", True),
        ("m.default.svc", True),
        ("m.default.svc.cluster.local:65535", True),
        ("m.default.svc.cluster", False),
        ("mxdefault", False),
        ("a.m.default", False),
        ("m.default:123456", False),
    ],
)
def test_clients_inside_may_write_the_host_shorter(host: str, matches: bool) -> None:
    expression = authority("m.default.svc.cluster.local", "cluster.local")
    assert (re.search(expression, host) is not None) is matches


def routes(given: Exposed, host: str = "chat.demo.example.com") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = virtual_service(given, host, decoder_ready=True)["spec"]["http"]
    return found


def test_a_service_whose_host_is_inside_is_internal() -> None:
    given = exposed(config=replace(ISTIO, path_template="/a"), mode="Serverless")
    spec = virtual_service(given, "chat.demo.svc.cluster.local", decoder_ready=True)["spec"]
    assert spec["hosts"] == ["chat.demo.svc.cluster.local"]
    assert spec["gateways"] == ["knative-serving/knative-local-gateway", "mesh"]
    assert len(spec["http"]) == 1


def test_a_path_that_cannot_be_made_adds_nothing() -> None:
    broken = exposed(config=replace(ISTIO, path_template="x"), mode="Serverless")
    assert routes(broken) == routes(exposed(config=ISTIO, mode="Serverless"))


def test_the_root_as_path_is_no_exact_match() -> None:
    *_, last = routes(exposed(config=replace(ISTIO, path_template="/"), mode="Serverless"))
    assert [match["uri"] for match in last["match"]] == [{"prefix": "/"}]
