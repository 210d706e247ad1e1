"""Rows of configuration: data, accounts, roles, hooks, definitions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.sandbox.tables.ages import age
from ome.sandbox.tables.shared import name

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["account", "binding", "configmap", "dated", "lease", "secret", "webhooks"]


def configmap(document: Mapping[str, Any], now: float) -> list[Any]:
    """The cells of a ConfigMap."""
    size = len(document.get("data") or ()) + len(document.get("binaryData") or ())
    return [name(document), size, _age(document, now)]


def secret(document: Mapping[str, Any], now: float) -> list[Any]:
    """The cells of a Secret."""
    type_, data = document.get("type", ""), document.get("data") or ()
    return [name(document), type_, len(data), _age(document, now)]


def account(document: Mapping[str, Any], now: float) -> list[Any]:
    """The cells of a ServiceAccount."""
    return [name(document), _age(document, now)]


def lease(document: Mapping[str, Any], now: float) -> list[Any]:
    """The cells of a Lease."""
    holder = (document.get("spec") or {}).get("holderIdentity", "")
    return [name(document), holder, _age(document, now)]


def dated(document: Mapping[str, Any], now: float) -> list[Any]:
    """The cells of a role or a definition: when it was made, not how long ago."""
    return [name(document), document["metadata"].get("creationTimestamp")]


def binding(document: Mapping[str, Any], now: float) -> list[Any]:
    """The cells of a RoleBinding or a ClusterRoleBinding."""
    ref = document.get("roleRef") or {}
    shown: dict[str, list[str]] = {"User": [], "Group": [], "ServiceAccount": []}
    for subject in document.get("subjects") or ():
        text = subject.get("name", "")
        kind = subject.get("kind", "")
        if kind == "ServiceAccount":
            text = f"{subject.get('namespace', '')}/{text}"
        shown.setdefault(kind, []).append(text)
    return [
        name(document),
        f"{ref.get('kind', '')}/{ref.get('name', '')}",
        _age(document, now),
        *(", ".join(shown[kind]) for kind in ("User", "Group", "ServiceAccount")),
    ]


def webhooks(document: Mapping[str, Any], now: float) -> list[Any]:
    """The cells of a webhook configuration."""
    return [name(document), len(document.get("webhooks") or ()), _age(document, now)]


def _age(document: Mapping[str, Any], now: float) -> str:
    return age(document["metadata"].get("creationTimestamp"), now)
