"""What the chart's values may be; names that the catalogue does not have are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .runtimes import PRIORITY, cluster_serving_runtimes
from .values import image_key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .facts import Facts

__all__ = ["schema"]

Json = dict[str, Any]
_WORD: Json = {"type": "string", "minLength": 1}
_FLAG: Json = {"type": "boolean"}
_LABELS: Json = {"type": "object", "additionalProperties": {"type": "string"}}


def schema(facts: Facts) -> Json:
    """The JSON schema that Helm checks values against."""
    vendors = sorted({model.vendor for model in facts.models})
    secrets = {"imagePullSecrets": {"type": "array", "items": _closed({"name": _WORD})}}
    engines = {engine: _closed({"enabled": _FLAG}) for engine in PRIORITY}
    properties: Json = {
        # Charts around this one may have global values of their own.
        "global": {"type": "object", "properties": secrets},
        "vendors": {"type": "array", "uniqueItems": True, "items": {"enum": ["*", *vendors]}},
        "models": _by_name(model.name for model in facts.models),
        "modelsRoot": {"type": "string", "pattern": "^(/.*)?$"},
        "modelsNodeSelector": _LABELS,
        "huggingFace": _closed({"secretName": _WORD}),
        "runtimesFor": {"enum": ["all", "models", "none"]},
        "engines": _closed(engines),
        "preferredEngine": {"enum": list(PRIORITY)},
        "runtimes": _by_name(_runtimes(facts)),
        "runtimesNodeSelector": _LABELS,
        "images": _closed(dict.fromkeys(_images(facts), _reference())),
        "defaults": _closed({"ibDevice": _WORD, "rdmaProfile": _WORD}),
    }
    draft = "http://json-schema.org/draft-07/schema#"
    return {"$schema": draft, "title": "Values of ome-catalogue", **_closed(properties)}


def _runtimes(facts: Facts) -> Iterable[str]:
    for family in facts.families:
        for runtime in cluster_serving_runtimes(family, facts):
            yield runtime["metadata"]["name"]


def _images(facts: Facts) -> list[str]:
    names = {engine.image for family in facts.families for engine in family.engines}
    return sorted(image_key(name) for name in (*names, "router"))


def _reference() -> Json:
    return {**_closed({"repository": _WORD, "tag": _WORD}), "required": ["repository", "tag"]}


def _closed(properties: Json) -> Json:
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _by_name(names: Iterable[str]) -> Json:
    return {
        "type": "object",
        "propertyNames": {"enum": list(names)},
        "additionalProperties": _closed({"enabled": _FLAG, "spec": {"type": "object"}}),
    }
