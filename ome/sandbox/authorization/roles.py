"""The roles there are, and what an aggregated ClusterRole is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.sandbox.authorization.rules import RuleSet
from ome.sandbox.selectors import selector_of

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Roles", "aggregated_rules"]


class Roles:
    """Roles by (namespace, name), ClusterRoles with the empty namespace; compiled on first use."""

    def __init__(self) -> None:
        self._documents: dict[tuple[str, str], Mapping[str, Any]] = {}
        self._compiled: dict[tuple[str, str], RuleSet] = {}

    def changed(self, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> None:
        """Take in that a role was made, replaced or deleted."""
        key = _key(new or old or {})
        if new is None:
            self._documents.pop(key, None)
        else:
            self._documents[key] = new
        self._compiled.pop(key, None)
        if not key[0]:
            self._forget_aggregated()

    def find(self, namespace: str, name: str) -> RuleSet | None:
        """The rules of a role; None when it does not exist."""
        key = (namespace, name)
        found = self._compiled.get(key)
        if found is None and key in self._documents:
            document = self._documents[key]
            if document.get("aggregationRule"):
                rules = aggregated_rules(document, self._cluster_roles())
            else:
                rules = document.get("rules") or []
            found = self._compiled[key] = RuleSet(rules)
        return found

    def _cluster_roles(self) -> dict[str, Mapping[str, Any]]:
        return {name: role for (ns, name), role in self._documents.items() if not ns}

    def _forget_aggregated(self) -> None:
        for key in [key for key in self._compiled if not key[0]]:
            if self._documents.get(key, {}).get("aggregationRule"):
                del self._compiled[key]


def aggregated_rules(
    role: Mapping[str, Any], cluster_roles: Mapping[str, Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """The rules of all ClusterRoles that a role's ``aggregationRule`` selects, each once.

    A selected role may itself be aggregated. Roles that select each other have the same rules.
    """
    found: list[Mapping[str, Any]] = []
    _gather(role, cluster_roles, {role["metadata"]["name"]}, found)
    return found


def _gather(
    role: Mapping[str, Any],
    cluster_roles: Mapping[str, Mapping[str, Any]],
    visited: set[str],
    found: list[Mapping[str, Any]],
) -> None:
    aggregation = role.get("aggregationRule")
    if not aggregation:
        found += [rule for rule in role.get("rules") or () if rule not in found]
        return
    for selector in aggregation.get("clusterRoleSelectors") or ():
        chosen = selector_of(selector)
        for name in sorted(cluster_roles.keys() - visited):
            other = cluster_roles[name]
            if chosen.matches(other["metadata"].get("labels") or {}):
                visited.add(name)
                _gather(other, cluster_roles, visited, found)


def _key(role: Mapping[str, Any]) -> tuple[str, str]:
    metadata = role["metadata"]
    return metadata.get("namespace") or "", metadata["name"]
