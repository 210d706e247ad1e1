"""The variables of a pod's container, with those that come from Secrets and ConfigMaps."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from ome.kube.resource import ObjectKey
from ome.kube.resources import CONFIGMAPS, SECRETS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ome.kube.resource import Resource
    from ome.sandbox.local import LocalApi

__all__ = ["Missing", "variables_of"]


class Missing(Exception):
    """A Secret or ConfigMap that the container needs is not there; the text names it."""


def variables_of(pod: Mapping[str, Any], local: LocalApi) -> dict[str, str]:
    """What ``envFrom`` gives, and over it what ``env`` says. Raises ``Missing``."""
    container, namespace = pod["spec"]["containers"][0], pod["metadata"]["namespace"]
    found: dict[str, str] = {}
    for source in container.get("envFrom") or ():
        prefix = source.get("prefix", "")
        for reference, resource in _references(source, "secretRef", "configMapRef"):
            values = _values(local, resource, namespace, reference)
            found |= {f"{prefix}{name}": value for name, value in values.items()}
    for variable in container.get("env") or ():
        name, source = variable["name"], variable.get("valueFrom") or {}
        if not source:
            found[name] = variable.get("value", "")
        for reference, resource in _references(source, "secretKeyRef", "configMapKeyRef"):
            values, key = _values(local, resource, namespace, reference), reference["key"]
            if key in values:
                found[name] = values[key]
            elif not reference.get("optional"):
                raise Missing(
                    f"couldn't find key {key} in {resource.kind} {namespace}/{reference['name']}"
                )
    return found


def _references(
    source: Mapping[str, Any], secret: str, config: str
) -> Iterator[tuple[Mapping[str, Any], Resource]]:
    for field, resource in ((secret, SECRETS), (config, CONFIGMAPS)):
        if source.get(field):
            yield source[field], resource


def _values(
    local: LocalApi, resource: Resource, namespace: str, reference: Mapping[str, Any]
) -> dict[str, str]:
    stored = local.get(resource, ObjectKey(namespace, reference["name"]))
    if stored is None:
        if reference.get("optional"):
            return {}
        raise Missing(f'{resource.kind.lower()} "{reference["name"]}" not found')
    data = stored.load().get("data") or {}
    if resource is CONFIGMAPS:
        return {name: str(value) for name, value in data.items()}
    return {name: base64.b64decode(value).decode(errors="replace") for name, value in data.items()}
