"""What a part of the operator asks of the API server, declared beside the code that asks.

A role is the sum of such declarations and nothing else, so what is granted is what is declared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ome.kube.resource import Resource

__all__ = [
    "Permission",
    "changes",
    "keeps",
    "may",
    "owns",
    "reads",
    "rules",
    "writes_status",
]

_VERBS = ("get", "list", "watch", "create", "update", "patch", "delete")
_READ = ("get", "list", "watch")


@dataclass(frozen=True, slots=True)
class Permission:
    """Verbs on one resource or subresource."""

    resource: Resource
    verbs: tuple[str, ...]
    subresource: str = ""
    own: bool = False
    """Only in the operator's own namespace."""
    names: tuple[str, ...] = ()
    """Only objects of these names; empty means all."""

    @property
    def plural(self) -> str:
        """As rules name it: ``pods`` or ``pods/status``."""
        plural = self.resource.plural
        return f"{plural}/{self.subresource}" if self.subresource else plural


def may(
    resource: Resource,
    *verbs: str,
    subresource: str = "",
    own: bool = False,
    names: tuple[str, ...] = (),
) -> Permission:
    """Just these verbs. ``create`` knows no name, so it cannot be limited by one."""
    return Permission(resource, verbs, subresource, own, names)


def reads(*resources: Resource, own: bool = False) -> tuple[Permission, ...]:
    """Through a cache, or one by one."""
    return tuple(Permission(resource, _READ, own=own) for resource in resources)


def keeps(*resources: Resource) -> tuple[Permission, ...]:
    """Objects that we make: watched, applied and deleted."""
    return tuple(
        Permission(resource, (*_READ, "create", "patch", "delete")) for resource in resources
    )


def changes(*resources: Resource) -> tuple[Permission, ...]:
    """Objects of users of which we change metadata or fill in the spec."""
    return tuple(Permission(resource, (*_READ, "patch")) for resource in resources)


def writes_status(*resources: Resource) -> tuple[Permission, ...]:
    """Kinds whose status is ours."""
    return tuple(Permission(resource, ("patch",), "status") for resource in resources)


def owns(*resources: Resource) -> tuple[Permission, ...]:
    """Kinds that owner references of ours name, which a cluster may restrict by this."""
    return tuple(Permission(resource, ("update",), "finalizers") for resource in resources)


def rules(permissions: Iterable[Permission]) -> list[dict[str, Any]]:
    """RBAC rules that grant just these, in a fixed order: by group, resource, verb.

    Resources of a group with the same verbs share a rule.
    """
    granted: dict[tuple[str, str, tuple[str, ...]], set[str]] = {}
    for entry in permissions:
        key = (entry.resource.group, entry.plural, tuple(sorted(entry.names)))
        granted.setdefault(key, set()).update(entry.verbs)
    shared: dict[tuple[str, tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for (group, plural, names), verbs in sorted(granted.items()):
        # A name adds nothing where the verb is granted on all.
        extra = verbs - granted.get((group, plural, ()), set()) if names else verbs
        if ordered := tuple(sorted(extra, key=_VERBS.index)):
            shared.setdefault((group, names, ordered), []).append(plural)
    return [
        {
            "apiGroups": [group],
            "resources": plurals,
            **({"resourceNames": list(names)} if names else {}),
            "verbs": list(verbs),
        }
        for (group, names, verbs), plurals in shared.items()
    ]
