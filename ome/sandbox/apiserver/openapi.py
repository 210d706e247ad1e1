"""OpenAPI v3 documents, as ``kubectl explain``, ``apply`` and field validation read them."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

from ome.api.openapi import REF, definition
from ome.sandbox.apiserver.calls import encode

if TYPE_CHECKING:
    from ome.sandbox.apiserver.kinds import Kind, Kinds

__all__ = ["OpenApi"]

_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_QUERY = {
    "patch": ("dryRun", "fieldManager", "fieldValidation", "force", "pretty"),
    "put": ("dryRun", "fieldManager", "fieldValidation", "pretty"),
    "post": ("dryRun", "fieldManager", "fieldValidation", "pretty"),
    "get": ("fieldSelector", "labelSelector", "limit", "continue", "resourceVersion", "watch"),
    "delete": ("dryRun", "gracePeriodSeconds", "propagationPolicy"),
}
_TEXTS = {
    "apiVersion": "Version of the schema that this object is written in.",
    "kind": "Kind of the object, as the API server names it.",
    "metadata": "Standard metadata of every object.",
}


class OpenApi:
    """Documents by group and version, made when asked for and kept until a kind changes."""

    def __init__(self, kinds: Kinds) -> None:
        self._kinds = kinds
        self._revision = -1
        self._documents: dict[tuple[str, str], bytes] = {}

    def index(self) -> dict[str, Any]:
        """``/openapi/v3``: where each document is, with a hash that changes with it."""
        paths = {}
        for group, versions in self._kinds.versions().items():
            for version in versions:
                path = f"apis/{group}/{version}" if group else f"api/{version}"
                digest = sha256(self.document(group, version) or b"").hexdigest()[:32].upper()
                paths[path] = {"serverRelativeURL": f"/openapi/v3/{path}?hash={digest}"}
        return {"paths": paths}

    def document(self, group: str, version: str) -> bytes | None:
        """The document of a group and version; None when it is not served."""
        if self._revision != self._kinds.revision:
            self._documents.clear()
            self._revision = self._kinds.revision
        found = self._documents.get((group, version))
        if found is None:
            kinds = self._kinds.served_version(group, version)
            if not kinds:
                return None
            found = self._documents[group, version] = encode(_document(kinds))
        return found


def _document(kinds: list[Kind]) -> dict[str, Any]:
    paths: dict[str, Any] = {}
    schemas: dict[str, Any] = {}
    wanted = {_META}
    for kind in kinds:
        paths |= _paths(kind)
        if kind.custom is None:
            wanted.add(kind.definition)
        else:
            schemas[kind.definition] = _custom_schema(kind)
    while wanted:
        name = wanted.pop()
        if name not in schemas:
            schemas[name] = definition(name)
            wanted |= _references(schemas[name])
    version = {"title": "Kubernetes", "version": "unversioned"}
    return {
        "openapi": "3.0.0",
        "info": version,
        "paths": paths,
        "components": {"schemas": schemas},
    }


def _custom_schema(kind: Kind) -> dict[str, Any]:
    assert kind.custom is not None
    raw = dict((kind.custom.get("schema") or {}).get("openAPIV3Schema") or {"type": "object"})
    given = raw.get("properties") or {}
    raw["properties"] = {
        **given,
        "apiVersion": {"description": _TEXTS["apiVersion"], "type": "string"},
        "kind": {"description": _TEXTS["kind"], "type": "string"},
        "metadata": {
            "description": _TEXTS["metadata"],
            "allOf": [{"$ref": f"{REF}{_META}"}],
        },
    }
    raw["x-kubernetes-group-version-kind"] = [_gvk(kind)]
    return raw


def _paths(kind: Kind) -> dict[str, Any]:
    resource = kind.resource
    namespace = "{namespace}" if resource.namespaced else ""
    # Braces are part of the document, so the path is put together without quoting.
    collection = resource.path().rsplit("/", 1)[0]
    if namespace:
        collection += f"/namespaces/{namespace}"
    collection += f"/{resource.plural}"
    return {
        collection: {
            "get": _operation(kind, "get", "list"),
            "post": _operation(kind, "post", "post"),
        },
        f"{collection}/{{name}}": {
            "get": _operation(kind, "get", "get"),
            "put": _operation(kind, "put", "put"),
            "patch": _operation(kind, "patch", "patch"),
            "delete": _operation(kind, "delete", "delete"),
        },
    }


def _operation(kind: Kind, method: str, action: str) -> dict[str, Any]:
    resource = kind.resource
    name = "".join(part.capitalize() for part in resource.api_version.replace("/", ".").split("."))
    answer = {"application/json": {"schema": {"$ref": f"{REF}{kind.definition}"}}}
    return {
        "operationId": f"{action}{name}{resource.kind}",
        "parameters": [
            {"name": parameter, "in": "query", "schema": {"type": "string"}}
            for parameter in _QUERY[method]
        ],
        "responses": {"200": {"description": "OK", "content": answer}},
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": _gvk(kind),
    }


def _gvk(kind: Kind) -> dict[str, str]:
    resource = kind.resource
    return {"group": resource.group, "version": resource.version, "kind": resource.kind}


def _references(value: Any) -> set[str]:
    if isinstance(value, list):
        return {name for item in value for name in _references(item)}
    if not isinstance(value, dict):
        return set()
    own = {value["$ref"].removeprefix(REF)} if isinstance(value.get("$ref"), str) else set()
    return own | {name for item in value.values() for name in _references(item)}
