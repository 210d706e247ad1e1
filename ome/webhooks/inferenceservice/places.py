"""Where annotations of a service stand: on the service itself, and on each of its components."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ome.api import names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome.api import InferenceService, KedaConfig
    from ome.api.services import ComponentExtensionSpec

__all__ = ["Place", "annotation_field", "places", "quoted"]


@dataclass(frozen=True, slots=True)
class Place:
    """One place. ``notes`` are written right there; ``effective`` are all that hold there.

    ``component`` is empty for the service; ``path`` is where the annotations are a member.
    """

    path: str
    component: str
    notes: Mapping[str, str]
    effective: Mapping[str, str]
    labels: Mapping[str, str]
    keda: KedaConfig | None
    keda_path: str
    autoscaler_class: str | None
    """The class that holds here, None where nothing is said of it."""

    def field(self, annotation: str) -> str:
        """An annotation of this place as the field of a problem."""
        return f'{self.path}.annotations["{annotation}"]'


def annotation_field(name: str) -> str:
    """An annotation of the service as the field of a problem."""
    return f'metadata.annotations["{name}"]'


def quoted(text: str) -> str:
    """In double quotes, with escapes."""
    return json.dumps(text, ensure_ascii=False)


def places(service: InferenceService) -> list[Place]:
    """The service, then its components in their order."""
    spec, held = service.spec, service.metadata
    found = [_place("metadata", "", {}, held.annotations, held.labels, spec.keda_config)]
    for name in names.COMPONENTS:
        component: ComponentExtensionSpec | None = getattr(spec, name)
        if component is None:
            continue
        notes, labels = component.annotations or {}, component.labels or {}
        made = _place(f"spec.{name}", name, held.annotations, notes, labels, component.keda_config)
        inherits = made.autoscaler_class is None and found[0].autoscaler_class is not None
        chosen = found[0].autoscaler_class if inherits else made.autoscaler_class
        found.append(replace(made, labels={**held.labels, **labels}, autoscaler_class=chosen))
    return found


def _place(
    path: str,
    component: str,
    above: Mapping[str, str],
    notes: Mapping[str, str],
    labels: Mapping[str, str],
    keda: KedaConfig | None,
) -> Place:
    effective = {**above, **notes}
    chosen = effective.get(names.ANNOTATION_AUTOSCALER_CLASS)
    if chosen is None and keda is not None and keda.enable_keda:
        chosen = names.AUTOSCALER_KEDA
    keda_path = f"{path if component else 'spec'}.kedaConfig"
    return Place(path, component, notes, effective, labels, keda, keda_path, chosen)
