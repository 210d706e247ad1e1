"""Discovery: what is served, by group and version, in the old and the aggregated form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ome.sandbox.apiserver.kinds import Kind, Kinds

__all__ = ["aggregated", "group", "groups", "resources", "versions"]

_VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
_CLIENTS = [{"clientCIDR": "0.0.0.0/0", "serverAddress": ""}]
_REVIEWS = {
    ("authorization.k8s.io", "v1"): (
        ("selfsubjectaccessreviews", "SelfSubjectAccessReview"),
        ("selfsubjectrulesreviews", "SelfSubjectRulesReview"),
        ("subjectaccessreviews", "SubjectAccessReview"),
    ),
    ("authentication.k8s.io", "v1"): (("selfsubjectreviews", "SelfSubjectReview"),),
}
_SUBRESOURCE_VERBS = {
    "status": (None, ["get", "patch", "update"]),
    "scale": ("autoscaling/v1/Scale", ["get", "patch", "update"]),
    "binding": ("v1/Binding", ["create"]),
    "eviction": ("policy/v1/Eviction", ["create"]),
    "finalize": (None, ["update"]),
    "log": (None, ["get"]),
    "token": ("authentication.k8s.io/v1/TokenRequest", ["create"]),
}


def versions() -> dict[str, Any]:
    """``/api``."""
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": _CLIENTS,
    }


def groups(kinds: Kinds) -> dict[str, Any]:
    """``/apis``."""
    found = [_group(name, served) for name, served in _versions(kinds).items() if name]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": found}


def group(kinds: Kinds, name: str) -> dict[str, Any] | None:
    """``/apis/GROUP``; None when it is not served."""
    served = _versions(kinds).get(name) if name else None
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(name, served)} if served else None


def resources(kinds: Kinds, group: str, version: str) -> dict[str, Any] | None:
    """``/api/v1``, ``/apis/GROUP/VERSION``; None when it is not served."""
    entries = [
        entry for kind in kinds.served_version(group, version) for entry in _entries(kind)
    ] + [
        {"name": plural, "singularName": kind.lower(), "namespaced": False, "kind": kind,
         "verbs": ["create"]}
        for plural, kind in _REVIEWS.get((group, version), ())
    ]  # fmt: skip
    if not entries:
        return None
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": f"{group}/{version}" if group else version,
        "resources": sorted(entries, key=lambda entry: str(entry["name"])),
    }


def aggregated(kinds: Kinds, *, core: bool, version: str) -> dict[str, Any]:
    """``APIGroupDiscoveryList`` of ``/api`` (core) or ``/apis``."""
    items = [
        {
            "metadata": {"name": name, "creationTimestamp": None},
            "versions": [
                {
                    "version": entry,
                    "resources": _aggregated_entries(kinds, name, entry),
                    "freshness": "Current",
                }
                for entry in served
            ],
        }
        for name, served in _versions(kinds).items()
        if (not name) is core
    ]
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": f"apidiscovery.k8s.io/{version}",
        "metadata": {},
        "items": items,
    }


def _versions(kinds: Kinds) -> dict[str, list[str]]:
    found = kinds.versions()
    for name, version in _REVIEWS:
        found.setdefault(name, []).append(version)
    return found


def _group(name: str, served: list[str]) -> dict[str, Any]:
    entries = [{"groupVersion": f"{name}/{version}", "version": version} for version in served]
    return {"name": name, "versions": entries, "preferredVersion": entries[0]}


def _entries(kind: Kind) -> list[dict[str, Any]]:
    resource = kind.resource
    main: dict[str, Any] = {
        "name": resource.plural,
        "singularName": kind.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": _VERBS,
    }
    if kind.short_names:
        main["shortNames"] = list(kind.short_names)
    if kind.categories:
        main["categories"] = list(kind.categories)
    return [main, *(_subresource(kind, name) for name in sorted(kind.subresources))]


def _subresource(kind: Kind, name: str) -> dict[str, Any]:
    response, verbs = _SUBRESOURCE_VERBS[name]
    group, version, answered = _response(kind, response)
    return {
        "name": f"{kind.resource.plural}/{name}",
        "singularName": "",
        "namespaced": kind.resource.namespaced,
        **({"group": group, "version": version} if response else {}),
        "kind": answered,
        "verbs": verbs,
    }


def _response(kind: Kind, response: str | None) -> tuple[str, str, str]:
    if response is None:
        return kind.resource.group, kind.resource.version, kind.resource.kind
    group, version, answered = ("", *response.split("/"))[-3:]
    return group, version, answered


def _aggregated_entries(kinds: Kinds, group: str, version: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for kind in kinds.served_version(group, version):
        resource = kind.resource
        entry: dict[str, Any] = {
            "resource": resource.plural,
            "responseKind": _gvk(resource.group, resource.version, resource.kind),
            "scope": "Namespaced" if resource.namespaced else "Cluster",
            "singularResource": kind.singular,
            "verbs": _VERBS,
        }
        if kind.short_names:
            entry["shortNames"] = list(kind.short_names)
        if kind.categories:
            entry["categories"] = list(kind.categories)
        if kind.subresources:
            entry["subresources"] = [
                {
                    "subresource": name,
                    "responseKind": _gvk(*_response(kind, _SUBRESOURCE_VERBS[name][0])),
                    "verbs": _SUBRESOURCE_VERBS[name][1],
                }
                for name in sorted(kind.subresources)
            ]
        found.append(entry)
    for plural, name in _REVIEWS.get((group, version), ()):
        found.append(
            {
                "resource": plural,
                "responseKind": _gvk(group, version, name),
                "scope": "Cluster",
                "singularResource": name.lower(),
                "verbs": ["create"],
            }
        )
    return found


def _gvk(group: str, version: str, kind: str) -> dict[str, str]:
    return {"group": group, "version": version, "kind": kind}
