"""The ClusterServingRuntimes of a family: one for each engine and shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import pods

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .facts import Engine, Facts, Family

__all__ = ["PRIORITY", "cluster_serving_runtimes"]

PRIORITY = {"sglang": 2, "vllm": 1}
"""The chart's templates exchange these when another engine is preferred."""


def cluster_serving_runtimes(family: Family, facts: Facts) -> Iterator[dict[str, Any]]:
    """Every runtime of a family, engines in the order of the table."""
    for engine in family.engines:
        for shape in family.shapes:
            host = family.host or facts.hosts[shape.gpus]
            server = pods.Server(engine, shape, host, family.memory_fraction)
            yield _runtime(family, facts, server, split=False)
            if shape.split and engine.name == "sglang":
                yield _runtime(family, facts, server, split=True)


def _runtime(family: Family, facts: Facts, server: pods.Server, *, split: bool) -> dict[str, Any]:
    engine, shape = server.engine, server.shape
    chosen = not (shape.named or split)
    name = f"{engine.name}-{family.name}-{shape.suffix}"
    return {
        "apiVersion": "ome.io/v1beta1",
        "kind": "ClusterServingRuntime",
        "metadata": {
            "name": f"{name}-pd" if split else name,
            "labels": {"app.kubernetes.io/component": engine.name},
        },
        "spec": {
            "disabled": False,
            "supportedModelFormats": [
                {**entry, "autoSelect": chosen, "priority": PRIORITY[engine.name]}
                for entry in _entries(family, facts, engine)
            ],
            "modelSizeRange": {"min": shape.smallest, "max": shape.largest},
            "protocolVersions": ["openAI"],
            **_components(server, split=split),
        },
    }


def _entries(family: Family, facts: Facts, engine: Engine) -> Iterator[dict[str, Any]]:
    """What a family takes: official releases up to the image's, and unofficial ones by name.

    An unofficial release (``4.45.0.dev0``) is never older than another, it only equals itself.
    """
    for architecture in family.architectures:
        common: dict[str, Any] = {"modelArchitecture": architecture}
        if family.quantization:
            common["quantization"] = family.quantization
        common["modelFormat"] = {"name": "safetensors", "version": "1.0.0"}
        for framework in _frameworks(family, facts, engine, architecture):
            yield {"modelFramework": framework, **common}


def _frameworks(
    family: Family, facts: Facts, engine: Engine, architecture: str
) -> Iterator[dict[str, str]]:
    name = family.framework
    if name != "transformers":
        yield {"name": name}
        return
    yield {"name": name, "version": engine.reads, "operator": "GreaterThanOrEqual"}
    found = {
        model.saved
        for model in facts.models
        if model.architecture == architecture
        and model.framework == name
        and model.quantization == family.quantization
        and not _is_official(model.saved)
    }
    for release in sorted(found.union(family.also)):
        if _released(release) <= _released(engine.reads):
            yield {"name": name, "version": release}


def _is_official(version: str) -> bool:
    return all(part.isdecimal() for part in version.split("."))


def _released(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:3])


def _components(server: pods.Server, *, split: bool) -> dict[str, Any]:
    if split:
        return {
            "engineConfig": pods.component(server, "prefill"),
            "decoderConfig": pods.component(server, "decode"),
            "routerConfig": pods.router(server, split=True),
        }
    found = {"engineConfig": pods.component(server)}
    if server.engine.name == "sglang":
        found["routerConfig"] = pods.router(server, split=False)
    return found
