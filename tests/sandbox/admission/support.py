"""Configurations, writes and a set-up around ``Webhooks`` for tests."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ome.clock import SystemClock
from ome.kube.resources import CONFIGMAPS
from ome.sandbox.admission import Attributes, Webhooks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from ome.sandbox.admission import Equivalents

EVERYTHING = {
    "operations": ["*"],
    "apiGroups": ["*"],
    "apiVersions": ["*"],
    "resources": ["*/*"],
}


def webhook(name: str, client: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """An entry that matches every write."""
    return {
        "name": name,
        "clientConfig": dict(client),
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "failurePolicy": "Fail",
        "timeoutSeconds": 5,
        "rules": [EVERYTHING],
        **more,
    }


@dataclass
class Cluster:
    """What ``Webhooks`` asks its surroundings for."""

    configurations: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    namespaces: dict[str, dict[str, str]] = field(
        default_factory=lambda: {"prod": {"tier": "gold"}}
    )
    services: dict[tuple[str, str, int], str] = field(default_factory=dict)

    def register(self, kind: str, name: str, *entries: Mapping[str, Any]) -> None:
        document = {"metadata": {"name": name}, "webhooks": list(entries)}
        self.configurations.append((f"{kind}WebhookConfiguration", document))

    def namespace(self, name: str) -> Mapping[str, Any] | None:
        labels = self.namespaces.get(name)
        return None if labels is None else {"metadata": {"name": name, "labels": labels}}

    @asynccontextmanager
    async def webhooks(
        self,
        evaluate: Callable[[str, Mapping[str, Any]], Any] | None = None,
        equivalents: Equivalents | None = None,
    ) -> AsyncIterator[Webhooks]:
        made = Webhooks(
            lambda: self.configurations,
            self.namespace,
            lambda namespace, name, port: self.services.get((namespace, name, port)),
            SystemClock(),
            equivalents=equivalents,
            **({"evaluate": evaluate} if evaluate else {}),
        )
        async with made as webhooks:
            yield webhooks


def configmap(**data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "c", "namespace": "prod", "labels": {"app": "x"}},
        "data": data,
    }


def write(**given: Any) -> Attributes:
    """The creation of a ConfigMap by Ann, unless said otherwise."""
    usual: dict[str, Any] = {
        "operation": "CREATE",
        "resource": CONFIGMAPS,
        "subresource": "",
        "namespace": "prod",
        "name": "c",
        "object": configmap(a="1"),
        "old_object": None,
        "user": "ann",
        "groups": ("team",),
    }
    return Attributes(**{**usual, **given})
