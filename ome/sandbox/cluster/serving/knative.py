"""Knative Services: the newest revision runs, and has all traffic once it is ready."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from ome.kube.resource import Resource
from ome.sandbox.cluster.objects import merged_conditions
from ome.sandbox.cluster.serving.standin import StandIn, is_available

if TYPE_CHECKING:
    from ome.sandbox.cluster.context import Context

__all__ = ["KnativeServices"]

_RESOURCE = Resource("serving.knative.dev", "v1", "Service", "services")
_REVISION = "serving.knative.dev/revision"
_MIN_SCALE = "autoscaling.knative.dev/min-scale"
_VISIBILITY = "networking.knative.dev/visibility"
_GATEWAY = "gateway.example.com"
Document = dict[str, Any]


class KnativeServices(StandIn):
    """One Deployment for each, whose template follows; its generation numbers the revisions."""

    def __init__(self, context: Context) -> None:
        super().__init__(context, _RESOURCE)

    def deployments(self, document: Document) -> dict[str, Document]:
        """One, named after the service."""
        name = document["metadata"]["name"]
        template = copy.deepcopy(document["spec"]["template"])
        metadata = template.setdefault("metadata", {})
        selector = {"serving.knative.dev/service": name}
        labels = metadata.setdefault("labels", {})
        labels.update(selector)
        labels[_REVISION] = _revision(document)
        for own in ("containerConcurrency", "timeoutSeconds", "responseStartTimeoutSeconds"):
            template["spec"].pop(own, None)
        least = int((metadata.get("annotations") or {}).get(_MIN_SCALE) or 0)
        spec = {
            "replicas": max(least, 1),  # as under traffic
            "selector": {"matchLabels": selector},
            "template": template,
        }
        return {f"{name}-deployment": spec}

    def services(self, document: Document) -> dict[str, Document]:
        """The name that callers use, which leads to the gateway."""
        spec = {"type": "ExternalName", "externalName": _GATEWAY, "sessionAffinity": "None"}
        return {document["metadata"]["name"]: spec}

    def status(self, document: Document, made: dict[str, Document]) -> Document:
        """Ready when the newest revision runs."""
        metadata, before = document["metadata"], document.get("status") or {}
        revision = _revision(document)
        ready = bool(made) and all(is_available(item) for item in made.values())
        serving = revision if ready else before.get("latestReadyRevisionName", "")
        verdict = {"status": "True"} if ready else {"status": "Unknown", "reason": "Deploying"}
        wanted = [
            {"type": type_, **verdict} for type_ in ("ConfigurationsReady", "Ready", "RoutesReady")
        ]
        name, namespace = metadata["name"], metadata["namespace"]
        inside = f"http://{name}.{namespace}.svc.cluster.local"
        hidden = (metadata.get("labels") or {}).get(_VISIBILITY) == "cluster-local"
        share = {"latestRevision": True, "percent": 100, "revisionName": serving}
        said = {
            "observedGeneration": metadata["generation"],
            "conditions": merged_conditions(
                list(before.get("conditions") or ()), wanted, self._context.now
            ),
            "latestCreatedRevisionName": revision,
            "latestReadyRevisionName": serving,
            "url": inside if hidden else f"http://{name}.{namespace}.example.com",
            "address": {"url": inside},
            "traffic": [share] if serving else [],
        }
        return {field: value for field, value in said.items() if value}


def _revision(document: Document) -> str:
    metadata = document["metadata"]
    return f"{metadata['name']}-{metadata['generation']:05d}"
