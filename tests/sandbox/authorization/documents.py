"""Roles and bindings for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.sandbox.authorization import Rbac

if TYPE_CHECKING:
    from collections.abc import Iterable

GROUP = "rbac.authorization.k8s.io"


def rule(verbs: str, groups: str, resources: str, names: str = "") -> dict[str, Any]:
    """Lists separated by blanks; the core group is ``core``."""
    named = {"resourceNames": names.split()} if names else {}
    return {
        "verbs": verbs.split(),
        "apiGroups": ["" if group == "core" else group for group in groups.split()],
        "resources": resources.split(),
        **named,
    }


def role(name: str, *rules: dict[str, Any], namespace: str = "", **labels: str) -> dict[str, Any]:
    metadata = {"name": name, "labels": labels, **({"namespace": namespace} if namespace else {})}
    return {
        "kind": "Role" if namespace else "ClusterRole",
        "metadata": metadata,
        "rules": list(rules),
    }


def aggregated(name: str, wanted: str, **labels: str) -> dict[str, Any]:
    selector = {"matchLabels": {wanted: "true"}}
    return {**role(name, **labels), "aggregationRule": {"clusterRoleSelectors": [selector]}}


def binding(
    name: str, to: str, *subjects: dict[str, str], namespace: str = "", kind: str = "ClusterRole"
) -> dict[str, Any]:
    return {
        "kind": "RoleBinding" if namespace else "ClusterRoleBinding",
        "metadata": {"name": name, **({"namespace": namespace} if namespace else {})},
        "roleRef": {"apiGroup": GROUP, "kind": kind, "name": to},
        "subjects": list(subjects),
    }


def user(name: str) -> dict[str, str]:
    return {"kind": "User", "apiGroup": GROUP, "name": name}


def group(name: str) -> dict[str, str]:
    return {"kind": "Group", "apiGroup": GROUP, "name": name}


def account(namespace: str, name: str) -> dict[str, str]:
    return {"kind": "ServiceAccount", "namespace": namespace, "name": name}


def rbac_of(documents: Iterable[dict[str, Any]]) -> Rbac:
    rbac = Rbac()
    for document in documents:
        rbac.changed(document["kind"], None, document)
    return rbac
