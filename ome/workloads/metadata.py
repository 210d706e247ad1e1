"""Names, labels, annotations and owners of what is made for a service."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ome.api import names
from ome.api.truncate import truncate_dns
from ome.workloads.weights import served_weights

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.api import InferenceService
    from ome.workloads.inputs import Component, PlanInputs
    from ome.workloads.weights import Served

__all__ = [
    "ComponentMetadata",
    "component_metadata",
    "label_value",
    "owner_reference",
    "queue_labels",
    "service_annotations",
]

_NOT_LABEL = re.compile(r"[^A-Za-z0-9._-]")


@dataclass(frozen=True, slots=True)
class ComponentMetadata:
    """What all objects of a component share; ``app`` is the label that selects its pods.

    ``labels`` are those of its objects. ``common`` of them are on everything that is made for the
    component, ``queue`` is what batch schedulers read from pods. ``passed_on`` gives the keys, of
    ``labels`` and of ``annotations``, that are there only because the service's own metadata has
    them, and that say nothing of what a pod is; and, as ``beside``, the annotations that the
    component asks for and that are about its autoscaler or what leads to it.
    """

    name: str
    namespace: str
    app: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    owner: Mapping[str, Any]
    common: Mapping[str, str]
    queue: Mapping[str, str]
    passed_on: Mapping[str, tuple[str, ...]]

    def object(
        self,
        name: str | None = None,
        annotations: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Metadata of one object of the component."""
        chosen = self.annotations if annotations is None else annotations
        return {
            "name": name or self.name,
            "namespace": self.namespace,
            "labels": dict(self.labels if labels is None else labels),
            "annotations": dict(chosen),
            "ownerReferences": [dict(self.owner)],
        }


def component_metadata(
    inputs: PlanInputs, component: Component, mode: str = names.MODE_RAW
) -> ComponentMetadata:
    """Labels and annotations: the service's, under the component's, under ours.

    Raises ``RenderError`` for a fine-tuned weight that cannot be served.
    """
    service = inputs.service.metadata
    served = served_weights(inputs, component.name)
    name = f"{service.name}-{component.name}"
    app = truncate_dns(name)
    annotations = {
        key: value
        for key, value in service.annotations.items()
        if key not in names.NEVER_COPIED_ANNOTATIONS
    }
    asked = {**(component.merged.get("annotations") or {}), **_forced_annotations(inputs, served)}
    asked_labels = {
        **(component.merged.get("labels") or {}),
        **_forced_labels(inputs, component.name, served),
    }
    passed_on = {
        "annotations": _passed_on(annotations, asked),
        "labels": _passed_on(service.labels, asked_labels),
        "beside": tuple(sorted(key for key in asked if key.startswith(names.BESIDE_POD_PREFIXES))),
    }
    annotations |= asked
    common = {**service.labels, **asked_labels}
    queue = queue_labels(annotations)
    labels = dict(common)
    if mode == names.MODE_RAW:
        labels |= {**queue, names.LABEL_APP: app}
    owner = owner_reference(inputs.service)
    return ComponentMetadata(
        name, service.namespace, app, labels, annotations, owner, common, queue, passed_on
    )


def _passed_on(own: Mapping[str, str], asked: Mapping[str, str]) -> tuple[str, ...]:
    """The keys of a service's metadata that nobody asked of its pods."""
    return tuple(
        sorted(
            key
            for key in own.keys() - asked.keys()
            if not key.startswith(names.POD_SHAPING_PREFIXES)
        )
    )


