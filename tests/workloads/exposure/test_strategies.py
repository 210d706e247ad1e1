"""Which way a service is exposed, what waits for what, and what it is told meanwhile."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ome.workloads.config import IngressConfig
from ome.workloads.errors import ExposureError
from ome.workloads.exposure import Exposure, Seen, expose
from tests.workloads.exposure.cases import GATEWAY, ISTIO, LONG, exposed, made, seen, with_ports

if TYPE_CHECKING:
    from ome.workloads.exposed import Exposed

DISABLED = IngressConfig(disable_ingress_creation=True)
LOCAL = {"networking.knative.dev/visibility": "cluster-local"}


def kinds(exposure: Exposure) -> list[str]:
    return [f"{item['kind']} {item['metadata']['name']}" for item in exposure.objects]


def condition(exposure: Exposure) -> tuple[str, str, str]:
    return exposure.status, exposure.reason, exposure.message


# The strategy.


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (exposed(), ["Ingress chat"]),
        (exposed(mode="MultiNode"), ["Ingress chat"]),
        (exposed(mode="MultiNodeRayVLLM"), ["Ingress chat"]),
        (exposed(config=GATEWAY), ["HTTPRoute chat-engine", "HTTPRoute chat"]),
        (
            exposed(config=GATEWAY, mode="MultiNodeRayVLLM"),
            ["HTTPRoute chat-engine", "HTTPRoute chat"],
        ),
        (
            exposed("decoder", "router", config=GATEWAY),
            [
                "HTTPRoute chat-engine",
                "HTTPRoute chat-router",
                "HTTPRoute chat-decoder",
                "HTTPRoute chat",
            ],
        ),
        (exposed(config=ISTIO, mode="Serverless"), ["Service chat", "VirtualService chat"]),
        (
            exposed(config=replace(ISTIO, enable_gateway_api=True), mode="Serverless"),
            ["Service chat", "VirtualService chat"],
        ),
        (exposed(config=DISABLED), ["Service chat"]),
        (exposed(config=DISABLED, mode="Serverless"), ["Service chat"]),
        (exposed(labels=LOCAL), []),
        (exposed(config=GATEWAY, labels=LOCAL), []),
        (exposed(config=DISABLED, labels=LOCAL), []),
        (exposed(config=DISABLED, labels=LOCAL, mode="Serverless"), []),
    ],
)
def test_the_strategy(given: Exposed, expected: list[str]) -> None:
    assert kinds(made(given)) == expected


def test_a_url_that_cannot_be_read_names_its_service() -> None:
    with pytest.raises(ExposureError, match=r"Knative Service chat-engine cannot be read: Invalid"):
        expose(exposed(mode="Serverless"), {"engine": Seen("True", "http://[::1")})


def test_the_mode_of_the_router_then_of_the_decoder_decides() -> None:
    given = exposed("decoder", "router", config=ISTIO)
    engine, decoder, router = given.components
    serverless = replace(given, components=(engine, decoder, replace(router, mode="Serverless")))
    every = seen("decoder", "router", url=True)
    assert kinds(expose(serverless, every)) == ["Service chat", "VirtualService chat"]
    raw = replace(given, components=(replace(engine, mode="Serverless"), decoder, router))
    assert kinds(expose(raw, every)) == ["Ingress chat"]
    by_decoder = replace(given, components=(engine, replace(decoder, mode="Serverless")))
    assert kinds(expose(by_decoder, every)) == ["Service chat", "VirtualService chat"]


def test_another_mode_has_no_strategy() -> None:
    with pytest.raises(ExposureError, match="unsupported deployment mode: PDDisaggregated"):
        made(exposed(mode="PDDisaggregated"))


# Gates.


@pytest.mark.parametrize(
    ("components", "waits"),
    [
        ([], "engine"),
        (["decoder"], "decoder"),
        (["router"], "router"),
        (["decoder", "router"], "router"),
    ],
)
@pytest.mark.parametrize("status", ["False", "Unknown"])
def test_an_ingress_waits_for_the_component_that_decides(
    components: list[str], waits: str, status: str
) -> None:
    given = exposed(*components)
    closed = expose(given, {**seen(*components), waits: Seen(status)})
    assert condition(closed) == (
        "False",
        "ComponentNotReady",
        "Target service not ready for ingress creation",
    )
    assert (closed.objects, closed.url, closed.address) == ((), "", "")
    assert closed.kept == {("Ingress", "chat")}
    others = {**seen(*components, ready="False"), waits: Seen("True")}
    assert expose(given, others).status == "True"


def test_a_route_waits_for_its_component_and_the_top_level_one_for_all() -> None:
    given = exposed("decoder", "router", config=GATEWAY)
    exposure = expose(given, {**seen("decoder", "router"), "router": Seen("False")})
    assert kinds(exposure) == ["HTTPRoute chat-engine", "HTTPRoute chat-decoder"]
    assert exposure.kept == {("HTTPRoute", "chat-router"), ("HTTPRoute", "chat")}
    message = "router component not ready for HTTPRoute creation"
    assert condition(exposure) == ("False", "ComponentNotReady", message)
    assert (exposure.url, exposure.routes) == ("", ())


def test_the_first_closed_route_is_reported() -> None:
    given = exposed("decoder", "router", config=GATEWAY)
    nothing = expose(given, {})
    assert nothing.message == "engine component not ready for HTTPRoute creation"
    assert nothing.objects == ()
    decoder = expose(given, {**seen("router"), "decoder": Seen("False")})
    assert decoder.message == "decoder component not ready for HTTPRoute creation"


@pytest.mark.parametrize(
    ("status", "expected"), [("False", "False"), ("Unknown", "Unknown"), ("", "Unknown")]
)
@pytest.mark.parametrize(("components", "title"), [(["decoder"], "Engine"), (["router"], "Router")])
def test_a_virtual_service_waits_for_the_entrypoint(
    components: list[str], title: str, status: str, expected: str
) -> None:
    given = exposed(*components, config=ISTIO, mode="Serverless")
    states = seen(*components, url=True)
    states[title.lower()] = Seen(status, states[title.lower()].url)
    exposure = expose(given, states)
    assert condition(exposure) == (expected, f"{title} ingress not created", "")
    assert kinds(exposure) == ["Service chat"]
    assert exposure.kept == {("VirtualService", "chat")}
    assert exposure.url == "http://chat.demo.example.com"


def test_without_a_url_of_knative_the_condition_stays() -> None:
    exposure = expose(exposed(config=ISTIO, mode="Serverless"), seen())
    assert (exposure.status, exposure.url, exposure.address) == ("", "", "")
    assert kinds(exposure) == ["Service chat"]


def test_a_decoder_that_is_not_ready_costs_its_own_route_only() -> None:
    given = exposed("decoder", config=ISTIO, mode="Serverless")
    states = {**seen("decoder", url=True), "decoder": Seen("False")}
    (_, without), (_, with_it) = expose(given, states).objects, made(given).objects
    assert len(with_it["spec"]["http"]) == 2
    assert without["spec"]["http"] == with_it["spec"]["http"][1:]


# URLs.


@pytest.mark.parametrize(
    ("given", "url", "address"),
    [
        (
            exposed(),
            "http://chat.demo.example.com:8080",
            "http://chat-engine.demo.svc.cluster.local:8080",
        ),
        (
            with_ports(exposed("router"), router=9000),
            "http://chat.demo.example.com:9000",
            "http://chat-router.demo.svc.cluster.local:9000",
        ),
        (
            exposed(annotations={"ome.io/ingress-url-scheme": "https"}),
            "https://chat.demo.example.com:8080",
            "https://chat-engine.demo.svc.cluster.local:8080",
        ),
        (
            exposed(annotations={"ome.io/ingress-tls-secret": "cert"}),
            "https://chat.demo.example.com",
            "http://chat-engine.demo.svc.cluster.local:8080",
        ),
        (
            exposed(config=GATEWAY),
            "http://chat.demo.example.com",
            "http://chat-engine.demo.svc.cluster.local:8080",
        ),
        (
            with_ports(exposed(config=GATEWAY), engine=80),
            "http://chat.demo.example.com",
            "http://chat-engine.demo.svc.cluster.local",
        ),
        (exposed(labels=LOCAL), *["http://chat-engine.demo.svc.cluster.local:8080"] * 2),
        (
            with_ports(exposed("router", labels=LOCAL), router=80),
            *["http://chat-router.demo.svc.cluster.local:80"] * 2,
        ),
        (exposed(config=DISABLED), *["http://chat.demo.svc.cluster.local:8080"] * 2),
        (
            with_ports(exposed(config=DISABLED), engine=30000),
            *["http://chat.demo.svc.cluster.local:30000"] * 2,
        ),
        (
            exposed(config=DISABLED, annotations={"ome.io/ingress-url-scheme": "https"}),
            *["http://chat.demo.svc.cluster.local:8080"] * 2,
        ),
        (
            exposed(config=ISTIO, mode="Serverless"),
            "http://chat.demo.example.com",
            "http://chat.demo.svc.cluster.local",
        ),
        (
            exposed(
                "router", config=replace(ISTIO, disable_istio_virtual_host=True), mode="Serverless"
            ),
            "http://chat-router.demo.example.com",
            "http://chat-router.demo.svc.cluster.local",
        ),
        (
            exposed(
                config=replace(ISTIO, path_template="/a/{{ .Name }}", url_scheme="https"),
                mode="Serverless",
            ),
            "https://example.com/a/chat",
            "http://chat.demo.svc.cluster.local",
        ),
        (
            exposed(config=replace(ISTIO, path_template="/a"), mode="Serverless", labels=LOCAL),
            "http://chat.demo.example.com",
            "http://chat.demo.svc.cluster.local",
        ),
        (exposed(config=replace(ISTIO, path_template="a"), mode="Serverless"), "", ""),
    ],
)
def test_where_a_service_answers(given: Exposed, url: str, address: str) -> None:
    exposure = made(given)
    assert (exposure.url, exposure.address) == (url, address)


def test_conditions_of_what_is_exposed() -> None:
    assert condition(made(exposed())) == ("True", "", "")
    assert condition(made(exposed(labels=LOCAL))) == ("True", "ClusterLocal", "")
    message = "Ingress creation is disabled, using external service for access"
    assert condition(made(exposed(config=DISABLED))) == ("True", "IngressDisabled", message)


# What is wrong with a service.


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            exposed(),
            "builder error: failed creating top level engine ingress host: invalid domain name",
        ),
        (
            exposed("decoder"),
            "builder error: failed creating top level engine ingress host: invalid",
        ),
        (
            exposed("router"),
            "builder error: failed creating top level router ingress host: invalid",
        ),
        (exposed(config=GATEWAY), "failed to generate engine ingress host: invalid domain name"),
    ],
)
def test_a_host_that_is_none_is_refused(given: Exposed, message: str) -> None:
    config = replace(given.config, domain_template="{{ .Labels.none }}.x")
    with pytest.raises(ExposureError, match=message):
        made(replace(given, config=config))


def test_the_host_of_one_component_may_be_the_bad_one() -> None:
    template = '{{ if eq .Name "chat" }}a.b{{ else }}_{{ end }}'
    config = IngressConfig(domain_template=template)
    with pytest.raises(ExposureError, match="failed creating engine ingress host: invalid domain"):
        made(exposed("decoder", config=config))
    template = '{{ if eq .Name "chat" }}_{{ else }}a.b{{ end }}'
    with pytest.raises(ExposureError, match="failed to generate top level ingress host: invalid"):
        made(exposed(config=replace(GATEWAY, domain_template=template)))


def test_a_bad_path_is_refused_where_it_is_used() -> None:
    broken = exposed(config=replace(GATEWAY, path_template="{{ .Labels.x }}"))
    with pytest.raises(ExposureError, match="failed to generate URL from pathTemplate: error rend"):
        made(broken)


def test_the_gateways_are_needed_for_a_virtual_service_only() -> None:
    with pytest.raises(ExposureError, match="ingressGateway and ingressService are required"):
        made(exposed(config=IngressConfig(), mode="Serverless"))
    off = IngressConfig(disable_istio_virtual_host=True)
    assert made(exposed(config=off, mode="Serverless")).objects == ()


def test_additional_hosts_that_are_none_are_named() -> None:
    config = IngressConfig(additional_ingress_domains=("x y", "a.b"))
    assert made(exposed(config=config)).dropped == ("chat.demo.x y",)


# The pool of the engine.

PICKER = "ome.io/inference-pool"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("picker", ("picker", 9002)), ("picker:80", ("picker", 80)), ("p-1:65535", ("p-1", 65535))],
)
def test_the_picker_of_a_pool(text: str, expected: tuple[str, int]) -> None:
    pool = made(exposed(config=GATEWAY, annotations={PICKER: text})).objects[0]
    reference = pool["spec"]["endpointPickerRef"]
    assert (reference["name"], reference["port"]["number"]) == expected


@pytest.mark.parametrize("text", ["Picker", "picker:", "picker:0", "picker:65536", "a/b", "true "])
def test_a_picker_that_is_no_service_is_refused(text: str) -> None:
    with pytest.raises(ExposureError, match="write the name of the endpoint picker's Service"):
        made(exposed(config=GATEWAY, annotations={PICKER: text}))


def test_a_pool_stands_whatever_the_strategy_but_not_for_knative() -> None:
    notes = {PICKER: "picker"}
    for config in (IngressConfig(), GATEWAY, DISABLED):
        assert (
            kinds(made(exposed(config=config, annotations=notes)))[0] == "InferencePool chat-engine"
        )
    assert PICKER not in exposed(annotations={PICKER: ""}).config.resolve({}).domain_template
    assert kinds(made(exposed(annotations={PICKER: ""}))) == ["Ingress chat"]
    with pytest.raises(ExposureError, match="needs an engine in mode RawDeployment or MultiNode"):
        made(exposed(config=ISTIO, mode="Serverless", annotations=notes))


def test_only_rules_that_lead_to_the_engine_lead_to_its_pool() -> None:
    notes = {PICKER: "picker"}
    routes = made(exposed("router", config=GATEWAY, annotations=notes)).objects[1:]
    backends = {
        route["metadata"]["name"]: [
            rule["backendRefs"][0]["kind"] for rule in route["spec"]["rules"]
        ]
        for route in routes
    }
    assert backends == {
        "chat-engine": ["InferencePool"],
        "chat-router": ["Service"],
        "chat": ["Service"],
    }


# Names.


def test_backends_are_cut_as_their_services_are() -> None:
    (ingress,) = made(exposed("router", name=LONG)).objects
    backends = [
        rule["http"]["paths"][0]["backend"]["service"]["name"] for rule in ingress["spec"]["rules"]
    ]
    assert [len(name) for name in backends] == [63, 63, 63]
    assert backends[2] == "a964cb01-ong-inference-service-name-for-testing-limits-x-engine"
    assert backends[0].split("-")[0] != backends[2].split("-")[0]
