"""Bindings by subject: which roles a user or a group was given where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["Bindings", "RoleRef"]

_Subject = tuple[str, str]


class RoleRef(NamedTuple):
    """The role that a binding gives; ``namespace`` is empty for a ClusterRole."""

    kind: str
    namespace: str
    name: str


class Bindings:
    """RoleBindings and ClusterRoleBindings (which have the empty namespace)."""

    def __init__(self) -> None:
        self._by_subject: dict[tuple[str, _Subject], dict[str, RoleRef]] = {}

    def changed(self, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> None:
        """Take in that a binding was made, replaced or deleted."""
        if old is not None:
            self._remove(old)
        if new is not None:
            self._add(new)

    def of(self, user: str, groups: Sequence[str], namespace: str) -> list[RoleRef]:
        """The roles bound in a namespace (empty: in the cluster), by names of their bindings."""
        subjects = [("User", user), *(("Group", group) for group in groups)]
        found: dict[str, RoleRef] = {}
        for subject in subjects:
            found.update(self._by_subject.get((namespace, subject), {}))
        return [found[name] for name in sorted(found)]

    def _add(self, binding: Mapping[str, Any]) -> None:
        name, namespace = _names(binding)
        ref = binding["roleRef"]
        role = RoleRef(ref["kind"], namespace if ref["kind"] == "Role" else "", ref["name"])
        for subject in _subjects(binding, namespace):
            self._by_subject.setdefault((namespace, subject), {})[name] = role

    def _remove(self, binding: Mapping[str, Any]) -> None:
        name, namespace = _names(binding)
        for subject in set(_subjects(binding, namespace)):
            bound = self._by_subject.get((namespace, subject), {})
            bound.pop(name, None)
            if not bound:
                self._by_subject.pop((namespace, subject), None)


def _names(binding: Mapping[str, Any]) -> tuple[str, str]:
    metadata = binding["metadata"]
    return metadata["name"], metadata.get("namespace") or ""


def _subjects(binding: Mapping[str, Any], namespace: str) -> Iterator[_Subject]:
    for subject in binding.get("subjects") or ():
        if subject["kind"] != "ServiceAccount":
            yield subject["kind"], subject["name"]
        elif home := subject.get("namespace") or namespace:
            yield "User", f"system:serviceaccount:{home}:{subject['name']}"
