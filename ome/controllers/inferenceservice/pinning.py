"""A runtime kept as it is for one service, whatever becomes of it for the others.

Annotation ``ome.io/pin-runtime: "true"`` on a service: the runtime that it is planned with is
written into a ConfigMap of its own, and from then on it is planned with that. The record holds for
as long as the service names the same model and no other runtime; without the annotation it goes,
and the service takes its turn to become what the runtime says now.

The runtime is recorded as it is in the pass that first sees the annotation: to keep a service out
of an edit, pin it before the edit.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pydantic

from ome.api import ServingRuntimeSpec, names, to_json
from ome.api.jsontext import read_json
from ome.controllers.inferenceservice.children import controller_of
from ome.kube.resource import ObjectKey
from ome.selection import RuntimeCandidate
from ome.workloads.metadata import owner_reference

if TYPE_CHECKING:
    from ome import api
    from ome.controllers.inferenceservice.choosing import Choice
    from ome.controllers.inferenceservice.planning import Existing

__all__ = ["Pins", "is_pinned"]

_DATA = "runtime.json"


def is_pinned(service: api.InferenceService) -> bool:
    """Whether the service asks to keep the runtime that it runs."""
    return service.metadata.annotations.get(names.ANNOTATION_PIN_RUNTIME) == "true"


class Pins:
    """The records of pinned runtimes."""

    def __init__(self, children: Existing) -> None:
        self._children = children

    def held(self, service: api.InferenceService) -> RuntimeCandidate | None:
        """The runtime as recorded, None when the service has no record that is still meant."""
        if not is_pinned(service):
            return None
        metadata = service.metadata
        key = ObjectKey(metadata.namespace, _name(service))
        held = self._children.cached("v1", "ConfigMap", key)
        owner = None if held is None else controller_of(held["metadata"])
        if held is None or owner is None or owner.get("uid") != metadata.uid:
            return None
        try:
            record = read_json((held.get("data") or {}).get(_DATA) or "{}")
            name, namespace = record["name"], record["namespace"]
            if not isinstance(name, str) or not isinstance(namespace, str):
                return None
            said = ServingRuntimeSpec.model_validate(record["spec"])
            runtime = RuntimeCandidate(name, namespace, said)
        except (ValueError, KeyError, TypeError, pydantic.ValidationError):
            return None  # written by nobody we know: it is written anew
        spec = service.spec
        same_model = spec.model is not None and spec.model.name == record.get("model")
        other = spec.runtime is not None and spec.runtime.name not in ("", runtime.name)
        return runtime if same_model and not other else None

    def record(self, service: api.InferenceService, choice: Choice) -> dict[str, Any] | None:
        """The ConfigMap that keeps the chosen runtime; None for a service that is not pinned."""
        if not is_pinned(service) or choice.selection is None:
            return None
        runtime, metadata = choice.selection.runtime, service.metadata
        record = {
            "name": runtime.name,
            "namespace": runtime.namespace,
            "model": choice.model.name,
            "spec": to_json(runtime.spec),
        }
        return {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": _name(service),
                "namespace": metadata.namespace,
                "labels": {
                    names.LABEL_INFERENCE_SERVICE: metadata.name,
                    names.LABEL_COMPONENT: names.COMPONENT_ENGINE,
                },
                "ownerReferences": [owner_reference(service)],
            },
            "data": {_DATA: json.dumps(record, sort_keys=True)},
        }


def _name(service: api.InferenceService) -> str:
    return f"pinned-runtime-{service.metadata.name}"
