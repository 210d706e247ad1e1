"""A runtime that a service runs with already, kept when its model is merely described better.

A model and a runtime that both leave something out (a format's version, an architecture) fit each
other. The agents then fill in what they read in the model's files, and strictly nothing fits any
more, although neither user changed a thing. New services are told so; one that has workloads keeps
the runtime that they were made with, for as long as that fits the model as its user wrote it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ome.api import names
from ome.controllers.inferenceservice.workload import pod_metadata
from ome.errors import SelectionError
from ome.kube.resource import ObjectKey
from ome.selection import select_runtime, validate_named_runtime
from ome.telemetry.flights import decided

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ome import api
    from ome.controllers.inferenceservice.planning import Existing
    from ome.controllers.inferenceservice.world import Model
    from ome.selection import RuntimeCandidate, Selection, SelectionRequest

__all__ = ["kept_runtime", "runtime_of_pods"]


def runtime_of_pods(children: Existing, service: api.InferenceService, model: str) -> str:
    """The runtime that the pods of a service were made with, for this model; empty if none."""
    metadata = service.metadata
    key = ObjectKey(metadata.namespace, metadata.name)
    for workload in children.workloads_of(key, metadata.uid):
        for described in pod_metadata(workload):
            said = described.get("annotations") or {}
            runtime = said.get(names.ANNOTATION_SERVING_RUNTIME)
            if runtime and said.get(names.ANNOTATION_BASE_MODEL_NAME) == model:
                return str(runtime)
    return ""


def kept_runtime(
    request: SelectionRequest,
    model: Model,
    candidates: Iterable[RuntimeCandidate],
    named: api.ServingRuntimeRef | None,
) -> Selection | None:
    """The first of the candidates that fits the model as written; None when none does.

    ``named`` is the service's own reference, where it has one.
    """
    before = request.as_written(model.annotations)
    if before is None:
        return None
    try:
        if named is not None and named.name:
            found = validate_named_runtime(named.name, named.kind, before, candidates)
        else:
            found = select_runtime(before, candidates)
    except SelectionError:
        return None
    decided(
        f"runtime {found.runtime.name} is kept: it fits the model without what agents filled in"
    )
    return replace(found, kept=True)
