"""What the API server says to whom it forbids something."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["forbidden_path", "forbidden_resource", "listed", "role_missing"]


def forbidden_resource(
    user: str, verb: str, group: str, resource: str, namespace: str, name: str
) -> str:
    """The message about a resource request; ``resource`` may have a subresource."""
    plural = resource.partition("/")[0]
    what = f"{plural}.{group}" if group else plural
    if name:
        what += f" {_quoted(name)}"
    where = f"in the namespace {_quoted(namespace)}" if namespace else "at the cluster scope"
    return (
        f"{what} is forbidden: User {_quoted(user)} cannot {verb} resource {_quoted(resource)}"
        f" in API group {_quoted(group)} {where}"
    )


def forbidden_path(user: str, verb: str, path: str) -> str:
    """The message about a path that names no resource."""
    return f"forbidden: User {_quoted(user)} cannot {verb} path {_quoted(path)}"


def role_missing(kind: str, name: str) -> str:
    """A binding gives a role that does not exist."""
    return f"{kind.lower()}.rbac.authorization.k8s.io {_quoted(name)} not found"


def listed(problems: Sequence[str]) -> str:
    """Several problems as one text."""
    return problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
