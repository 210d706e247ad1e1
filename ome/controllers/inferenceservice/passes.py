"""What one pass over a service has learned so far; the steps of the pass fill it in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ome.api import names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ome import api
    from ome.controllers.inferenceservice.status import ComponentOutcome, Ingress
    from ome.controllers.inferenceservice.steps import StepFailed
    from ome.controllers.inferenceservice.usage import Dependency
    from ome.errors import OmeError
    from ome.informers.projection import WholeObject
    from ome.kube.resource import ObjectKey

__all__ = ["Pass", "is_paused"]


def is_paused(annotations: Mapping[str, str]) -> bool:
    """Whether a service's user asked that nothing be changed for it."""
    return annotations.get(names.ANNOTATION_PAUSED) == "true"


@dataclass(slots=True)
class Pass:
    """One pass: what it was given, what it saw, what failed and when it wants to come back."""

    stored: WholeObject
    service: api.InferenceService
    uses: list[Dependency] = field(default_factory=list)
    components: list[ComponentOutcome] = field(default_factory=list)
    ingress: Ingress | None = None
    in_front: tuple[Mapping[str, Any], ...] | None = None
    """What leads to the components, as it should be; None while that is not known."""
    failures: list[StepFailed] = field(default_factory=list)
    error: OmeError | None = None
    unsatisfied: str = ""
    requeue_after: float | None = None
    rolled: set[str] = field(default_factory=set)
    """Components whose pods this pass has begun to replace."""
    waiting: set[str] = field(default_factory=set)
    """Components that may not replace their pods yet."""
    serverless: bool = False
    """Whether the service as a whole asks for that mode."""
    mode: str = names.MODE_RAW
    """How the service as a whole is deployed."""
    virtual_url: str = ""
    """Where the service is said to be when nothing is deployed for it."""

    @property
    def paused(self) -> bool:
        """Whether its user asked that nothing be changed for it."""
        return is_paused(self.service.metadata.annotations)

    def come_back(self, seconds: float) -> None:
        """Run again in so many seconds, or earlier where something else asked for that."""
        held = self.requeue_after
        self.requeue_after = seconds if held is None else min(held, seconds)

    @property
    def key(self) -> ObjectKey:
        """The service's key."""
        return self.stored.metadata.key
