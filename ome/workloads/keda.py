"""KEDA's ScaledObject of a component: replicas that follow load, also to zero.

KEDA knows no comparison operator, and its Prometheus scaler no metric name; both are sent all the
same, for those who read them. Credentials (TriggerAuthentication) are the user's objects: they are
named here and never made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.api import names, to_json
from ome.workloads.contested import KEDA_API_VERSION, SCALED_OBJECT_KIND, scaled_object_name
from ome.workloads.errors import RenderError
from ome.workloads.keda_annotations import READERS
from ome.workloads.keda_settings import settings_of
from ome.workloads.keda_triggers import KedaTriggers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ome.workloads.inputs import Component, PlanInputs
    from ome.workloads.metadata import ComponentMetadata

__all__ = ["scaled_object"]

_NEVER_LABEL = "k8slens-edit-resource-version"
_FAILURES = 3
_PACE = {
    names.ANNOTATION_KEDA_POLLING: "pollingInterval",
    names.ANNOTATION_KEDA_COOLDOWN: "cooldownPeriod",
    names.ANNOTATION_KEDA_INITIAL_COOLDOWN: "initialCooldownPeriod",
    names.ANNOTATION_KEDA_IDLE_REPLICAS: "idleReplicaCount",
    names.ANNOTATION_KEDA_ADVANCED: "advanced",
}
"""Members of a ScaledObject that an annotation each says."""


def scaled_object(
    inputs: PlanInputs,
    metadata: ComponentMetadata,
    component: Component,
    target: Mapping[str, str],
    bounds: tuple[int, int],
) -> dict[str, Any]:
    """The ScaledObject of a component, which scales ``target``.

    Raises ``RenderError`` naming the annotation.
    """
    name = scaled_object_name(metadata.name)
    if (SCALED_OBJECT_KIND, name) in inputs.taken:
        name = scaled_object_name(metadata.name, taken=True)
    # Those of a Deployment that select its pods and that schedulers read are not on it.
    labels = {key: value for key, value in metadata.common.items() if key != _NEVER_LABEL}
    notes = _Notes(metadata, component)
    asked = _triggers(inputs, component, notes)
    return {
        "apiVersion": KEDA_API_VERSION,
        "kind": SCALED_OBJECT_KIND,
        "metadata": metadata.object(name, labels=labels),
        "spec": {
            "scaleTargetRef": dict(target),
            **_tuning(notes, asked),
            "minReplicaCount": bounds[0],
            "maxReplicaCount": bounds[1],
            "triggers": asked.render(),
        },
    }


class _Notes:
    """The annotations of a component, read with the name of the one that is wrong."""

    def __init__(self, metadata: ComponentMetadata, component: Component) -> None:
        self.held = dict(metadata.annotations)
        self._component = component.name

    def read(self, annotation: str, reader: Callable[[str], Any] | None = None) -> Any:
        """What an annotation means, None without it. Raises ``RenderError``."""
        text = self.held.get(annotation)
        if text is None:
            return None
        try:
            return (reader or READERS[annotation])(text)
        except ValueError as error:
            raise self.wrong(f"annotation {annotation} is {text!r}; {error}") from error

    def wrong(self, text: str) -> RenderError:
        return RenderError(self._component, text)


def _triggers(inputs: PlanInputs, component: Component, notes: _Notes) -> KedaTriggers:
    service = inputs.service
    keda = service.spec.keda_config
    own = settings_of(component.merged.get("kedaConfig"))
    own = own.over(settings_of(None if keda is None else to_json(keda)))
    return KedaTriggers(
        service.metadata.name,
        notes.held,
        notes.read,
        own,
        own.over(inputs.config.keda),
        str(component.merged.get("scaleMetric") or ""),
    )


def _tuning(notes: _Notes, asked: KedaTriggers) -> dict[str, Any]:
    """What annotations say of pace, idling and a blind scaler."""
    read = {member: notes.read(annotation) for annotation, member in _PACE.items()}
    spec = {member: value for member, value in read.items() if value is not None}
    if "idleReplicaCount" in spec and not asked.works_without_pods():
        raise notes.wrong(
            f"annotation {names.ANNOTATION_KEDA_IDLE_REPLICAS} needs a query that sees requests"
            " while no pod runs: the metrics of the pods are gone then, and the component would"
            f" never come back. Write one in annotation {names.ANNOTATION_KEDA_QUERY}, or a trigger"
            f" in {names.ANNOTATION_KEDA_TRIGGERS}"
        )
    return {**spec, **_fallback(notes)}


def _fallback(notes: _Notes) -> dict[str, Any]:
    replicas = notes.read(names.ANNOTATION_KEDA_FALLBACK_REPLICAS)
    failures = notes.read(names.ANNOTATION_KEDA_FALLBACK_FAILURES)
    behavior = notes.read(names.ANNOTATION_KEDA_FALLBACK_BEHAVIOR)
    if replicas is not None:
        made = {"failureThreshold": failures or _FAILURES, "replicas": replicas}
        return {"fallback": {**made, **({"behavior": behavior} if behavior else {})}}
    alone = (names.ANNOTATION_KEDA_FALLBACK_FAILURES, names.ANNOTATION_KEDA_FALLBACK_BEHAVIOR)
    for annotation in alone:
        if annotation in notes.held:
            raise notes.wrong(
                f"annotation {annotation} does nothing alone; add"
                f" {names.ANNOTATION_KEDA_FALLBACK_REPLICAS} with the replicas to run meanwhile"
            )
    return {}
