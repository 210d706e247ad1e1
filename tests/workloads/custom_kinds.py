"""Small CRDs of the custom kinds that plans hold, for servers that do not have the real ones."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests import cluster

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["custom_kinds"]

Json = dict[str, Any]
ANY: Json = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
TEXT: Json = {"type": "string"}
NUMBER: Json = {"type": "integer"}
FLAG: Json = {"type": "boolean"}
TEXTS: Json = {"type": "object", "additionalProperties": TEXT}


def record(**fields: Json) -> Json:
    return {"type": "object", "properties": fields}


def several(item: Json) -> Json:
    return {"type": "array", "items": item}


METADATA = record(name=TEXT, namespace=TEXT, labels=TEXTS, annotations=TEXTS)
TEMPLATE = record(metadata=METADATA, spec=ANY)
PORT = record(name=TEXT, number=NUMBER, protocol=TEXT)

LEADER_WORKER_SET = record(
    replicas=NUMBER,
    startupPolicy=TEXT,
    networkConfig=record(subdomainPolicy=TEXT),
    rolloutStrategy=record(
        type=TEXT, rollingUpdateConfiguration=record(maxUnavailable=NUMBER, maxSurge=NUMBER)
    ),
    leaderWorkerTemplate=record(
        size=NUMBER, restartPolicy=TEXT, leaderTemplate=TEMPLATE, workerTemplate=TEMPLATE
    ),
)
KNATIVE_SERVICE = record(
    template=TEMPLATE,
    traffic=several(record(revisionName=TEXT, latestRevision=FLAG, percent=NUMBER, tag=TEXT)),
)
RAY_CLUSTER = record(
    headGroupSpec=record(
        headService=record(metadata=METADATA),
        serviceType=TEXT,
        rayStartParams=TEXTS,
        template=TEMPLATE,
    ),
    workerGroupSpecs=several(
        record(groupName=TEXT, replicas=NUMBER, rayStartParams=TEXTS, template=TEMPLATE)
    ),
)
SIDECAR = record(
    workloadSelector=record(labels=TEXTS),
    egress=several(record(port=PORT, hosts=several(TEXT))),
    ingress=several(record(port=PORT)),
)
SCALED_OBJECT = record(
    scaleTargetRef=record(apiVersion=TEXT, kind=TEXT, name=TEXT),
    minReplicaCount=NUMBER,
    maxReplicaCount=NUMBER,
    idleReplicaCount=NUMBER,
    pollingInterval=NUMBER,
    cooldownPeriod=NUMBER,
    fallback=record(failureThreshold=NUMBER, replicas=NUMBER),
    triggers=several(
        record(type=TEXT, metadata=TEXTS, authenticationRef=record(name=TEXT, kind=TEXT))
    ),
)
HTTP_ROUTE = record(
    parentRefs=several(record(group=TEXT, kind=TEXT, namespace=TEXT, name=TEXT)),
    hostnames=several(TEXT),
    rules=several(
        record(
            matches=several(record(path=record(type=TEXT, value=TEXT))),
            filters=several(
                record(
                    type=TEXT,
                    requestHeaderModifier=record(set=several(record(name=TEXT, value=TEXT))),
                    urlRewrite=record(path=record(type=TEXT, replacePrefixMatch=TEXT)),
                )
            ),
            backendRefs=several(
                record(group=TEXT, kind=TEXT, name=TEXT, namespace=TEXT, port=NUMBER)
            ),
            timeouts=record(request=TEXT),
        )
    ),
)
MATCH = record(regex=TEXT, prefix=TEXT, exact=TEXT)
VIRTUAL_SERVICE = record(
    hosts=several(TEXT),
    gateways=several(TEXT),
    http=several(
        record(
            match=several(record(authority=MATCH, uri=MATCH, gateways=several(TEXT))),
            rewrite=record(uri=TEXT, uriRegexRewrite=record(match=TEXT, rewrite=TEXT)),
            route=several(
                record(destination=record(host=TEXT, port=record(number=NUMBER)), weight=NUMBER)
            ),
            headers=record(request=record(set=TEXTS)),
        )
    ),
)
INFERENCE_POOL = record(
    selector=record(matchLabels=TEXTS),
    targetPorts=several(record(number=NUMBER)),
    endpointPickerRef=record(kind=TEXT, name=TEXT, port=record(number=NUMBER), failureMode=TEXT),
)
KINDS = (
    ("leaderworkerset.x-k8s.io", "v1", "LeaderWorkerSet", LEADER_WORKER_SET),
    ("serving.knative.dev", "v1", "Service", KNATIVE_SERVICE),
    ("ray.io", "v1", "RayCluster", RAY_CLUSTER),
    ("networking.istio.io", "v1beta1", "Sidecar", SIDECAR),
    ("networking.istio.io", "v1beta1", "VirtualService", VIRTUAL_SERVICE),
    ("keda.sh", "v1alpha1", "ScaledObject", SCALED_OBJECT),
    ("gateway.networking.k8s.io", "v1", "HTTPRoute", HTTP_ROUTE),
    ("inference.networking.k8s.io", "v1", "InferencePool", INFERENCE_POOL),
)


def crd(group: str, version: str, kind: str, spec: Json) -> Json:
    plural = f"{kind.lower()}s"
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{plural}.{group}",
            # The real server keeps other people's groups under *.k8s.io to those with an approval.
            "annotations": {"api-approved.kubernetes.io": "unapproved, for tests"},
        },
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {
                "kind": kind,
                "listKind": f"{kind}List",
                "plural": plural,
                "singular": kind.lower(),
            },
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "schema": {"openAPIV3Schema": record(spec=spec, status=ANY)},
                }
            ],
        },
    }


@contextmanager
def custom_kinds() -> Iterator[None]:
    """The kinds are served; those that were not before are gone afterwards."""
    made = []
    for item in (crd(*kind) for kind in KINDS):
        name = item["metadata"]["name"]
        if cluster.get("customresourcedefinitions", name) is None:
            cluster.create(item)
            made.append(name)
    try:
        yield
    finally:
        # Gone for good, or the next who asks whether they are there finds them on their way out.
        for name in made:
            cluster.delete("customresourcedefinitions", name, wait=0)
        for name in made:
            cluster.wait_gone("customresourcedefinitions", name)
