"""The roles and bindings that a cluster has from the start, as v1.36 has them.

Only what users and operators meet: the roles of kube-system's own components are left out, since
the sandbox's components ask nobody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.sandbox.authorization.roles import aggregated_rules

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["bootstrap"]

_GROUP = "rbac.authorization.k8s.io"
_READ = ("get", "list", "watch")
_WRITE = ("create", "delete", "deletecollection", "patch", "update")
_HEALTH = ("/healthz", "/livez", "/readyz", "/version", "/version/")
_ALL_GROUPS = ("system:authenticated", "system:unauthenticated")

_Rule = tuple[str, str, tuple[str, ...]]
"""API groups and resources, each separated by blanks (the core group is ``core``), and verbs."""

_VIEW: tuple[_Rule, ...] = (
    (
        "core",
        "configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods"
        " replicationcontrollers replicationcontrollers/scale serviceaccounts services"
        " services/status",
        _READ,
    ),
    (
        "core",
        "bindings limitranges namespaces/status pods/log pods/status"
        " replicationcontrollers/status resourcequotas resourcequotas/status",
        _READ,
    ),
    ("core", "namespaces", _READ),
    ("core events.k8s.io", "events", _READ),
    ("discovery.k8s.io", "endpointslices", _READ),
    (
        "apps",
        "controllerrevisions daemonsets daemonsets/status deployments deployments/scale"
        " deployments/status replicasets replicasets/scale replicasets/status statefulsets"
        " statefulsets/scale statefulsets/status",
        _READ,
    ),
    ("autoscaling", "horizontalpodautoscalers horizontalpodautoscalers/status", _READ),
    ("batch", "cronjobs cronjobs/status jobs jobs/status", _READ),
    (
        "extensions",
        "daemonsets daemonsets/status deployments deployments/scale deployments/status ingresses"
        " ingresses/status networkpolicies replicasets replicasets/scale replicasets/status"
        " replicationcontrollers/scale",
        _READ,
    ),
    ("policy", "poddisruptionbudgets poddisruptionbudgets/status", _READ),
    ("networking.k8s.io", "ingresses ingresses/status networkpolicies", _READ),
    ("resource.k8s.io", "resourceclaims resourceclaims/status resourceclaimtemplates", _READ),
)
_EDIT: tuple[_Rule, ...] = (
    (
        "core",
        "pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy",
        _READ,
    ),
    ("core", "serviceaccounts", ("impersonate",)),
    ("core", "pods pods/attach pods/exec pods/portforward pods/proxy", _WRITE),
    ("core", "pods/eviction", ("create",)),
    (
        "core",
        "configmaps persistentvolumeclaims replicationcontrollers replicationcontrollers/scale"
        " secrets serviceaccounts services services/proxy",
        _WRITE,
    ),
    ("core", "serviceaccounts/token", ("create",)),
    ("core events.k8s.io", "events", _WRITE),
    (
        "apps",
        "daemonsets deployments deployments/rollback deployments/scale replicasets"
        " replicasets/scale statefulsets statefulsets/scale",
        _WRITE,
    ),
    ("autoscaling", "horizontalpodautoscalers", _WRITE),
    ("batch", "cronjobs jobs", _WRITE),
    (
        "extensions",
        "daemonsets deployments deployments/rollback deployments/scale ingresses networkpolicies"
        " replicasets replicasets/scale replicationcontrollers/scale",
        _WRITE,
    ),
    ("policy", "poddisruptionbudgets", _WRITE),
    ("networking.k8s.io", "ingresses networkpolicies", _WRITE),
    ("coordination.k8s.io", "leases", tuple(sorted(_READ + _WRITE))),
    ("resource.k8s.io", "resourceclaims resourceclaimtemplates", _WRITE),
)
_ADMIN: tuple[_Rule, ...] = (
    ("authorization.k8s.io", "localsubjectaccessreviews", ("create",)),
    (_GROUP, "rolebindings roles", tuple(sorted(_READ + _WRITE))),
)
_BASIC_USER: tuple[_Rule, ...] = (
    ("authorization.k8s.io", "selfsubjectaccessreviews selfsubjectrulesreviews", ("create",)),
    ("authentication.k8s.io", "selfsubjectreviews", ("create",)),
)
_DISCOVERY = (
    *("/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez"),
    *("/openapi", "/openapi/*", "/readyz", "/version", "/version/"),
)


def bootstrap() -> list[dict[str, Any]]:
    """ClusterRoles, with the rules of the aggregated ones filled in, and ClusterRoleBindings."""
    roles = {
        role["metadata"]["name"]: role
        for role in (
            _role("cluster-admin", [*_rules([("*", "*", ("*",))]), _paths(("*",), "*")]),
            _role("system:discovery", [_paths(_DISCOVERY, "get")]),
            _role("system:basic-user", _rules(_BASIC_USER)),
            _role("system:public-info-viewer", [_paths(_HEALTH, "get")]),
            _role("system:aggregate-to-admin", _rules(_ADMIN), part_of="admin"),
            _role("system:aggregate-to-edit", _rules(_EDIT), part_of="edit"),
            _role("system:aggregate-to-view", _rules(_VIEW), part_of="view"),
            _aggregated("admin"),
            _aggregated("edit", part_of="admin"),
            _aggregated("view", part_of="edit"),
        )
    }
    for role in roles.values():
        if "aggregationRule" in role:
            role["rules"] = [dict(rule) for rule in aggregated_rules(role, roles)]
    return [
        *roles.values(),
        _binding("cluster-admin", ("system:masters",)),
        _binding("system:discovery", ("system:authenticated",)),
        _binding("system:basic-user", ("system:authenticated",)),
        _binding("system:public-info-viewer", _ALL_GROUPS),
    ]


def _rules(rules: Iterable[_Rule]) -> list[dict[str, Any]]:
    return [
        {
            "apiGroups": ["" if group == "core" else group for group in groups.split()],
            "resources": resources.split(),
            "verbs": list(verbs),
        }
        for groups, resources, verbs in rules
    ]


def _paths(paths: Iterable[str], verb: str) -> dict[str, Any]:
    return {"nonResourceURLs": list(paths), "verbs": [verb]}


def _document(kind: str, name: str, labels: dict[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": f"{_GROUP}/v1",
        "kind": kind,
        "metadata": {
            "name": name,
            "labels": {"kubernetes.io/bootstrapping": "rbac-defaults", **labels},
            "annotations": {"rbac.authorization.kubernetes.io/autoupdate": "true"},
        },
    }


def _role(name: str, rules: list[dict[str, Any]], part_of: str = "") -> dict[str, Any]:
    labels = {f"{_GROUP}/aggregate-to-{part_of}": "true"} if part_of else {}
    return {**_document("ClusterRole", name, labels), "rules": rules}


def _aggregated(name: str, part_of: str = "") -> dict[str, Any]:
    selector = {"matchLabels": {f"{_GROUP}/aggregate-to-{name}": "true"}}
    return {**_role(name, [], part_of), "aggregationRule": {"clusterRoleSelectors": [selector]}}


def _binding(name: str, groups: Iterable[str]) -> dict[str, Any]:
    return {
        **_document("ClusterRoleBinding", name, {}),
        "roleRef": {"apiGroup": _GROUP, "kind": "ClusterRole", "name": name},
        "subjects": [{"apiGroup": _GROUP, "kind": "Group", "name": group} for group in groups],
    }
