"""What users do in a simulation: drawn from the seed, the same with and without faults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

__all__ = ["Action", "first", "script"]

NAMESPACE = "demo"
_FORMAT = {"modelFormat": {"name": "safetensors"}, "modelFramework": {"name": "transformers"}}
_MODELS = ("alpha", "beta", "gamma")
_RUNTIMES = ("fast", "steady")
_SERVICES = ("chat", "search", "code", "draft")


@dataclass(frozen=True, slots=True)
class Action:
    """At ``seconds`` after the start: ``apply`` or ``delete`` an object, or take a node away.

    ``kind`` and ``name`` say which; ``document`` of an apply is the whole object.
    """

    seconds: float
    verb: str
    kind: str
    name: str
    document: dict[str, Any] | None = None

    def __str__(self) -> str:
        return f"{self.verb} {self.kind} {self.name}"


def model(name: str, **annotations: str) -> dict[str, Any]:
    """A model that every node fetches."""
    storage = {"storageUri": f"hf://example/{name}", "path": f"/raid/models/{name}"}
    return {
        "apiVersion": "ome.io/v1beta1",
        "kind": "ClusterBaseModel",
        "metadata": {"name": name, "annotations": annotations},
        "spec": {**_FORMAT, "modelArchitecture": "LlamaForCausalLM", "storage": storage},
    }


def runtime(name: str, tag: int = 1, priority: int = 1) -> dict[str, Any]:
    """A runtime that serves every model here."""
    supported = {
        **_FORMAT,
        "modelArchitecture": "LlamaForCausalLM",
        "autoSelect": True,
        "priority": priority,
    }
    runner = {
        "name": "ome-container",
        "image": f"example.test/{name}:{tag}",
        "ports": [{"containerPort": 8080}],
        "resources": {"limits": {"nvidia.com/gpu": "1"}, "requests": {"nvidia.com/gpu": "1"}},
    }
    return {
        "apiVersion": "ome.io/v1beta1",
        "kind": "ClusterServingRuntime",
        "metadata": {"name": name},
        "spec": {"supportedModelFormats": [supported], "engineConfig": {"runner": runner}},
    }


def service(name: str, model_name: str, runtime_name: str, **engine: Any) -> dict[str, Any]:
    """A service of a model on a runtime that it names: a better one must not move it."""
    return {
        "apiVersion": "ome.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "model": {"name": model_name},
            "runtime": {"name": runtime_name},
            "engine": {"minReplicas": 1, "maxReplicas": 2, **engine},
        },
    }


def first() -> list[dict[str, Any]]:
    """What is there before anything happens."""
    namespaces = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        for name in (NAMESPACE, "ome")
    ]
    return [*namespaces, model("alpha"), runtime("fast"), runtime("steady", priority=2)]


def script(rng: random.Random, seconds: float) -> list[Action]:
    """A life of so many seconds, in order of time, which leaves time to settle at the end."""
    return sorted(_drawn(rng, seconds * 0.8), key=lambda action: action.seconds)


def _drawn(rng: random.Random, seconds: float) -> Iterator[Action]:
    at = 5.0
    number = 1
    while at < seconds:
        number += 1
        yield from _one(rng, at, number)
        at += rng.uniform(10, 120)


def _one(rng: random.Random, at: float, number: int) -> Iterator[Action]:
    name = rng.choice(_SERVICES)
    match rng.randrange(12):
        case 0 | 1 | 2 | 3:
            chosen = service(name, rng.choice(_MODELS), rng.choice(_RUNTIMES))
            yield Action(at, "apply", "InferenceService", name, chosen)
        case 4 | 5:
            env = [{"name": "EDIT", "value": str(number)}]
            runner = {"name": "ome-container", "env": env}
            edited = service(name, rng.choice(_MODELS), "fast", runner=runner)
            yield Action(at, "apply", "InferenceService", name, edited)
        case 6:
            yield Action(at, "delete", "InferenceService", name)
        case 7:
            chosen_model = rng.choice(_MODELS)
            yield Action(at, "apply", "ClusterBaseModel", chosen_model, model(chosen_model))
        case 8:
            yield Action(at, "delete", "ClusterBaseModel", rng.choice(_MODELS[1:]))
        case 9:
            edited_runtime = rng.choice(_RUNTIMES)
            yield Action(
                at,
                "apply",
                "ClusterServingRuntime",
                edited_runtime,
                runtime(edited_runtime, number, 1 + _RUNTIMES.index(edited_runtime)),
            )
        case 10:
            node = f"gpu-{rng.randrange(3)}"
            yield Action(at, "vanish", "Node", node)
            yield Action(at + rng.uniform(5, 400), "return", "Node", node)
        case _:
            yield Action(at, "scribble", "Deployment", f"{name}-engine")
