"""Services as plain values: what the tests of exposure and the servers that take it start from."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ome import api
from ome.workloads.config import IngressConfig
from ome.workloads.exposed import Exposed, ExposedComponent
from ome.workloads.exposure import Exposure, Seen, expose

UID = "11111111-2222-3333-4444-555555555555"
LONG = "my-really-long-inference-service-name-for-testing-limits-x"
GATEWAY = IngressConfig(
    enable_gateway_api=True, ome_ingress_gateway="edge/public", ingress_domain="example.com"
)
ISTIO = IngressConfig(
    ingress_gateway="knative-serving/knative-ingress-gateway",
    ingress_service="istio-ingressgateway.istio-system.svc.cluster.local",
    local_gateway="knative-serving/knative-local-gateway",
    local_gateway_service="knative-local-gateway.istio-system.svc.cluster.local",
    knative_local_gateway_service="knative-local-gateway.istio-system.svc.cluster.local",
)


def exposed(
    *components: str,
    name: str = "chat",
    config: IngressConfig | None = None,
    annotations: dict[str, str] | None = None,
    labels: dict[str, str] | None = None,
    mode: str = "RawDeployment",
    **more: Any,
) -> Exposed:
    """A service with an engine and the components given, all in one mode."""
    service = api.InferenceService.model_validate(
        {
            "metadata": {
                "name": name,
                "namespace": "demo",
                "uid": UID,
                "annotations": annotations or {},
                "labels": labels or {},
            },
            "spec": {},
        }
    )
    made = tuple(ExposedComponent(item, mode) for item in ("engine", *components))
    resolved = (config or IngressConfig()).resolve(annotations or {})
    return Exposed(service, made, resolved, "cluster.local", **more)


def seen(*components: str, url: bool = False, ready: str = "True") -> dict[str, Seen]:
    """Every component in one state, with Knative's URL if asked."""
    return {
        name: Seen(ready, f"http://chat-{name}.demo.example.com" if url else "")
        for name in ("engine", *components)
    }


def made(given: Exposed) -> Exposure:
    """The exposure when all components are ready."""
    others = [item.name for item in given.components[1:]]
    return expose(given, seen(*others, url=given.deciding.mode == "Serverless"))


def with_ports(given: Exposed, **ports: int) -> Exposed:
    """The same service with other ports of its components."""
    components = tuple(
        replace(item, port=ports.get(item.name, 8080), pod_port=ports.get(item.name, 8080))
        for item in given.components
    )
    return replace(given, components=components)


NOTES = {
    "kubectl.kubernetes.io/last-applied-configuration": "{}",
    "nginx.ingress.kubernetes.io/proxy-read-timeout": "600",
}
PATHS = "/serving/{{ .Namespace }}/{{ .Name }}"

CASES: dict[str, Exposed] = {
    "ingress-engine": exposed(annotations=NOTES),
    "ingress-engine-decoder": exposed("decoder"),
    "ingress-engine-router": exposed("router"),
    "ingress-all": exposed("decoder", "router"),
    "ingress-additional-domains": exposed(
        "router", config=IngressConfig(additional_ingress_domains=("dev.example.com", "x y"))
    ),
    "ingress-one-host": exposed(
        "decoder", config=IngressConfig(domain_template="all.{{ .IngressDomain }}")
    ),
    "ingress-long-names": exposed("router", name=LONG),
    "ingress-ports": with_ports(exposed("router"), router=9000, engine=30000),
    "ingress-class": exposed(annotations={"ome.io/ingress-class": "nginx"}),
    "ingress-tls-secret": exposed("router", config=IngressConfig(tls_secret_name="wildcard")),
    "ingress-tls-issuer": exposed(config=IngressConfig(tls_cluster_issuer="letsencrypt")),
    "ingress-tls-own-issuer": exposed(annotations={"cert-manager.io/issuer": "mine"}),
    "ingress-multi-node": exposed(mode="MultiNode"),
    "ingress-ray": exposed(mode="MultiNodeRayVLLM"),
    "gateway-engine": exposed(config=GATEWAY, annotations=NOTES, labels={"team": "ml"}),
    "gateway-all": exposed("decoder", "router", config=GATEWAY),
    "gateway-decoder-paths": exposed("decoder", config=replace(GATEWAY, path_template=PATHS)),
    "gateway-root-path": exposed(config=replace(GATEWAY, path_template="/")),
    "gateway-additional-domains": exposed(
        config=replace(GATEWAY, additional_ingress_domains=("dev.example.com",))
    ),
    "gateway-long-names": exposed("router", name=LONG, config=GATEWAY),
    "gateway-pool": exposed(config=GATEWAY, annotations={"ome.io/inference-pool": "picker"}),
    "gateway-pool-multi-node": exposed(
        "router",
        config=GATEWAY,
        mode="MultiNode",
        annotations={"ome.io/inference-pool": "picker:9100"},
    ),
    "istio-engine": exposed(config=ISTIO, mode="Serverless", labels={"team": "ml"}),
    "istio-all": exposed(
        "decoder", "router", config=replace(ISTIO, path_template=PATHS), mode="Serverless"
    ),
    "istio-additional-domains": exposed(
        config=replace(ISTIO, additional_ingress_domains=("dev.example.com",)),
        mode="Serverless",
        domains=("example.com", "com"),
    ),
    "istio-internal": exposed(
        config=replace(ISTIO, path_template=PATHS),
        mode="Serverless",
        labels={"networking.ome.io/visibility": "cluster-local"},
    ),
    "fallback-engine": exposed(
        config=IngressConfig(disable_ingress_creation=True),
        annotations={
            **NOTES,
            "cloud.google.com/neg": "x",
            "cloud.google.com/": "y",
            "ome.io/service-type": "LoadBalancer",
            "ome.io/load-balancer-ip": "10.0.0.9",
        },
    ),
    "fallback-router": exposed("router", config=IngressConfig(disable_ingress_creation=True)),
    "fallback-multi-node": exposed(
        mode="MultiNode", config=IngressConfig(disable_ingress_creation=True)
    ),
    "fallback-predictor": exposed(
        config=IngressConfig(disable_ingress_creation=True), any_component=True
    ),
}
"""Every way of exposing a service, by name."""
