"""A service as its users reach it: routes, URLs, what its gateway says of it."""

from __future__ import annotations

import json
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tests import cluster
from tests.e2e.harness import (
    SERVICE,
    agents,
    apply,
    apply_first,
    condition,
    delete_first,
    eventually,
    get,
    items,
    manager,
)
from tests.support.nginx import NGINX, backends, proxy
from tests.workloads.custom_kinds import custom_kinds

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]


@contextmanager
def operator(folder: Path, namespace: str, **ingress: Any) -> Iterator[None]:
    """Manager and agents with these settings, and a service that is on its way."""
    settle(namespace, **ingress)
    with (
        manager(folder / "manager.log", namespace),
        agents(folder / "agents.log", namespace, "--download-seconds=0.2"),
    ):
        apply_first()
        apply(SERVICE.replace("namespace: demo", f"namespace: {namespace}"))
        yield
        cluster.delete("inferenceservices", "chat", namespace)
        delete_first()


def settle(namespace: str, **ingress: Any) -> None:
    """Write the operator's settings."""
    apply(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "inferenceservice-config", "namespace": namespace},
            "data": {"ingress": json.dumps({"ingressDomain": "example.com", **ingress})},
        }
    )


def annotate(namespace: str, **annotations: str | None) -> None:
    body = {
        "metadata": {"annotations": {f"ome.io/{key}": text for key, text in annotations.items()}}
    }
    cluster.patch("inferenceservices", "chat", namespace, body)


def address(namespace: str) -> str:
    service = get("inferenceservices", "chat", namespace) or {}
    return str((service.get("status") or {}).get("url"))


def answers(folder: Path, namespace: str, objects: list[dict[str, Any]]) -> None:
    """Ask what the status says, through a gateway that does what the objects say."""
    if NGINX is None:
        return
    url = urlsplit(address(namespace))
    host = url.hostname or ""
    with backends("chat-engine") as running, proxy(folder, objects, running) as nginx:
        status, answer = nginx.get(host, f"{url.path}/v1/models")
        assert (status, answer["server"], answer["path"]) == (200, "chat-engine", "/v1/models")
        assert nginx.get(host, f"{url.path}/idle/1.5")[0] == 200
        connection = nginx.open(host, f"{url.path}/stream")
        response = connection.getresponse()
        # The second part is not sent before the first was read at this end.
        assert response.readline() == b"first\n"
        running["chat-engine"].go.set()
        assert response.read() == b"second\n"
        connection.close()


@pytest.mark.slow
def test_an_ingress_leads_to_the_engine_until_it_is_not_wanted(
    tmp_path: Path, namespace: str
) -> None:
    with operator(tmp_path, namespace, ingressClassName="nginx"):
        cluster.wait_ready("inferenceservices", "chat", namespace)
        assert address(namespace) == f"http://chat.{namespace}.example.com:8080"
        answers(tmp_path, namespace, items("ingresses", namespace))
        settle(namespace, ingressClassName="other", urlScheme="https")
        eventually(lambda: address(namespace).startswith("https://"))
        spec = items("ingresses", namespace)[0]["spec"]
        assert spec["ingressClassName"] == "other"
        settle(namespace, disableIngressCreation=True)
        for kind in ("NodePort", "ClusterIP"):
            annotate(namespace, **{"service-type": kind})
            for name in ("chat", "chat-engine"):
                eventually(partial(_has_type, name, namespace, kind))
        assert not items("ingresses", namespace)
        inside = f"http://chat.{namespace}.svc.cluster.local:8080"
        eventually(lambda: address(namespace) == inside)
        ports = (get("services", "chat", namespace) or {})["spec"]["ports"]
        assert "nodePort" not in ports[0]


def _has_type(name: str, namespace: str, kind: str) -> bool:
    found = get("services", name, namespace)
    return found is not None and found["spec"]["type"] == kind


@pytest.mark.slow
def test_routes_wait_for_the_word_of_their_gateway(tmp_path: Path, namespace: str) -> None:
    gateway = {"enableGatewayAPI": True, "omeIngressGateway": "edge/public"}
    with operator(tmp_path, namespace, **gateway):

        def reason() -> str:
            return str(condition("chat", "IngressReady", namespace).get("reason"))

        if cluster.get("customresourcedefinitions", _ROUTES) is None:
            eventually(lambda: reason() == "GatewayAPINotAvailable", 90)
        with custom_kinds():
            eventually(lambda: reason() == "ParentStatusNotAvailable", 90)
            assert address(namespace) == f"http://chat.{namespace}.example.com"
            for name in ("chat-engine", "chat"):
                _decide(name, namespace, "False")
            eventually(lambda: reason() == "NotAllowedByListeners")
            assert not _is_ready(namespace)
            for name in ("chat-engine", "chat"):
                _decide(name, namespace, "True")
            eventually(lambda: _is_ready(namespace))
            answers(tmp_path, namespace, items("httproutes", namespace))
            annotate(namespace, **{"ingress-disable-creation": "true"})
            eventually(lambda: not items("httproutes", namespace))


_ROUTES = "httproutes.gateway.networking.k8s.io"


def _is_ready(namespace: str) -> bool:
    return condition("chat", "Ready", namespace).get("status") == "True"


def _decide(name: str, namespace: str, status: str) -> None:
    """What a gateway's controller writes on a route."""
    route = get("httproutes", name, namespace) or {}
    accepted = {
        "type": "Accepted",
        "status": status,
        "reason": "Accepted" if status == "True" else "NotAllowedByListeners",
        "message": "",
        "observedGeneration": route["metadata"]["generation"],
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    parent = {
        "parentRef": route["spec"]["parentRefs"][0],
        "controllerName": "example.com/gateway",
        "conditions": [accepted],
    }
    path = f"/apis/gateway.networking.k8s.io/v1/namespaces/{namespace}/httproutes/{name}/status"
    cluster.request(
        "PATCH", path, {"status": {"parents": [parent]}}, "application/merge-patch+json"
    )
