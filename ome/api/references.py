"""Which models a reference may mean, in the order in which they are looked for.

A service names a model of its own namespace or of the cluster. A fine-tuned weight belongs to no
namespace, so its base model is the same for everybody: what the namespace of a service happens to
hold has no part in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ModelKey", "base_model", "base_model_of", "models_named"]

_LOCAL, _SHARED = "BaseModel", "ClusterBaseModel"


class ModelKey(NamedTuple):
    """A BaseModel or ClusterBaseModel; ``namespace`` is empty at cluster scope."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        """As users are told of it."""
        where = f" in namespace {self.namespace}" if self.namespace else ""
        return f"{self.kind} {self.name}{where}"


def models_named(kind: str, name: str, namespace: str) -> tuple[ModelKey, ...]:
    """What ``spec.model`` of a service in a namespace may mean: the first that exists counts.

    Only ``BaseModel`` confines it to the namespace. The API server fills in ``ClusterBaseModel``
    for an absent kind, so that one says no more than none.
    """
    local = ModelKey(_LOCAL, namespace, name)
    return (local,) if kind == _LOCAL else (local, ModelKey(_SHARED, "", name))


def base_model(name: str, namespace: str | None) -> ModelKey:
    """What ``spec.baseModelRef`` of a weight means: a BaseModel where it names a namespace."""
    return ModelKey(_LOCAL, namespace, name) if namespace else ModelKey(_SHARED, "", name)


def base_model_of(spec: Mapping[str, Any]) -> ModelKey | None:
    """As ``base_model``, from the spec of a weight as it is stored; None when it names none."""
    reference = spec.get("baseModelRef") or {}
    name = reference.get("name")
    return base_model(name, reference.get("namespace")) if name else None