def owner_reference(service: InferenceService) -> dict[str, Any]:
    """The controller owner reference to a service."""
    return {
        "apiVersion": names.API_VERSION,
        "kind": "InferenceService",
        "name": service.metadata.name,
        "uid": service.metadata.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def label_value(text: str) -> str:
    """``text`` as a legal label value: other characters become dashes, long ones are cut."""
    cleaned = truncate_dns(_NOT_LABEL.sub("-", text))
    return cleaned.strip("-._")


def _forced_labels(inputs: PlanInputs, component: str, served: Served | None) -> dict[str, str]:
    model = inputs.model
    labels = {
        # Admission refuses service names that are no label values.
        names.LABEL_INFERENCE_SERVICE: inputs.service.metadata.name,
        names.LABEL_COMPONENT: component,
        names.LABEL_FINE_TUNED: "false" if served is None else "true",
        names.LABEL_BASE_MODEL_NAME: label_value(model.name),
        names.LABEL_BASE_MODEL_SIZE: label_value(
            model.annotations.get(names.ANNOTATION_MODEL_CATEGORY, names.BASE_MODEL_SIZE_DEFAULT)
        ),
        names.LABEL_BASE_MODEL_TYPE: names.BASE_MODEL_TYPE_SERVING,
    }
    if inputs.runtime is not None:
        labels[names.LABEL_SERVING_RUNTIME] = label_value(inputs.runtime.name)
    if model.spec.vendor:
        labels[names.LABEL_BASE_MODEL_VENDOR] = label_value(model.spec.vendor)
    if served is not None:
        labels[names.LABEL_FT_STRATEGY] = label_value(served.strategy)
        labels[names.LABEL_MERGED_WEIGHTS] = "true" if served.merged else "false"
    return labels


def _forced_annotations(inputs: PlanInputs, served: Served | None) -> dict[str, str]:
    model, format_ = inputs.model, inputs.model.spec.model_format
    merged = served is not None and served.merged
    found = {
        names.ANNOTATION_BASE_MODEL_NAME: model.name,
        names.ANNOTATION_BASE_MODEL_VENDOR: model.spec.vendor,
        names.ANNOTATION_BASE_MODEL_FORMAT: format_.name if format_ else None,
        names.ANNOTATION_BASE_MODEL_FORMAT_VERSION: format_.version if format_ else None,
        names.ANNOTATION_SERVING_RUNTIME: inputs.runtime.name if inputs.runtime else None,
    }
    if not merged:
        for key in (names.ANNOTATION_DECRYPTION_KEY, names.ANNOTATION_DECRYPTION_SECRET):
            found[key] = model.annotations.get(key)
    forced = {key: value for key, value in found.items() if value}
    if served is not None:
        if served.fetched:
            forced[names.ANNOTATION_INJECT_ADAPTER] = served.fetched
        if served.on_node:
            forced[names.ANNOTATION_WEIGHTS_ON_NODE] = served.on_node
        forced[names.ANNOTATION_FT_STRATEGY] = served.strategy
    if merged:
        forced[names.ANNOTATION_MERGED_WEIGHTS] = "true"
        forced[names.ANNOTATION_INJECT_MODEL_INIT] = "false"
    return forced


def queue_labels(annotations: Mapping[str, str]) -> dict[str, str]:
    """Labels for batch schedulers that a component's annotations ask for."""
    labels: dict[str, str] = {}
    queue = annotations.get(names.ANNOTATION_VOLCANO_QUEUE)
    dedicated = annotations.get(names.ANNOTATION_DEDICATED_CLUSTER)
    if queue is not None:
        labels[names.LABEL_QUEUE_VOLCANO] = queue
    elif dedicated is not None and names.ANNOTATION_KUEUE_ENABLED in annotations:
        labels[names.LABEL_QUEUE_KUEUE] = dedicated
        labels[names.LABEL_PRIORITY_KUEUE] = "kueue-scheduling-high-priority"
    elif dedicated is not None:
        labels[names.LABEL_QUEUE_VOLCANO] = dedicated
        labels[names.LABEL_PRIORITY_RAY] = "volcano-scheduling-high-priority"
    if names.ANNOTATION_VOLCANO in annotations:
        labels[names.LABEL_SCHEDULER_RAY] = "volcano"
    return labels


def service_annotations(annotations: Mapping[str, str]) -> dict[str, str]:
    """A component's annotations without those that only pods carry."""
    return {
        key: value
        for key, value in annotations.items()
        if not key.startswith(names.POD_ONLY_ANNOTATION_PREFIXES)
    }
