"""The resources that the simulated cluster works with, and how to follow all that are served."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ome.kube.resource import Resource
from ome.kube.resources import (
    CONFIGMAPS,
    CORE_EVENTS,
    CRDS,
    DEPLOYMENTS,
    ENDPOINT_SLICES,
    HPAS,
    INGRESSES,
    JOBS,
    LEASES,
    MUTATING_WEBHOOKS,
    NAMESPACES,
    NODES,
    PDBS,
    PODS,
    PVCS,
    REPLICA_SETS,
    ROLE_BINDINGS,
    ROLES,
    SECRETS,
    SERVICE_ACCOUNTS,
    SERVICES,
    VALIDATING_WEBHOOKS,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from ome.sandbox.local import LocalApi
    from ome.sandbox.stored import Stored

__all__ = ["BUILT_IN", "ENDPOINTS", "LWS_GROUP", "STATEFUL_SETS", "follow_all"]

ENDPOINTS = Resource("", "v1", "Endpoints", "endpoints")
STATEFUL_SETS = Resource("apps", "v1", "StatefulSet", "statefulsets")
LWS_GROUP = "leaderworkerset.x-k8s.io"

# Without events: they own nothing, nobody owns them, and they may be many.
BUILT_IN = (
    CONFIGMAPS,
    CRDS,
    DEPLOYMENTS,
    ENDPOINTS,
    ENDPOINT_SLICES,
    HPAS,
    INGRESSES,
    JOBS,
    LEASES,
    NAMESPACES,
    NODES,
    PDBS,
    PODS,
    PVCS,
    REPLICA_SETS,
    ROLES,
    ROLE_BINDINGS,
    SECRETS,
    SERVICES,
    SERVICE_ACCOUNTS,
    STATEFUL_SETS,
    Resource("", "v1", "PersistentVolume", "persistentvolumes", namespaced=False),
    Resource(ROLES.group, "v1", "ClusterRole", "clusterroles", namespaced=False),
    Resource(ROLES.group, "v1", "ClusterRoleBinding", "clusterrolebindings", namespaced=False),
    MUTATING_WEBHOOKS,
    VALIDATING_WEBHOOKS,
)
NAMESPACED = (*(resource for resource in BUILT_IN if resource.namespaced), CORE_EVENTS)
"""What a namespace is emptied of, custom resources apart."""


class _Names(msgspec.Struct):
    kind: str
    plural: str


class _Version(msgspec.Struct):
    name: str
    storage: bool = False
    served: bool = False


class _CrdSpec(msgspec.Struct):
    group: str
    scope: str
    names: _Names
    versions: list[_Version]


class _Crd(msgspec.Struct):
    spec: _CrdSpec


_decode_crd = msgspec.json.Decoder(_Crd).decode


def follow_all(
    local: LocalApi,
    handler: Callable[[Resource, Stored | None, Stored | None], None],
    known: Callable[[Resource], None] | None = None,
) -> None:
    """Call ``handler`` for each change of each object but events, now and of kinds that come.

    ``known`` is told of each resource first. A CRD that goes and comes back is followed once.
    """
    followed: set[tuple[str, str]] = set()

    def follow(resource: Resource) -> None:
        if (resource.group, resource.plural) in followed:
            return
        followed.add((resource.group, resource.plural))
        if known is not None:
            known(resource)
        local.subscribe(resource, lambda old, new: handler(resource, old, new))

    def of_crd(_: Stored | None, new: Stored | None) -> None:
        if new is not None:
            follow(_of_crd(_decode_crd(new.raw).spec))

    for resource in BUILT_IN:
        follow(resource)
    local.subscribe(CRDS, of_crd)


def _of_crd(spec: _CrdSpec) -> Resource:
    version = next((v for v in spec.versions if v.storage), spec.versions[0])
    return Resource(
        spec.group,
        version.name,
        spec.names.kind,
        spec.names.plural,
        namespaced=spec.scope == "Namespaced",
    )
