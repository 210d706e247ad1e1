"""The authorizer: bindings of a user and his groups, and the rules of the roles they give."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ome.sandbox.authorization.bindings import Bindings
from ome.sandbox.authorization.bootstrap import bootstrap
from ome.sandbox.authorization.roles import Roles
from ome.sandbox.authorization.wording import (
    forbidden_path,
    forbidden_resource,
    listed,
    role_missing,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ome.sandbox.authorization.rules import RuleSet

__all__ = ["Rbac"]

_MASTERS = "system:masters"
_MOST_REMEMBERED = 4096


class _Granted(NamedTuple):
    """What somebody has in a namespace, cluster-wide grants included."""

    rule_sets: tuple[RuleSet, ...]
    problems: tuple[str, ...]


class Rbac:
    """Decides by the roles and bindings that ``changed`` was told of; starts without any.

    What a user has is gathered at his first request in a namespace and remembered until any role
    or binding changes. Members of ``system:masters`` may do everything.
    """

    def __init__(self) -> None:
        self._roles = Roles()
        self._bindings = Bindings()
        self._remembered: dict[tuple[str, tuple[str, ...], str], _Granted] = {}

    @staticmethod
    def bootstrap() -> list[dict[str, Any]]:
        """The ClusterRoles and ClusterRoleBindings that a cluster has from the start."""
        return bootstrap()

    def changed(
        self, kind: str, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None
    ) -> None:
        """Take in a change of a Role, ClusterRole, RoleBinding or ClusterRoleBinding.

        The documents are kept; they must not be changed afterwards.
        """
        if kind in ("Role", "ClusterRole"):
            self._roles.changed(old, new)
        else:
            self._bindings.changed(old, new)
        self._remembered.clear()

    def allows(
        self,
        user: str,
        groups: Sequence[str],
        verb: str,
        group: str,
        resource: str,
        namespace: str,
        name: str,
    ) -> bool:
        """Whether a request for a resource is allowed.

        ``resource`` may be ``pods/log``; ``name`` is empty for create, and for lists unless a
        field selector names the object. The namespace of a Namespace is its own name.
        """
        if _MASTERS in groups:
            return True
        granted = self._granted(user, groups, namespace)
        return any(rules.allows(verb, group, resource, name) for rules in granted.rule_sets)

    def allows_path(self, user: str, groups: Sequence[str], verb: str, path: str) -> bool:
        """Whether a request for a path that names no resource is allowed."""
        if _MASTERS in groups:
            return True
        granted = self._granted(user, groups, "")
        return any(rules.allows_path(verb, path) for rules in granted.rule_sets)

    def explain(
        self,
        user: str,
        groups: Sequence[str],
        verb: str,
        group: str,
        resource: str,
        namespace: str,
        name: str,
    ) -> str:
        """The message of the 403 to a resource request that is not allowed."""
        said = forbidden_resource(user, verb, group, resource, namespace, name)
        return said + self._because(user, groups, namespace)

    def explain_path(self, user: str, groups: Sequence[str], verb: str, path: str) -> str:
        """The message of the 403 to a request for a path that is not allowed."""
        return forbidden_path(user, verb, path) + self._because(user, groups, "")

    def rules_for(self, user: str, groups: Sequence[str], namespace: str) -> dict[str, Any]:
        """The status of a ``SelfSubjectRulesReview``."""
        granted = self._granted(user, groups, namespace)
        rules = [rule for rule_set in granted.rule_sets for rule in rule_set.rules]
        status: dict[str, Any] = {
            "resourceRules": [
                _picked(rule, "verbs", "apiGroups", "resources", "resourceNames")
                for rule in rules
                if rule.get("resources")
            ],
            "nonResourceRules": [
                _picked(rule, "verbs", "nonResourceURLs")
                for rule in rules
                if rule.get("nonResourceURLs")
            ],
            "incomplete": False,
        }
        if granted.problems:
            status["evaluationError"] = listed(granted.problems)
        return status

    def _because(self, user: str, groups: Sequence[str], namespace: str) -> str:
        problems = self._granted(user, groups, namespace).problems
        return f": RBAC: {listed(problems)}" if problems else ""

    def _granted(self, user: str, groups: Sequence[str], namespace: str) -> _Granted:
        key = (user, tuple(groups), namespace)
        granted = self._remembered.get(key)
        if granted is None:
            if len(self._remembered) >= _MOST_REMEMBERED:
                self._remembered.clear()
            granted = self._remembered[key] = self._gather(user, groups, namespace)
        return granted

    def _gather(self, user: str, groups: Sequence[str], namespace: str) -> _Granted:
        refs = self._bindings.of(user, groups, "")
        if namespace:
            refs += self._bindings.of(user, groups, namespace)
        found: list[RuleSet] = []
        problems = []
        for ref in dict.fromkeys(refs):
            rules = self._roles.find(ref.namespace, ref.name)
            if rules is None:
                problems.append(role_missing(ref.kind, ref.name))
            else:
                found.append(rules)
        return _Granted(tuple(found), tuple(problems))


def _picked(rule: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: rule[name] for name in names if rule.get(name)}
