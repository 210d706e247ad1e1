"""Environment of containers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ome.sandbox.builtin import names
from ome.sandbox.builtin.causes import invalid, not_supported, required

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ome.sandbox.refusal import Cause

__all__ = ["validate_env", "validate_env_from", "validate_field_ref", "validate_resource_ref"]

_POD_FIELDS = frozenset(
    (
        "metadata.name metadata.namespace metadata.uid spec.nodeName spec.serviceAccountName"
        " status.hostIP status.hostIPs status.podIP status.podIPs"
    ).split()
)
_RESOURCES = tuple(
    f"{which}.{name}"
    for which in ("limits", "requests")
    for name in ("cpu", "ephemeral-storage", "memory")
)
_KEYED = re.compile(r"metadata\.(labels|annotations)\['(.*)'\]")
_SOURCES = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")


def validate_env(variables: list[dict[str, Any]], field: str) -> Iterator[Cause]:
    """``env``."""
    for index, variable in enumerate(variables):
        at = f"{field}[{index}]"
        name = variable.get("name", "")
        if not name:
            yield required(f"{at}.name")
        else:
            for text in names.env_name(name):
                yield invalid(f"{at}.name", name, text)
        if "valueFrom" in variable:
            yield from _source(variable, f"{at}.valueFrom")


def validate_env_from(sources: list[dict[str, Any]], field: str) -> Iterator[Cause]:
    """``envFrom``."""
    for index, source in enumerate(sources):
        at = f"{field}[{index}]"
        if prefix := source.get("prefix"):
            for text in names.env_name(prefix):
                yield invalid(f"{at}.prefix", prefix, text)
        given = [name for name in ("configMapRef", "secretRef") if name in source]
        if len(given) != 1:
            wrong = "may not have more than one field specified at a time"
            none = "must specify one of: `configMapRef` or `secretRef`"
            yield invalid(field, "", wrong if given else none)
            continue
        if not source[given[0]].get("name"):
            yield required(f"{at}.{given[0]}.name")


def validate_field_ref(
    ref: Mapping[str, Any], field: str, known: frozenset[str]
) -> Iterator[Cause]:
    """A field of the pod; ``known`` are those that may be asked for here."""
    path = ref.get("fieldPath", "")
    if not path:
        yield required(f"{field}.fieldPath")
    elif keyed := _KEYED.fullmatch(path):
        key = keyed[2] if keyed[1] == "labels" else keyed[2].lower()
        for text in names.qualified_name(key):
            yield invalid(field, keyed[2], text)
    elif path not in known:
        yield invalid(
            f"{field}.fieldPath",
            path,
            f"error converting fieldPath: field label not supported: {path}",
        )


def validate_resource_ref(ref: Mapping[str, Any], field: str) -> Iterator[Cause]:
    """A container's request or limit."""
    resource = ref.get("resource", "")
    if not resource:
        yield required(f"{field}.resource")
    elif resource not in _RESOURCES and "hugepages-" not in resource:
        yield not_supported(f"{field}.resource", resource, _RESOURCES)


def _source(variable: Mapping[str, Any], field: str) -> Iterator[Cause]:
    source = variable["valueFrom"]
    given = [name for name in _SOURCES if name in source]
    if not given:
        choices = ", ".join(f"`{name}`" for name in _SOURCES[:-1])
        yield invalid(field, "", f"must specify one of: {choices} or `{_SOURCES[-1]}`")
    elif variable.get("value"):
        yield invalid(field, "", "may not be specified when `value` is not empty")
    elif len(given) > 1:
        yield invalid(field, "", "may not have more than one field specified at a time")
    for name in given:
        at = f"{field}.{name}"
        if name == "fieldRef":
            yield from validate_field_ref(source[name], at, _POD_FIELDS)
        elif name == "resourceFieldRef":
            yield from validate_resource_ref(source[name], at)
        elif name != "fileKeyRef":
            yield from _key_ref(source[name], at)


def _key_ref(ref: Mapping[str, Any], field: str) -> Iterator[Cause]:
    if not ref.get("name"):
        yield required(f"{field}.name")
    key = ref.get("key", "")
    if not key:
        yield required(f"{field}.key")
        return
    for text in names.config_key(key):
        yield invalid(f"{field}.key", key, text)
