"""From a record to what is written in a model's spec. Pure; empty values are never written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.modelconfig.capabilities import capabilities
from ome.modelconfig.numbers import spec_quantization
from ome.modelconfig.sizetext import size_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.modelconfig.record import Record

__all__ = ["configuration", "filled", "rules_of", "spec_values"]

_MOST_TOKENS = 2**31 - 1
_SAFETENSORS_VERSION = "1.0.0"


def configuration(record: Record) -> dict[str, Any]:
    """The small summary that ``modelConfiguration`` holds, in its order."""
    return {
        "model_type": record.model_type,
        "architecture": record.architecture,
        "context_length": record.context_length,
        "parameter_count": size_text(record.parameter_count),
        "has_vision": record.has_vision,
        "is_embedding": record.is_embedding,
        "transformers_version": record.transformers_version,
        "torch_dtype": record.torch_dtype,
        "model_size_bytes": record.model_size_bytes,
    }


def spec_values(record: Record) -> dict[str, Any]:
    """Every field that the record says something about, in the order of the spec."""
    count = record.parameter_count
    values: dict[str, Any] = {
        "modelType": record.model_type,
        "modelArchitecture": record.architecture,
        "modelFramework": _framework(record),
        "modelFormat": _format(record),
        "modelParameterSize": size_text(count) if count > 0 else "",
        "modelCapabilities": list(_capabilities(record)[0]),
        "quantization": spec_quantization(record.quantization_method, record.torch_dtype),
        "maxTokens": min(record.context_length, _MOST_TOKENS),
        "modelConfiguration": configuration(record),
        "diffusionPipeline": record.pipeline.document() if record.pipeline else {},
    }
    return {key: value for key, value in values.items() if value}


def rules_of(record: Record) -> dict[str, str]:
    """For each field of ``spec_values`` the rule that gave it."""
    rules = dict(record.rules)
    rules["modelCapabilities"] = _capabilities(record)[1]
    rules["quantization"] = f"quantization_config: {record.quantization_method}"
    version = "transformers_version" if record.transformers_version else "default, no version told"
    rules["modelFramework"] = "model_index.json" if record.pipeline else version
    rules["modelConfiguration"] = "summary of all"
    if record.context_length > _MOST_TOKENS:
        rules["maxTokens"] += f", cut from {record.context_length} to 32 bits"
    return {key: rules.get(key, "") for key in spec_values(record)}


def filled(spec: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The spec with values in the fields that its user left unset.

    The version of a format that the user named is filled only beside the same name.
    """
    result = dict(spec)
    for key, value in values.items():
        present = result.get(key)
        if key == "modelFormat" and isinstance(present, dict) and present.get("name"):
            same = str(present["name"]).lower() == value["name"].lower()
            if same and not present.get("version") and value.get("version"):
                result[key] = {**present, "version": value["version"]}
        elif present is None or present in ([], {}) or key == "modelFormat":
            result[key] = value
    return result


def _capabilities(record: Record) -> tuple[tuple[str, ...], str]:
    return capabilities(
        record.architecture,
        record.model_type,
        vision=record.has_vision,
        embedding=record.is_embedding,
        pipeline=record.pipeline is not None,
        audio=record.has_audio,
    )


def _named(name: str, version: str) -> dict[str, str]:
    return {"name": name, "version": version} if version else {"name": name}


def _framework(record: Record) -> dict[str, str]:
    if record.pipeline is not None:
        return _named("diffusers", record.pipeline.version)
    return _named("transformers", record.transformers_version)


def _format(record: Record) -> dict[str, str]:
    if record.pipeline is not None:
        return _named("diffusers", record.pipeline.version)
    version = _SAFETENSORS_VERSION if record.format_name == "safetensors" else ""
    return _named(record.format_name, version)
