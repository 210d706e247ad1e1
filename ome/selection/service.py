"""What a service asks of its runtime, and when it can do without one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ome.api import names

if TYPE_CHECKING:
    from ome.api import InferenceService

__all__ = ["complete_runner", "required_classes"]


def required_classes(service: InferenceService) -> frozenset[str]:
    """The accelerator classes that a service insists on; an empty name counts as one."""
    spec = service.spec
    selectors = (
        spec.accelerator_selector,
        spec.engine.accelerator_override if spec.engine else None,
        spec.decoder.accelerator_override if spec.decoder else None,
    )
    found = {selector.accelerator_class for selector in selectors if selector is not None}
    found.add(service.metadata.annotations.get(names.ANNOTATION_ACCELERATOR_CLASS))
    return frozenset(name for name in found if name is not None)


def complete_runner(service: InferenceService) -> bool:
    """Whether the engine brings its own image and so can do without a runtime."""
    engine = service.spec.engine
    if engine is None:
        return False
    leader, worker = engine.leader, engine.worker
    if leader is not None and worker is not None:
        if (leader.runner or {}).get("image") and (worker.runner or {}).get("image"):
            return True
    return bool((engine.runner or {}).get("image"))
