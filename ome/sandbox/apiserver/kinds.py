"""What is served: the built-in resources and those that CRDs add."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ome.api.openapi import SchemaNode, schema_for
from ome.kube.resource import Resource
from ome.sandbox.builtin import has_scale, has_status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["Kind", "Kinds", "custom_kinds", "version_rank"]

_VERSION = re.compile(r"v(?P<major>\d+)(?:(?P<level>alpha|beta)(?P<minor>\d+))?")
_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_GROUPS = {
    "": "core",
    "rbac.authorization.k8s.io": "rbac",
    "networking.k8s.io": "networking",
    "coordination.k8s.io": "coordination",
    "discovery.k8s.io": "discovery",
    "events.k8s.io": "events",
    "admissionregistration.k8s.io": "admissionregistration",
}
_CRD_SCHEMA = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition"

# (group, version, kind, plural, namespaced, short names, in category "all", more subresources)
_BUILT_IN: tuple[tuple[str, str, str, str, bool, str, bool, str], ...] = (
    ("", "v1", "ConfigMap", "configmaps", True, "cm", False, ""),
    ("", "v1", "Endpoints", "endpoints", True, "ep", False, ""),
    ("", "v1", "Event", "events", True, "ev", False, ""),
    ("", "v1", "Namespace", "namespaces", False, "ns", False, "finalize"),
    ("", "v1", "Node", "nodes", False, "no", False, ""),
    ("", "v1", "PersistentVolume", "persistentvolumes", False, "pv", False, ""),
    ("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", True, "pvc", False, ""),
    ("", "v1", "Pod", "pods", True, "po", True, "binding eviction log"),
    ("", "v1", "Secret", "secrets", True, "", False, ""),
    ("", "v1", "Service", "services", True, "svc", True, ""),
    ("", "v1", "ServiceAccount", "serviceaccounts", True, "sa", False, "token"),
    ("apps", "v1", "Deployment", "deployments", True, "deploy", True, ""),
    ("apps", "v1", "ReplicaSet", "replicasets", True, "rs", True, ""),
    ("apps", "v1", "StatefulSet", "statefulsets", True, "sts", True, ""),
    ("batch", "v1", "Job", "jobs", True, "", True, ""),
    (
        "autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", True,
        "hpa", True, "",
    ),
    ("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", True, "pdb", False, ""),
    ("networking.k8s.io", "v1", "Ingress", "ingresses", True, "ing", False, ""),
    ("coordination.k8s.io", "v1", "Lease", "leases", True, "", False, ""),
    ("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", True, "", False, ""),
    ("events.k8s.io", "v1", "Event", "events", True, "ev", False, ""),
    ("rbac.authorization.k8s.io", "v1", "Role", "roles", True, "", False, ""),
    ("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings", True, "", False, ""),
    ("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", False, "", False, ""),
    (
        "rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", False,
        "", False, "",
    ),
    (
        "admissionregistration.k8s.io", "v1", "MutatingWebhookConfiguration",
        "mutatingwebhookconfigurations", False, "", False, "",
    ),
    (
        "admissionregistration.k8s.io", "v1", "ValidatingWebhookConfiguration",
        "validatingwebhookconfigurations", False, "", False, "",
    ),
    (
        "apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions",
        False, "crd crds", False, "",
    ),
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Kind:
    """A resource as it is served at one version."""

    resource: Resource
    schema: SchemaNode
    singular: str
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: frozenset[str] = frozenset()
    custom: Mapping[str, Any] | None = None
    """The version of the CRD that made it; None for built-in kinds."""
    preferred: bool = True
    """Whether this is the version at which objects are stored."""
    definition: str = field(default="", compare=False)
    """Name of its schema in OpenAPI documents."""

    @property
    def gk(self) -> tuple[str, str]:
        return self.resource.group, self.resource.kind

    @property
    def list_kind(self) -> str:
        return f"{self.resource.kind}List"

    @cached_property
    def store(self) -> tuple[str, str]:
        """The collection that holds its objects: both Event kinds are views of one."""
        if self.resource.group == "events.k8s.io":
            return "", "events"
        return self.resource.group, self.resource.plural

    @property
    def is_event_view(self) -> bool:
        return self.custom is None and self.resource.group == "events.k8s.io"

    @property
    def status(self) -> bool:
        return "status" in self.subresources

    @property
    def columns(self) -> list[Mapping[str, Any]] | None:
        """``additionalPrinterColumns``; None for built-in kinds."""
        if self.custom is None:
            return None
        return list(self.custom.get("additionalPrinterColumns") or [])

    @property
    def scale_paths(self) -> tuple[str, str, str]:
        """Dotted paths of replicas in spec and status, and of the selector."""
        scale = ((self.custom or {}).get("subresources") or {}).get("scale") or {}
        return (
            str(scale.get("specReplicasPath", ".spec.replicas")).lstrip("."),
            str(scale.get("statusReplicasPath", ".status.replicas")).lstrip("."),
            str(scale.get("labelSelectorPath", "")).lstrip("."),
        )


class Kinds:
    """Everything that is served now, by group, version and plural."""

    def __init__(self) -> None:
        self._by_path: dict[tuple[str, str, str], Kind] = {}
        self.revision = 0
        """Counts changes, for what is computed from all kinds."""
        for entry in _BUILT_IN:
            self._add(_built_in(*entry))

    def __iter__(self) -> Iterator[Kind]:
        return iter(self._by_path.values())

    def find(self, group: str, version: str, plural: str) -> Kind | None:
        """The kind of a URL path."""
        return self._by_path.get((group, version, plural))

    def of_kind(self, group: str, kind: str) -> Kind | None:
        """The kind at the version at which it is stored."""
        for found in self._by_path.values():
            if found.gk == (group, kind) and found.preferred:
                return found
        return None

    def stored_as(self, kind: Kind) -> Kind:
        """The same kind at the version at which its objects are stored."""
        if kind.is_event_view:
            kind = self._by_path["", "v1", "events"]
        if kind.preferred:
            return kind
        found = self.of_kind(*kind.gk)
        return found or kind

    def served_version(self, group: str, version: str) -> list[Kind]:
        """The kinds of a group and version; empty when it is not served."""
        return [
            kind
            for kind in self._by_path.values()
            if kind.resource.group == group and kind.resource.version == version
        ]

    def versions(self) -> dict[str, list[str]]:
        """Versions by group, in the order in which groups were added, the preferred one first."""
        found: dict[str, list[str]] = {}
        for kind in self._by_path.values():
            versions = found.setdefault(kind.resource.group, [])
            if kind.resource.version not in versions:
                versions.append(kind.resource.version)
        return {group: sorted(versions, key=version_rank) for group, versions in found.items()}

    def set_custom(self, group: str, plural: str, kinds: Iterable[Kind]) -> None:
        """Serve these versions of a custom resource, and no others of it."""
        for path in [path for path in self._by_path if path[0] == group and path[2] == plural]:
            del self._by_path[path]
        for kind in kinds:
            self._add(kind)
        self.revision += 1

    def _add(self, kind: Kind) -> None:
        resource = kind.resource
        self._by_path[resource.group, resource.version, resource.plural] = kind


def version_rank(version: str) -> tuple[int, int, int, str]:
    """Where a version stands among those of its group: stable, beta, alpha, then all others."""
    parts = _VERSION.fullmatch(version)
    if parts is None:
        return 3, 0, 0, version
    level = ("", "beta", "alpha").index(parts["level"] or "")
    return level, -int(parts["major"]), -int(parts["minor"] or 0), ""


def custom_kinds(crd: Mapping[str, Any]) -> list[Kind]:
    """The kinds that a CustomResourceDefinition serves, one for each served version."""
    spec = crd["spec"]
    names = spec["names"]
    return [
        Kind(
            Resource(
                spec["group"],
                version["name"],
                names["kind"],
                names["plural"],
                namespaced=spec["scope"] == "Namespaced",
            ),
            _custom_schema((version.get("schema") or {}).get("openAPIV3Schema") or {}),
            names.get("singular") or names["kind"].lower(),
            tuple(names.get("shortNames") or ()),
            tuple(names.get("categories") or ()),
            frozenset(version.get("subresources") or {}),
            version,
            preferred=version["storage"],
            definition=_definition(spec["group"], version["name"], names["kind"]),
        )
        for version in spec["versions"]
        if version["served"]
    ]


def _custom_schema(raw: Mapping[str, Any]) -> SchemaNode:
    """With what every object has: a CRD's own schema does not describe it."""
    properties = {
        **raw.get("properties", {}),
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"$ref": f"#/components/schemas/{_META}"},
    }
    return SchemaNode({**raw, "type": "object", "properties": properties})


def _definition(group: str, version: str, kind: str) -> str:
    return ".".join([*reversed(group.split(".")), version, kind])


def _built_in(
    group: str,
    version: str,
    kind: str,
    plural: str,
    namespaced: bool,
    short: str,
    in_all: bool,
    more: str,
) -> Kind:
    definition = f"io.k8s.api.{_GROUPS.get(group, group)}.{version}.{kind}"
    if group == "apiextensions.k8s.io":
        definition = _CRD_SCHEMA
    subresources = set(more.split())
    if has_status((group, kind)):
        subresources.add("status")
    if has_scale((group, kind)):
        subresources.add("scale")
    return Kind(
        Resource(group, version, kind, plural, namespaced),
        schema_for(definition),
        kind.lower(),
        tuple(short.split()),
        ("all",) if in_all else ("api-extensions",) if definition == _CRD_SCHEMA else (),
        frozenset(subresources),
        definition=definition,
    )
