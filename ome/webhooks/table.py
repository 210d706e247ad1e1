"""Every webhook in one table: what is served, and the configurations that send reviews to it.

A path that is registered but not served would block its resource (failure policy Fail), so both
come from here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ome.api import names
from ome.webhooks import benchmarkjob, inferenceservice, pod, servingruntime
from ome.webhooks.certificates.bundle import INJECTED_BY_CERT_MANAGER
from ome.webhooks.judge import Route

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ome.webhooks.registry import Defaulter, Validator

__all__ = ["TABLE", "Registration", "client_config", "configurations", "routes"]

_SERVER = "ome-webhook-server"
_OPERATIONS = ("CREATE", "UPDATE")
_DEFAULTERS: Mapping[str, Defaulter] = {
    "inferenceservices": inferenceservice.default,
    "pods": pod.default,
}
_VALIDATORS: Mapping[str, Validator] = {
    "inferenceservices": inferenceservice.validate,
    "clusterservingruntimes": servingruntime.validate,
    "servingruntimes": servingruntime.validate,
    "benchmarkjobs": benchmarkjob.validate,
}
_PASSED = {"benchmarkjobs": "Validation passed"}


@dataclass(frozen=True, slots=True)
class Registration:
    """One webhook of one configuration."""

    configuration: str
    name: str
    path: str
    resource: str
    group: str = names.GROUP
    version: str = names.VERSION
    operations: tuple[str, ...] = _OPERATIONS
    mutating: bool = False

    @property
    def kind(self) -> str:
        """The kind of the configuration that holds it."""
        return "MutatingWebhookConfiguration" if self.mutating else "ValidatingWebhookConfiguration"

    def route(self) -> Route:
        """What is served at the path."""
        if self.mutating:
            own = self.group == names.GROUP
            return Route(self.path, default=_DEFAULTERS[self.resource], traced=own)
        return Route(
            self.path, validate=_VALIDATORS[self.resource], passed=_PASSED.get(self.resource, "")
        )


def _validator(singular: str) -> Registration:
    return Registration(
        f"{singular}.ome.io",
        f"{singular}.{_SERVER}.validator",
        f"/validate-ome-io-v1beta1-{singular}",
        f"{singular}s",
    )


TABLE = (
    Registration(
        "inferenceservice.ome.io",
        f"inferenceservice.{_SERVER}.defaulter",
        "/mutate-ome-io-v1beta1-inferenceservice",
        "inferenceservices",
        mutating=True,
    ),
    Registration(
        "inferenceservice.ome.io",
        f"inferenceservice.{_SERVER}.pod-mutator",
        "/mutate-pods",
        "pods",
        group="",
        version="v1",
        operations=("CREATE",),
        mutating=True,
    ),
    _validator("inferenceservice"),
    _validator("clusterservingruntime"),
    _validator("servingruntime"),
    _validator("benchmarkjob"),
)


def routes() -> list[Route]:
    """What the server serves."""
    return [entry.route() for entry in TABLE]


def client_config(namespace: str) -> Callable[[str], dict[str, Any]]:
    """Where the API server finds a path: at the operator's Service.

    Whom to trust there is not said: the manager (or cert-manager) fills that in.
    """

    def of(path: str) -> dict[str, Any]:
        service = {"name": names.WEBHOOK_SERVICE, "namespace": namespace, "path": path, "port": 443}
        return {"service": service}

    return of


def configurations(
    client: Callable[[str], dict[str, Any]],
    *,
    prefix: str = "",
    cert_manager: str = "",
    namespaces: Mapping[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """The configuration objects of all that is served, by kind and name.

    ``client`` gives the client configuration of a path. ``cert_manager`` names the Certificate
    (``ns/name``) from which cert-manager injects the bundle; without it the manager does.
    ``namespaces`` is a further namespace selector for all of them, and ``prefix`` begins their
    names: for a second operator beside the first.
    """
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for entry in TABLE:
        name = prefix + entry.configuration
        metadata: dict[str, Any] = {"name": name}
        if cert_manager:
            metadata["annotations"] = {INJECTED_BY_CERT_MANAGER: cert_manager}
        document = found.setdefault(
            (entry.kind, name),
            {
                "apiVersion": "admissionregistration.k8s.io/v1",
                "kind": entry.kind,
                "metadata": metadata,
                "webhooks": [],
            },
        )
        document["webhooks"].append(_webhook(entry, client, namespaces or {}))
    return list(found.values())


def _webhook(
    entry: Registration, client: Callable[[str], dict[str, Any]], namespaces: Mapping[str, Any]
) -> dict[str, Any]:
    webhook: dict[str, Any] = {
        "name": entry.name,
        "admissionReviewVersions": ["v1", "v1beta1"],
        "clientConfig": client(entry.path),
        "failurePolicy": "Fail",
        "sideEffects": "None",
        "rules": [
            {
                "apiGroups": [entry.group],
                "apiVersions": [entry.version],
                "operations": list(entry.operations),
                "resources": [entry.resource],
            }
        ],
    }
    expressions = list(namespaces.get("matchExpressions") or ())
    if entry.resource == "pods":
        label = names.LABEL_INFERENCE_SERVICE
        expressions.insert(0, _exists(names.LABEL_CONTROL_PLANE, "DoesNotExist"))
        webhook["reinvocationPolicy"] = "IfNeeded"
        webhook["objectSelector"] = {"matchExpressions": [_exists(label, "Exists")]}
        quoted = json.dumps(label)
        webhook["matchConditions"] = [
            {
                "name": "pods-of-inferenceservices",
                "expression": f"has(object.metadata.labels) && {quoted} in object.metadata.labels",
            }
        ]
    selector = {**namespaces, "matchExpressions": expressions} if expressions else dict(namespaces)
    if selector:
        webhook["namespaceSelector"] = selector
    return webhook


def _exists(label: str, operator: str) -> dict[str, Any]:
    return {"key": label, "operator": operator}
