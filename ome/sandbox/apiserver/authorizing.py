"""Whether a user may do what a call asks for.

The rules follow the store: a role or a binding counts from the moment at which it is stored.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ome.sandbox.apiserver.calls import Target, User
from ome.sandbox.authorization import Rbac
from ome.sandbox.refusal import Cause, Refused, invalid

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ome.sandbox.apiserver.storage import Store
    from ome.sandbox.stored import Stored

__all__ = ["Authorizing"]

_GROUP = "rbac.authorization.k8s.io"
_KINDS = {
    "roles": "Role",
    "clusterroles": "ClusterRole",
    "rolebindings": "RoleBinding",
    "clusterrolebindings": "ClusterRoleBinding",
}


class Authorizing:
    """RBAC over the roles and bindings of a store; ``system:masters`` may do everything."""

    def __init__(self, store: Store) -> None:
        self._rbac = Rbac()
        for plural, kind in _KINDS.items():
            collection = store.collection(_GROUP, plural)
            collection.subscribe(partial(self._changed, kind), replay=True)

    def allows(self, user: User, verb: str, target: Target) -> bool:
        """Whether a request for a resource is allowed."""
        return self._rbac.allows(user.name, user.groups, verb, *_asked(target))

    def allows_path(self, user: User, verb: str, path: str) -> bool:
        """Whether a request for a path that names no resource is allowed."""
        return self._rbac.allows_path(user.name, user.groups, verb, path)

    def check(self, user: User, verb: str, target: Target) -> None:
        """Raises ``Refused`` 403 when a request for a resource is not allowed."""
        if self.allows(user, verb, target):
            return
        details = {"name": target.name, "group": target.group, "kind": target.plural}
        raise Refused(
            403,
            "Forbidden",
            self._rbac.explain(user.name, user.groups, verb, *_asked(target)),
            details={name: value for name, value in details.items() if value},
        )

    def check_path(self, user: User, verb: str, path: str) -> None:
        """Raises ``Refused`` 403 when a request for a path without a resource is not allowed."""
        if not self.allows_path(user, verb, path):
            said = self._rbac.explain_path(user.name, user.groups, verb, path)
            raise Refused(403, "Forbidden", said)

    def access(self, user: User | None, spec: Mapping[str, Any]) -> dict[str, Any]:
        """The status of a review of access; ``spec`` asks for a resource or for a path.

        Without ``user`` the spec names him (``SubjectAccessReview``). Raises ``Refused`` 422 when
        nothing or both are asked for, or nobody is named.
        """
        resource, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
        if wrong := [*_wrong_question(resource, path), *_wrong_subject(user, spec)]:
            raise invalid("authorization.k8s.io", "", "", wrong)
        if user is None:
            user = User(spec.get("user") or "", tuple(spec.get("groups") or ()))
        if path is not None:
            return {"allowed": self.allows_path(user, path.get("verb", ""), path.get("path", ""))}
        resource = resource or {}
        target = Target(
            resource.get("group", ""),
            resource.get("version", ""),
            resource.get("resource", ""),
            resource.get("namespace", ""),
            resource.get("name", ""),
            resource.get("subresource", ""),
        )
        return {"allowed": self.allows(user, resource.get("verb", ""), target)}

    def rules(self, user: User, namespace: str) -> dict[str, Any]:
        """The status of a ``SelfSubjectRulesReview``."""
        return self._rbac.rules_for(user.name, user.groups, namespace)

    def _changed(self, kind: str, old: Stored | None, new: Stored | None) -> None:
        self._rbac.changed(kind, old.load() if old else None, new.load() if new else None)


def _wrong_question(
    resource: Mapping[str, Any] | None, path: Mapping[str, Any] | None
) -> Iterator[Cause]:
    if resource is not None and path is not None:
        yield Cause(
            "FieldValueInvalid",
            "spec.nonResourceAttributes",
            "Invalid value: cannot be specified in combination with resourceAttributes",
        )
    elif resource is None and path is None:
        yield Cause(
            "FieldValueInvalid",
            "spec.resourceAttributes",
            "Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must"
            " be specified",
        )


def _wrong_subject(user: User | None, spec: Mapping[str, Any]) -> Iterator[Cause]:
    if user is None and not spec.get("user") and not spec.get("groups"):
        yield Cause(
            "FieldValueInvalid",
            "spec.user",
            'Invalid value: "": at least one of user or group must be specified',
        )


def _asked(target: Target) -> tuple[str, str, str, str]:
    """Group, resource, namespace and name as roles speak of them."""
    resource = f"{target.plural}/{target.subresource}" if target.subresource else target.plural
    namespace = target.namespace
    if not target.group and target.plural == "namespaces":
        namespace = target.name
    return target.group, resource, namespace, target.name
