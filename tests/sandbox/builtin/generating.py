"""Documents of built-in kinds at random: of the right types, otherwise as wrong as may be."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import strategies as st

from ome.api.openapi import SchemaNode, schema_for
from ome.sandbox.builtin.facts import FACTS

__all__ = ["documents", "generated"]

_QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
_TIMES = ("date-time", "micro-time")
_DEEPEST = 7
_TEXTS = (
    *("", "a", "b", "A b", "a/b", "None", "a.b.c", "Always", "Other", "RollingUpdate", "ClusterIP"),
    *("LoadBalancer", "Resource", "Pods", "In", "Exists", "=", "1.2.3.4", "kubernetes.io/tls"),
)
_NUMBERS = (0, 1, 2, -1, 70000)


def documents(gk: tuple[str, str]) -> st.SearchStrategy[dict[str, Any]]:
    """Documents of a kind with names that the server has set."""
    # One seed, not a draw for each field: documents have hundreds of them.
    return st.integers(0, 2**32).map(lambda seed: generated(gk, random.Random(seed)))


def generated(gk: tuple[str, str], rng: random.Random) -> dict[str, Any]:
    """One document of a kind; nulls are anywhere but in its metadata."""
    definition = FACTS[gk].definition
    document: dict[str, Any] = _object(schema_for(definition), rng, 0)
    version = definition.split(".")[-2]
    return {
        **document,
        "apiVersion": f"{gk[0]}/{version}" if gk[0] else version,
        "kind": gk[1],
        "metadata": {
            "name": rng.choice(("a", "case", "A_")),
            "namespace": "prod",
            "uid": "some-uid",
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "generation": 1,
            **({"labels": {"a": "b"}} if rng.random() < 0.5 else {}),
        },
    }


def _value(node: SchemaNode, rng: random.Random, depth: int) -> Any:
    if rng.random() < 0.04:
        return None
    if node.name == _QUANTITY:
        return rng.choice(("1000m", "0", "1024Mi", "-1", "0.5", 2))
    if node.items is not None:
        items = node.items
        count = rng.randrange(3) if depth < _DEEPEST else 0
        made = [_value(items, rng, depth + 1) for _ in range(count)]
        return [item for item in made if item is not None]
    if node.values is not None:
        keys = rng.sample(("a", "b", "A b", "cpu", "a/b"), rng.randrange(3))
        pairs = {key: _value(node.values, rng, depth + 1) for key in keys}
        return {key: value for key, value in pairs.items() if value is not None}
    if node.fields:
        return _object(node, rng, depth)
    return _scalar(node, rng)


def _object(node: SchemaNode, rng: random.Random, depth: int) -> dict[str, Any]:
    names = [name for name in node.fields if name not in ("metadata", "apiVersion", "kind")]
    if depth == 0:
        likely = 0.8
    else:
        likely = min(1.0, 4 / max(len(names), 1)) if depth < _DEEPEST else 0.0
    return {
        name: _value(node.fields[name], rng, depth + 1)
        for name in names
        if rng.random() < (0.9 if name in node.required else likely)
    }


def _scalar(node: SchemaNode, rng: random.Random) -> Any:
    match node.type:
        case "boolean":
            return rng.random() < 0.5
        case "integer":
            return rng.choice(_NUMBERS)
        case "number":
            return rng.choice((0.5, 1))
        case "string" if node.raw.get("format") in _TIMES:
            return "2026-01-01T00:00:00Z"
        case "string" if node.raw.get("format") == "byte":
            return rng.choice(("", "YQ==", "e30="))
        case "string":
            return rng.choice(_TEXTS)
        case "object":
            return {}
        case _:
            return rng.choice((0, 3, "50%", "half"))
