"""What users do: for each object a list of actions, drawn from the seed before anything runs.

The end of a script is always the same kind of place: every model, runtime and service exists. What
lies before does not show in what the cluster comes to, so a run with faults, in which some of it
happens late, must come to the same as a quiet one.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from . import documents

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Sequence

    from .scene import Scene

__all__ = ["Action", "Script", "beginning", "ending", "written"]

_PAUSE = (30.0, 1200.0)
_WITHIN = 12.0
_VERBS = ("edit", "anew", "scribble", "drop", "squat", "usurp", "usurp", "usurp")


@dataclass(frozen=True)
class Action:
    """One thing that a user does, ``pause`` seconds after the last."""

    pause: float
    verb: str
    """``apply``, ``delete``, ``scribble``, ``drop``, ``squat``, ``usurp`` or ``leave``."""
    kind: str
    name: str
    document: dict[str, Any] = field(default_factory=dict, repr=False)

    def __str__(self) -> str:
        return f"{self.verb} {self.kind} {self.name}"


Script = dict[str, list[Action]]
"""Actions by actor; each actor goes on when the last action is done."""


def written(rng: random.Random, scene: Scene, seconds: float) -> Script:
    """A script of about so many seconds."""
    script = {name: list(_model(rng, name, seconds)) for name in scene.models}
    script |= {f"rt-{name}": list(_runtime(rng, name, seconds)) for name in scene.models}
    for name in scene.services:
        script[name] = list(_service(rng, name, scene.models, seconds))
    return script


def beginning(script: Script) -> Script:
    """All but the last action of each actor."""
    return {actor: actions[:-1] for actor, actions in script.items()}


def ending(script: Script) -> Script:
    """The last actions, all within seconds; they alone say what the cluster must come to."""
    return {
        actor: [replace(action, pause=action.pause % _WITHIN) for action in actions[-1:]]
        for actor, actions in script.items()
    }


def _pauses(rng: random.Random, seconds: float) -> Iterator[float]:
    spent = 0.0
    while True:
        pause = rng.uniform(*_PAUSE)
        spent += pause
        if spent > seconds:
            return
        yield pause


def _model(rng: random.Random, name: str, seconds: float) -> Iterator[Action]:
    kind = "ClusterBaseModel"

    def apply(pause: float) -> Action:
        everywhere = rng.random() < 0.6
        document = documents.base_model(name, rng.randrange(1000), everywhere=everywhere)
        return Action(pause, "apply", kind, name, document)

    yield apply(rng.uniform(0.0, 30.0))
    for pause in _pauses(rng, seconds):
        if rng.random() < 0.3:
            yield Action(pause, "delete", kind, name)
            yield apply(rng.choice((0.0, 3.0, 40.0)))
        else:
            yield apply(pause)


def _runtime(rng: random.Random, model: str, seconds: float) -> Iterator[Action]:
    kind, name = "ClusterServingRuntime", f"rt-{model}"

    def apply(pause: float) -> Action:
        document = documents.runtime(name, model, rng.randrange(1000))
        return Action(pause, "apply", kind, name, document)

    yield apply(rng.uniform(0.0, 30.0))
    for pause in _pauses(rng, seconds):
        if rng.random() < 0.25:
            yield Action(pause, "delete", kind, name)
            yield apply(rng.choice((0.0, 3.0, 40.0)))
        else:
            yield apply(pause)


@dataclass
class _Service:
    """A service as its user writes it: each edit says something else than the last."""

    rng: random.Random
    name: str
    models: Sequence[str]
    model: str = ""
    replicas: int = 1
    level: int = 0

    def edited(self, pause: float) -> Action:
        """Another edition, which changes its pods."""
        self.model, self.level = self.rng.choice(self.models), self.level + 1
        return self.scaled(pause)

    def scaled(self, pause: float) -> Action:
        """Another number of replicas, which its autoscaler alone has to know."""
        self.replicas = 3 - self.replicas
        document = documents.service(self.name, self.model, self.replicas, self.level)
        return Action(pause, "apply", "InferenceService", self.name, document)


def _service(
    rng: random.Random, name: str, models: Sequence[str], seconds: float
) -> Iterator[Action]:
    service = _Service(rng, name, models)
    yield service.edited(rng.uniform(0.0, 30.0))
    for pause in _pauses(rng, seconds):
        child, called = rng.choice((("Deployment", f"{name}-engine"), ("Service", name)))
        match rng.choice(_VERBS):
            case "edit":
                yield service.edited(pause)
            case "anew":
                yield Action(pause, "delete", "InferenceService", name)
                yield service.edited(rng.choice((0.0, 2.0, 30.0)))
            case "squat":
                yield Action(pause, "delete", "InferenceService", name)
                squatter = documents.stranger(child, called)
                yield Action(1.0, "squat", child, called, squatter)
                yield service.edited(1.0)
                yield Action(rng.uniform(5.0, 60.0), "leave", child, called)
            case "usurp":
                yield from _usurped(rng, service, pause)
            case verb:
                yield Action(pause, verb, child, called)
    yield service.edited(1.0)


def _usurped(rng: random.Random, service: _Service, pause: float) -> Iterator[Action]:
    """A stranger takes a child's place; the edit that follows writes it from a stale view."""
    kind = rng.choice(("Deployment", "HorizontalPodAutoscaler", "HorizontalPodAutoscaler"))
    edit = service.edited if kind == "Deployment" else service.scaled
    called = f"{service.name}-engine"
    yield Action(pause, "usurp", kind, called, documents.stranger(kind, called))
    yield edit(rng.choice((0.0, 0.0, 0.0, 1.0)))
    yield Action(rng.uniform(5.0, 60.0), "leave", kind, called)
