"""Models, entries and runtimes in few words."""

from __future__ import annotations

from typing import Any

from ome.api import BaseModelSpec, ServingRuntimeSpec, SupportedModelFormat
from ome.selection import RuntimeCandidate, SelectionRequest

Json = dict[str, Any]


def model(format_: str | Json | None = "safetensors", **fields: Any) -> BaseModelSpec:
    """A model; a format or framework is a name or its whole object."""
    held = {
        "modelFormat": named(format_),
        "modelFramework": named(fields.pop("framework", None)),
        "storage": {"storageUri": "hf://a/b"},
        **fields,
    }
    return BaseModelSpec.model_validate(held)


def entry(format_: str | Json | None = "safetensors", **fields: Any) -> SupportedModelFormat:
    """An entry that may be chosen."""
    held = {
        "modelFormat": named(format_),
        "modelFramework": named(fields.pop("framework", None)),
        "autoSelect": True,
        **fields,
    }
    return SupportedModelFormat.model_validate(held)


def spec(*entries: SupportedModelFormat, **fields: Any) -> ServingRuntimeSpec:
    formats = {"supportedModelFormats": [item.model_dump(by_alias=True) for item in entries]}
    return ServingRuntimeSpec.model_validate({**formats, **fields})


def candidate(
    name: str, *entries: SupportedModelFormat, namespace: str = "demo", **fields: Any
) -> RuntimeCandidate:
    return RuntimeCandidate(name, namespace, spec(*entries, **fields))


def request(wanted: BaseModelSpec | None = None, *classes: str) -> SelectionRequest:
    return SelectionRequest("m", wanted or model(), "demo", frozenset(classes))


def sizes(low: str | None, high: str | None) -> Json:
    return {"modelSizeRange": {"min": low, "max": high}}


def named(value: str | Json | None) -> Json | None:
    return {"name": value} if isinstance(value, str) else value
