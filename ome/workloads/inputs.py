"""What a plan is made from: resolved, typed, and read only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from ome.api.weights import kept_on_nodes
from ome.workloads.config import OperatorConfig

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.api import (
        AcceleratorClassSpec,
        AcceleratorModelConfig,
        BaseModelSpec,
        FineTunedWeightSpec,
        InferenceService,
        ServingRuntimeSpec,
    )

__all__ = [
    "AcceleratorInput",
    "Component",
    "ModelInput",
    "Part",
    "PlanInputs",
    "RuntimeInput",
    "WeightInput",
]


@dataclass(frozen=True, slots=True)
class ModelInput:
    """The resolved model; ``namespace`` is empty at cluster scope."""

    name: str
    namespace: str
    annotations: Mapping[str, str]
    spec: BaseModelSpec


@dataclass(frozen=True, slots=True)
class RuntimeInput:
    """The chosen runtime."""

    name: str
    spec: ServingRuntimeSpec


@dataclass(frozen=True, slots=True)
class AcceleratorInput:
    """The chosen accelerator class, and what the runtime's entry for the model says of it."""

    name: str
    spec: AcceleratorClassSpec
    config: AcceleratorModelConfig | None = None


@dataclass(frozen=True, slots=True)
class WeightInput:
    """A fine-tuned weight that the service names; ``namespace`` is empty at cluster scope."""

    name: str
    namespace: str
    annotations: Mapping[str, str]
    spec: FineTunedWeightSpec

    @property
    def mode(self) -> Literal["merged", "adapter"]:
        """Whether it holds the whole model, or is laid over the base model when serving."""
        configuration = self.spec.configuration or {}
        return "merged" if configuration.get("merged_weights") is True else "adapter"

    @property
    def path(self) -> str:
        """Where agents put it on nodes; empty for one that pods fetch."""
        storage = self.spec.storage
        return (storage.path or "") if kept_on_nodes(storage.storage_uri, storage.path) else ""

    @property
    def strategy(self) -> str:
        """How it was trained, empty where its hyper-parameters do not say."""
        found = (self.spec.hyper_parameters or {}).get("strategy")
        return found if isinstance(found, str) else ""


@dataclass(frozen=True, slots=True)
class PlanInputs:
    """Everything a plan depends on; equal inputs give equal plans."""

    service: InferenceService
    model: ModelInput
    runtime: RuntimeInput | None = None
    config: OperatorConfig = field(default_factory=OperatorConfig)
    cluster_domain: str = "cluster.local"
    rendering: str = "1"
    taken: frozenset[tuple[str, str]] = frozenset()
    """Kind and name of what ``contested_names`` gives and another service owns."""
    accelerators: Mapping[str, AcceleratorInput] = field(default_factory=dict)
    """The class of each component that has one, by ``engine`` and ``decoder``."""
    weights: tuple[WeightInput, ...] = ()
    """The weights of ``spec.model.fineTunedWeights`` that exist, in its order."""


@dataclass(frozen=True, slots=True)
class Part:
    """One kind of pod: ``merged`` has its fields and its runner, ``own`` the user's share of it.

    ``name`` is ``leader``, ``worker``, or empty for the pods of the component itself.
    """

    name: str
    merged: dict[str, Any]
    own: dict[str, Any]

    @property
    def runner(self) -> dict[str, Any] | None:
        """The runner of these pods, if they have one."""
        found: dict[str, Any] | None = self.merged.get("runner")
        return found


@dataclass(frozen=True, slots=True)
class Component:
    """One component: ``merged`` as JSON, ``own`` the service's block alone."""

    name: str
    merged: dict[str, Any]
    own: dict[str, Any]

    @property
    def runner(self) -> dict[str, Any] | None:
        """The merged runner, if the component has one."""
        return self.main.runner

    @property
    def has_parts(self) -> bool:
        """Whether it has a leader or workers of its own."""
        return "leader" in self.merged or "worker" in self.merged

    @property
    def workers(self) -> int:
        """How many pods stand beside each leader."""
        return int((self.merged.get("worker") or {}).get("size") or 0)

    @property
    def main(self) -> Part:
        """The pods of the component itself."""
        return Part("", self.merged, self.own)

    @property
    def leader(self) -> Part:
        """The pods that lead: the leader's, which inherits nothing, else the component's own."""
        return self._part("leader") or self.main

    @property
    def worker(self) -> Part | None:
        """The pods that follow a leader, None where the component says nothing of them."""
        return self._part("worker")

    def _part(self, name: str) -> Part | None:
        found = self.merged.get(name)
        return None if found is None else Part(name, found, self.own.get(name) or {})
