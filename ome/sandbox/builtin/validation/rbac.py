"""Roles and bindings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.sandbox.builtin import names
from ome.sandbox.builtin.causes import invalid, not_supported, required
from ome.sandbox.builtin.validation.selectors import validate_selector

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ome.sandbox.refusal import Cause

__all__ = [
    "validate_cluster_role",
    "validate_cluster_role_binding",
    "validate_role",
    "validate_role_binding",
]

_GROUP = "rbac.authorization.k8s.io"
_SUBJECTS = ("ServiceAccount", "User", "Group")


def validate_role(document: Mapping[str, Any], old: Mapping[str, Any] | None) -> Iterator[Cause]:
    """A Role."""
    yield from _rules(document, namespaced=True)


def validate_cluster_role(
    document: Mapping[str, Any], old: Mapping[str, Any] | None
) -> Iterator[Cause]:
    """A ClusterRole, with what it is made of."""
    yield from _rules(document, namespaced=False)
    aggregation = document.get("aggregationRule")
    if aggregation is None:
        return
    field = "aggregationRule.clusterRoleSelectors"
    if not aggregation.get("clusterRoleSelectors"):
        yield required(
            field, "at least one clusterRoleSelector required if aggregationRule is non-nil"
        )
    for index, selector in enumerate(aggregation.get("clusterRoleSelectors") or ()):
        at = f"{field}[{index}]"
        wrong = validate_selector(selector, at)
        yield from wrong
        if wrong:
            yield invalid(at, None, "invalid label selector.")


def validate_role_binding(
    document: Mapping[str, Any], old: Mapping[str, Any] | None
) -> Iterator[Cause]:
    """A RoleBinding."""
    yield from _binding(document, old, ("Role", "ClusterRole"), namespaced=True)


def validate_cluster_role_binding(
    document: Mapping[str, Any], old: Mapping[str, Any] | None
) -> Iterator[Cause]:
    """A ClusterRoleBinding; it gives ClusterRoles only."""
    yield from _binding(document, old, ("ClusterRole",), namespaced=False)


def _rules(document: Mapping[str, Any], *, namespaced: bool) -> Iterator[Cause]:
    for index, rule in enumerate(document.get("rules") or ()):
        at = f"rules[{index}]"
        if not rule.get("verbs"):
            yield required(f"{at}.verbs", "verbs must contain at least one value")
        if paths := rule.get("nonResourceURLs"):
            yield from _paths(rule, paths, f"{at}.nonResourceURLs", namespaced=namespaced)
            continue
        if not rule.get("apiGroups"):
            yield required(f"{at}.apiGroups", "resource rules must supply at least one api group")
        if not rule.get("resources"):
            yield required(f"{at}.resources", "resource rules must supply at least one resource")


def _paths(
    rule: Mapping[str, Any], paths: list[str], field: str, *, namespaced: bool
) -> Iterator[Cause]:
    if namespaced:
        yield invalid(field, paths, "namespaced rules cannot apply to non-resource URLs")
    if any(rule.get(name) for name in ("apiGroups", "resources", "resourceNames")):
        yield invalid(
            field, paths, "rules cannot apply to both regular resources and non-resource URLs"
        )


def _binding(
    document: Mapping[str, Any],
    old: Mapping[str, Any] | None,
    kinds: tuple[str, ...],
    *,
    namespaced: bool,
) -> Iterator[Cause]:
    ref = document.get("roleRef", {})
    if ref.get("apiGroup") != _GROUP:
        yield not_supported("roleRef.apiGroup", ref.get("apiGroup", ""), (_GROUP,))
    if ref.get("kind") not in kinds:
        yield not_supported("roleRef.kind", ref.get("kind", ""), kinds)
    name = ref.get("name", "")
    if not name:
        yield required("roleRef.name")
    for text in names.path_segment(name):
        yield invalid("roleRef.name", name, text)
    for index, subject in enumerate(document.get("subjects") or ()):
        yield from _subject(subject, f"subjects[{index}]", namespaced=namespaced)
    if old is not None and ref != old.get("roleRef", {}):
        shown = {"APIGroup": ref.get("apiGroup", ""), "Kind": ref.get("kind", ""), "Name": name}
        yield invalid("roleRef", shown, "cannot change roleRef")


def _subject(subject: Mapping[str, Any], field: str, *, namespaced: bool) -> Iterator[Cause]:
    kind, name, group = (subject.get(key, "") for key in ("kind", "name", "apiGroup"))
    if not name:
        yield required(f"{field}.name")
    if kind == "ServiceAccount":
        for text in names.dns_subdomain(name) if name else ():
            yield invalid(f"{field}.name", name, text)
        if group:
            yield not_supported(f"{field}.apiGroup", group, ("",))
        if not namespaced and not subject.get("namespace"):
            yield required(f"{field}.namespace")
    elif kind not in _SUBJECTS:
        yield not_supported(f"{field}.kind", kind, _SUBJECTS)
    elif group != _GROUP:
        yield not_supported(f"{field}.apiGroup", group, (_GROUP,))
