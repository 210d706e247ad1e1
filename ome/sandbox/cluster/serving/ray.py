"""RayClusters: a head and groups of workers, each a Deployment, and the Service of the head."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from ome.kube.resource import Resource
from ome.sandbox.cluster.objects import merged_conditions
from ome.sandbox.cluster.serving.standin import StandIn, is_available

if TYPE_CHECKING:
    from ome.sandbox.cluster.context import Context

__all__ = ["RayClusters"]

_RESOURCE = Resource("ray.io", "v1", "RayCluster", "rayclusters")
_CLUSTER, _TYPE = "ray.io/cluster", "ray.io/node-type"
_PORTS = {"gcs-server": 6379, "dashboard": 8265, "client": 10001, "serve": 8000}
Document = dict[str, Any]


class RayClusters(StandIn):
    """Pods of the templates, and a state that is ready when they are."""

    def __init__(self, context: Context) -> None:
        super().__init__(context, _RESOURCE)

    def deployments(self, document: Document) -> dict[str, Document]:
        """The head's, and one for each group of workers."""
        spec = document["spec"]
        made = {_head(document): _spec(document, spec["headGroupSpec"]["template"], "head", 1)}
        for group in spec.get("workerGroupSpecs") or ():
            name = f"{document['metadata']['name']}-{group['groupName']}"
            replicas = group.get("replicas", 1)
            made[name] = _spec(document, group["template"], "worker", replicas)
        return made

    def services(self, document: Document) -> dict[str, Document]:
        """The Service of the head."""
        metadata, head = document["metadata"], document["spec"]["headGroupSpec"]
        asked = ((head.get("headService") or {}).get("metadata") or {}).get("name")
        name = asked or f"{metadata['name']}-head-svc"
        ports = [{"name": port, "port": number} for port, number in _PORTS.items()]
        selector = {_CLUSTER: metadata["name"], _TYPE: "head"}
        return {name: {"selector": selector, "ports": ports}}

    def status(self, document: Document, made: dict[str, Document]) -> Document:
        """Whether the head runs, and how many workers."""
        metadata, before = document["metadata"], document.get("status") or {}
        head = is_available(made.get(_head(document)))
        workers = [item for name, item in made.items() if name != _head(document)]
        ready = sum((item.get("status") or {}).get("availableReplicas", 0) for item in workers)
        wanted = sum(item["spec"].get("replicas", 1) for item in workers)
        verdict = {
            "type": "HeadPodReady",
            "status": "True" if head else "False",
            "reason": "HeadPodRunningAndReady" if head else "HeadPodNotFound",
        }
        said = {
            "observedGeneration": metadata["generation"],
            "state": "ready" if head and ready >= wanted else "",
            "desiredWorkerReplicas": wanted,
            "availableWorkerReplicas": ready,
            "conditions": merged_conditions(
                list(before.get("conditions") or ()), [verdict], self._context.now
            ),
        }
        return {field: value for field, value in said.items() if value not in ("", None)}


def _head(document: Document) -> str:
    return f"{document['metadata']['name']}-head"


def _spec(document: Document, template: Document, type_: str, replicas: int) -> Document:
    selector = {_CLUSTER: document["metadata"]["name"], _TYPE: type_}
    made = copy.deepcopy(template)
    made.setdefault("metadata", {}).setdefault("labels", {}).update(selector)
    return {"replicas": replicas, "selector": {"matchLabels": selector}, "template": made}
