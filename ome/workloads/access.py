"""What a router may see: the pods of its namespace, through a ServiceAccount of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ome.workloads.inputs import Component
    from ome.workloads.metadata import ComponentMetadata

__all__ = ["router_access", "router_account"]

_GROUP = "rbac.authorization.k8s.io"


def router_account(metadata: ComponentMetadata, component: Component) -> str:
    """The ServiceAccount of a router's pods: the one that the service itself names, else ours."""
    return str(component.own.get("serviceAccountName") or metadata.name)


def router_access(metadata: ComponentMetadata, account: str) -> list[dict[str, Any]]:
    """ServiceAccount, Role and RoleBinding; an account of the user is bound, not made."""
    described = metadata.object(annotations={}, labels=metadata.common)
    del described["annotations"]
    role = {
        "apiVersion": f"{_GROUP}/v1",
        "kind": "Role",
        "metadata": described,
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}],
    }
    binding = {
        "apiVersion": f"{_GROUP}/v1",
        "kind": "RoleBinding",
        "metadata": _copy(described),
        "roleRef": {"apiGroup": _GROUP, "kind": "Role", "name": metadata.name},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": metadata.namespace}],
    }
    if account != metadata.name:
        return [role, binding]
    own = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _copy(described)}
    return [own, role, binding]


def _copy(described: dict[str, Any]) -> dict[str, Any]:
    return {
        **described,
        "labels": dict(described["labels"]),
        "ownerReferences": [dict(item) for item in described["ownerReferences"]],
    }
