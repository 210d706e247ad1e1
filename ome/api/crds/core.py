"""Schemas of Kubernetes' own types as a CRD may hold them.

A structural schema has no references and no ``oneOf`` of types, says int-or-string by an extension,
and needs every key of a keyed list to be required or to have a default.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

from ome.api.limits import QUANTITY_PATTERN
from ome.api.openapi import REF, definition

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["QUANTITY", "core_property", "core_schema"]

_CORE = "io.k8s.api.core.v1."
_QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
_INT_OR_STRING = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"

QUANTITY: Mapping[str, Any] = {
    "anyOf": [{"type": "integer"}, {"type": "string"}],
    "pattern": QUANTITY_PATTERN,
    "x-kubernetes-int-or-string": True,
}
_SPECIAL: Mapping[str, Mapping[str, Any]] = {
    _QUANTITY: QUANTITY,
    _INT_OR_STRING: {
        "anyOf": [{"type": "integer"}, {"type": "string"}],
        "x-kubernetes-int-or-string": True,
    },
    "io.k8s.apimachinery.pkg.apis.meta.v1.Time": {"type": "string", "format": "date-time"},
    # Only inside claim templates: what a claim may take from there.
    "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta": {
        "type": "object",
        "properties": {
            "annotations": {"type": "object", "additionalProperties": {"type": "string"}},
            "finalizers": {
                "type": "array",
                "items": {"type": "string"},
                "x-kubernetes-list-type": "set",
            },
            "labels": {"type": "object", "additionalProperties": {"type": "string"}},
            "name": {"type": "string"},
            "namespace": {"type": "string"},
        },
    },
}
# Newer than the containers that OME's kinds promise.
_LEFT_OUT = {
    _CORE + "Container": {"restartPolicyRules"},
    _CORE + "EphemeralContainer": {"restartPolicyRules"},
}
# Defaults that the extract drops because they repeat the zero value, but that are served.
_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    _CORE + "ConfigMapKeySelector": {"name": ""},
    _CORE + "SecretKeySelector": {"name": ""},
    _CORE + "ConfigMapEnvSource": {"name": ""},
    _CORE + "SecretEnvSource": {"name": ""},
    _CORE + "LocalObjectReference": {"name": ""},
    _CORE + "ConfigMapVolumeSource": {"name": ""},
    _CORE + "ConfigMapProjection": {"name": ""},
    _CORE + "SecretProjection": {"name": ""},
    _CORE + "GRPCAction": {"service": ""},
    _CORE + "AzureDiskVolumeSource": {"readOnly": False},
}
# Defaults of the extract that no CRD of these kinds ever had: pods get them anyway.
_NO_DEFAULT = {_CORE + "AzureDiskVolumeSource": {"cachingMode", "kind"}}
_PATCH = ("x-kubernetes-patch-merge-key", "x-kubernetes-patch-strategy")
_GONE = (*_PATCH, "x-kubernetes-unions", "x-kubernetes-group-version-kind")
# What the list types of the API say in prose only.
_CONDITION_LIMITS: Mapping[str, Mapping[str, Any]] = {
    "message": {"maxLength": 32768},
    "observedGeneration": {"minimum": 0},
    "reason": {
        "maxLength": 1024,
        "minLength": 1,
        "pattern": "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
    },
    "status": {"enum": ["True", "False", "Unknown"]},
    "type": {
        "maxLength": 316,
        "pattern": (
            r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?"
            r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$"
        ),
    },
}


def core_schema(name: str) -> dict[str, Any]:
    """The structural schema of a definition, a fresh copy."""
    return _copied(_structural(name))


def core_property(name: str, field: str) -> dict[str, Any]:
    """The structural schema of one field of a definition, with its list type."""
    return _copied(_converted(definition(name)["properties"][field]))


def _copied(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A copy without aliases, so that a change of one probe leaves the others alone."""
    copied: dict[str, Any] = json.loads(json.dumps(schema))
    return copied


@cache
def _structural(name: str) -> dict[str, Any]:
    if name in _SPECIAL:
        return dict(_SPECIAL[name])
    schema = _converted(definition(name))
    for field in _LEFT_OUT.get(name, ()):
        schema.get("properties", {}).pop(field, None)
    for field in _NO_DEFAULT.get(name, ()):
        schema["properties"][field].pop("default", None)
    for field, value in _DEFAULTS.get(name, {}).items():
        schema["properties"][field]["default"] = value
    if name.endswith("meta.v1.Condition"):
        for field, limits in _CONDITION_LIMITS.items():
            schema["properties"][field] |= limits
    return schema


def _converted(schema: Mapping[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        extra = {key: value for key, value in schema.items() if key not in ("$ref", *_GONE)}
        return {**_structural(schema["$ref"].removeprefix(REF)), **extra}
    if "allOf" in schema:
        extra = {key: value for key, value in schema.items() if key not in ("allOf", *_GONE)}
        return {**_converted(schema["allOf"][0]), **extra}
    found = {key: value for key, value in schema.items() if key not in _GONE}
    if "properties" in found:
        found["properties"] = {key: _converted(value) for key, value in found["properties"].items()}
        found.setdefault("type", "object")
    for member in ("items", "additionalProperties"):
        if isinstance(found.get(member), dict):
            found[member] = _converted(found[member])
    _require_keys(found)
    return found


def _require_keys(schema: dict[str, Any]) -> None:
    """Keys of a keyed list are required or have a default."""
    items = schema.get("items")
    if not isinstance(items, dict):
        return
    items = schema["items"] = dict(items)
    for key in schema.get("x-kubernetes-list-map-keys", ()):
        held = items["properties"][key]
        if key not in items.get("required", ()) and "default" not in held:
            items["required"] = [*items.get("required", ()), key]
