"""The objects of the scenarios, and what may be done to them."""

from __future__ import annotations

from typing import Any

Step = dict[str, Any]


def configmap(data: Any = None, /, **metadata: Any) -> dict[str, Any]:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", **metadata}}
    return body if data is None else {**body, "data": data}


def widget(status: Any = None, /, **spec: Any) -> dict[str, Any]:
    body: dict[str, Any] = {
        "apiVersion": "contract.ome.io/v1",
        "kind": "Widget",
        "metadata": {"name": "x"},
    }
    if spec:
        body["spec"] = {"size": 1, **spec}
    return body if status is None else {**body, "status": status}


def sample(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "ownership.ome.test/v1",
        "kind": "Sample",
        "metadata": {"name": "x"},
        "spec": spec,
    }


# Given by hand, for the server assigns them after ownership is settled.
_HEADLESS = {
    "clusterIP": "None",
    "clusterIPs": ["None"],
    "ipFamilies": ["IPv4"],
    "ipFamilyPolicy": "SingleStack",
}


def service(*ports: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "x"},
        "spec": {**_HEADLESS, "ports": list(ports), **spec},
    }


def container(name: str = "main", **more: Any) -> dict[str, Any]:
    return {"name": name, "image": "example.test/a:1", **more}


def deployment(*containers: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "x"},
        "spec": {
            "paused": True,
            "replicas": 0,
            "selector": {"matchLabels": {"app": "x"}},
            "template": {
                "metadata": {"labels": {"app": "x"}},
                "spec": {"containers": list(containers) or [container()]},
            },
            **spec,
        },
    }


def apply(by: str, body: dict[str, Any], *, force: bool = False, sub: str = "") -> Step:
    return {"do": "apply", "by": by, "body": body, "force": force, "sub": sub}


def create(by: str, body: dict[str, Any]) -> Step:
    return {"do": "create", "by": by, "body": body}


def put(by: str, body: dict[str, Any], sub: str = "") -> Step:
    return {"do": "put", "by": by, "body": body, "sub": sub}


def merge(by: str, body: dict[str, Any], sub: str = "") -> Step:
    return {"do": "merge", "by": by, "body": body, "sub": sub}


def managed(by: str, *entries: Any) -> Step:
    return merge(by, {"metadata": {"managedFields": list(entries)}})


def entry(manager: str, operation: str, fields: Any, **more: Any) -> dict[str, Any]:
    return {
        "manager": manager,
        "operation": operation,
        "apiVersion": "v1",
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
        **more,
    }
