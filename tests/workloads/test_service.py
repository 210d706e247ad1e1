"""Services of components: types, ports, selectors, metadata."""

from __future__ import annotations

from typing import Any

import pytest

from ome.workloads.metadata import ComponentMetadata
from ome.workloads.service import (
    component_service,
    external_name_service,
    fallback_service,
    leader_service,
    ray_head_service,
)
from tests.workloads.exposure.cases import ISTIO, LONG, exposed, with_ports

Json = dict[str, Any]
LABELS = {"ome.io/inferenceservice": "chat", "component": "engine"}
PORTS = [{"port": 8080, "targetPort": 8080, "protocol": "TCP", "name": "ome-container"}]


def metadata(name: str = "chat-engine", **annotations: str) -> ComponentMetadata:
    notes = {f"ome.io/{key.replace('_', '-')}": text for key, text in annotations.items()}
    owner = {"kind": "InferenceService", "name": "chat"}
    labels = {**LABELS, "app": "the-app"}
    return ComponentMetadata(name, "demo", "the-app", labels, notes, owner, LABELS, {}, {})


def container(*ports: Json) -> Json:
    return {"name": "ome-container", "ports": list(ports)} if ports else {"name": "ome-container"}


# Type and address.


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        ({}, {"type": "ClusterIP"}),
        ({"service_type": "NodePort"}, {"type": "NodePort"}),
        ({"service_type": "LoadBalancer"}, {"type": "LoadBalancer"}),
        ({"service_type": "loadbalancer"}, {"type": "ClusterIP"}),
        ({"service_type": "ExternalName"}, {"type": "ClusterIP"}),
        ({"service_type": ""}, {"type": "ClusterIP"}),
        (
            {"service_type": "LoadBalancer", "load_balancer_ip": "10.0.0.1"},
            {"type": "LoadBalancer", "loadBalancerIP": "10.0.0.1"},
        ),
        ({"service_type": "LoadBalancer", "load_balancer_ip": ""}, {"type": "LoadBalancer"}),
        ({"service_type": "NodePort", "load_balancer_ip": "10.0.0.1"}, {"type": "NodePort"}),
    ],
)
def test_the_type_of_a_service(annotations: dict[str, str], expected: Json) -> None:
    notes = {f"ome.io/{key.replace('_', '-')}": text for key, text in annotations.items()}
    for spec in (
        component_service(metadata(**annotations), container())["spec"],
        fallback_service(exposed(annotations=notes))["spec"],
    ):
        assert {key: spec[key] for key in ("type", "loadBalancerIP") if key in spec} == expected


# Ports.


@pytest.mark.parametrize(
    ("ports", "expected"),
    [
        ((), PORTS),
        (({"containerPort": 9000},), [{"port": 9000, "targetPort": 9000, "protocol": "TCP"}]),
        (
            ({"containerPort": 9000, "name": "grpc", "protocol": "UDP"}, {"containerPort": 1}),
            [
                {"name": "grpc", "port": 9000, "targetPort": 9000, "protocol": "UDP"},
                {"name": "port-1", "port": 1, "targetPort": 1, "protocol": "TCP"},
            ],
        ),
    ],
)
def test_the_ports_of_a_service(ports: tuple[Json, ...], expected: list[Json]) -> None:
    assert component_service(metadata(), container(*ports))["spec"]["ports"] == expected


# Selectors.


def test_what_each_service_selects() -> None:
    head = {**LABELS, "ray.io/node-type": "head"}
    assert component_service(metadata(), container())["spec"]["selector"] == {"app": "the-app"}
    leaders = leader_service(metadata(), container(), "chat", "engine")
    assert leaders["spec"]["selector"] == head
    heads = ray_head_service(metadata(), container(), "chat", "engine")
    assert heads["spec"]["selector"] == {
        **head,
        "app.kubernetes.io/created-by": "kuberay-operator",
        "app.kubernetes.io/name": "kuberay",
    }


@pytest.mark.parametrize(
    ("components", "mode", "more", "expected"),
    [
        ([], "RawDeployment", {}, LABELS),
        (["decoder"], "RawDeployment", {}, LABELS),
        (["router"], "RawDeployment", {}, {**LABELS, "component": "router"}),
        ([], "MultiNode", {}, {**LABELS, "ray.io/node-type": "head"}),
        ([], "MultiNode", {"any_component": True}, {"ome.io/inferenceservice": "chat"}),
    ],
)
def test_what_the_service_of_the_services_name_selects(
    components: list[str], mode: str, more: Json, expected: dict[str, str]
) -> None:
    made = fallback_service(exposed(*components, mode=mode, **more))
    assert made["spec"]["selector"] == expected
    assert made["metadata"]["labels"] == {**LABELS, "component": "external-service"}


# Ray's own ports.


def test_the_ports_of_a_ray_head() -> None:
    made = ray_head_service(metadata(LONG + "-engine"), container(), "chat", "engine")
    ports = {port["name"]: port["port"] for port in made["spec"]["ports"]}
    name = made["metadata"]["name"]
    assert ports == {name: 8080, "dashboard": 8265, "metrics": 8000, "redis": 6379}
    assert len(name) == 63


def test_a_port_of_ray_that_the_runtime_has_is_there_once() -> None:
    given = container({"containerPort": 8000})
    ports = ray_head_service(metadata(), given, "chat", "engine")["spec"]["ports"]
    numbers = [port["port"] for port in ports]
    assert numbers == [8000, 8265, 6379]
    assert all(port["name"] for port in ports)


# Annotations.


def test_annotations_of_pods_are_not_on_services_but_on_rays() -> None:
    notes = {"prometheus.io/scrape": "true", "rdma.ome.io/profile": "x", "a.io/b": "c"}
    given = metadata()
    given.annotations.update(notes)  # type: ignore[attr-defined]
    for made in (
        component_service(given, container()),
        leader_service(given, container(), "chat", "engine"),
    ):
        assert made["metadata"]["annotations"] == {"a.io/b": "c"}
    assert (
        ray_head_service(given, container(), "chat", "engine")["metadata"]["annotations"] == notes
    )


@pytest.mark.parametrize(
    ("key", "copied"),
    [
        ("service.beta.kubernetes.io/aws-load-balancer-type", True),
        ("cloud.google.com/neg", True),
        ("service.kubernetes.io/topology-mode", True),
        ("cloud.google.com/", False),
        ("metallb.io/address-pool", False),
        ("ome.io/service-type", False),
    ],
)
def test_only_the_clouds_annotations_reach_the_service_in_front(key: str, copied: bool) -> None:
    made = fallback_service(exposed(annotations={key: "x"}))["metadata"]
    assert made.get("annotations") == ({key: "x"} if copied else None)


def test_the_service_in_front_has_the_entrypoints_port() -> None:
    given = with_ports(exposed("router"), router=9000, engine=30000)
    port = {"name": "http", "protocol": "TCP", "port": 9000, "targetPort": 9000}
    assert fallback_service(given)["spec"]["ports"] == [port]


def test_the_service_that_leads_to_knatives_gateway() -> None:
    assert external_name_service(exposed(config=ISTIO, mode="Serverless"))["spec"] == {
        "type": "ExternalName",
        "externalName": "knative-local-gateway.istio-system.svc.cluster.local",
        "sessionAffinity": "None",
    }
