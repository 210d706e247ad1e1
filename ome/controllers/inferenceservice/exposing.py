"""The exposing part of a pass: what leads to the components, once they were looked at.

The strategy, its objects and its condition are decided by ``ome.workloads.exposure``; here they are
written, the gateways' answers are read back, and what another strategy has left behind is deleted,
but only after the new objects stand.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import structlog

from ome.api import names
from ome.controllers.inferenceservice.status import Ingress, condition_prefix
from ome.controllers.inferenceservice.steps import StepFailed
from ome.controllers.resources import HTTP_ROUTES, INFERENCE_POOLS, VIRTUAL_SERVICES
from ome.errors import ApiError
from ome.kube.resource import ObjectKey
from ome.kube.resources import INGRESSES, SERVICES
from ome.workloads import Exposure, ExposureError, Seen, expose, foreign_kinds, refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ome.controllers.conditions import Status
    from ome.controllers.inferenceservice.applying import Writer
    from ome.controllers.inferenceservice.children import Children
    from ome.controllers.inferenceservice.passes import Pass
    from ome.informers.projection import WholeObject
    from ome.kube.resource import Resource
    from ome.workloads import Exposed

__all__ = ["Exposer"]

_FRONTS = (INGRESSES, HTTP_ROUTES, VIRTUAL_SERVICES, INFERENCE_POOLS, SERVICES)
"""The kinds that a strategy may leave behind."""
log = structlog.get_logger("InferenceService")


class Exposer:
    """Exposes services; ``domains`` gives those that Knative serves."""

    def __init__(
        self, children: Children, writer: Writer, domains: Callable[[], Sequence[str]]
    ) -> None:
        self._children = children
        self._writer = writer
        self._domains = domains

    async def expose(self, run: Pass, exposed: Exposed) -> None:
        """Write what exposes the service and add its condition and URLs to the pass."""
        exposed = replace(exposed, domains=tuple(self._domains()))
        for api_version, kind in foreign_kinds(exposed):
            if self._writer.is_missing(run, names.COMPONENT_EXTERNAL_SERVICE, api_version, kind):
                return
        try:
            made = expose(exposed, _seen(run))
        except ExposureError as error:
            condition, reason = names.CONDITION_INGRESS_READY, names.REASON_INGRESS_FAILED
            run.failures.append(StepFailed(condition, reason, str(error), waiting=True))
            return
        if made.dropped:
            log.info("exposure.no_hosts", hosts=list(made.dropped))
        if run.paused:
            if not all(self._cached(desired) for desired in made.objects):
                return
        elif not await self._write(run, made):
            return
        run.ingress = self._outcome(run, made)
        if not made.kept:
            run.in_front = tuple(made.objects)

    async def withdraw(self, run: Pass) -> None:
        """Delete whatever leads to the service: nothing is deployed for it."""
        run.in_front = ()
        await self._clean_up(run, Exposure())

    async def _write(self, run: Pass, made: Exposure) -> bool:
        for desired in made.objects:
            if not await self._writer.apply_in_front(run, dict(desired)):
                return False
        if not made.kept:
            # Else something still waits for its component; what there was serves meanwhile.
            await self._clean_up(run, made)
        return True

    def _cached(self, desired: Mapping[str, Any]) -> dict[str, Any] | None:
        metadata = desired["metadata"]
        key = ObjectKey(metadata["namespace"], metadata["name"])
        return self._children.cached(desired["apiVersion"], desired["kind"], key)

    def _outcome(self, run: Pass, made: Exposure) -> Ingress | None:
        status, reason, message = made.status, made.reason, made.message
        for label, name in made.routes:
            key = ObjectKey(run.key.namespace, name)
            route = self._children.cached(HTTP_ROUTES.api_version, HTTP_ROUTES.kind, key)
            refused = refusal(label, route)
            if refused is None:
                continue
            status, (reason, message) = "False", refused
            if reason != names.REASON_PARENT_STATUS_NOT_AVAILABLE:
                # A gateway's no is worth an event, its silence is not.
                run.failures.append(_refused(reason, message))
            break
        if not status:
            return None
        return Ingress(_status(status), reason, message, made.url, made.address)

    async def _clean_up(self, run: Pass, made: Exposure) -> None:
        """Delete what another strategy made for the service, and routes that are not any more."""
        kept = {(item["kind"], item["metadata"]["name"]) for item in made.objects}
        for resource in _FRONTS:
            for stored in self._children.owned(resource, run.key, run.stored.metadata.uid):
                if (resource.kind, stored.metadata.name) in kept or not _in_front(resource, stored):
                    continue
                try:
                    await self._children.delete(resource, stored)
                except ApiError as error:
                    run.error = error
                    return
                log.info("child.deleted", child=f"{resource.kind} {stored.metadata.name}")


def _refused(reason: str, message: str) -> StepFailed:
    condition = names.CONDITION_INGRESS_READY
    return StepFailed(condition, reason or names.REASON_INGRESS_FAILED, message, waiting=True)


def _in_front(resource: Resource, stored: WholeObject) -> bool:
    """Whether the object leads to the service; the Services of its components do not."""
    component = stored.metadata.labels.get(names.LABEL_COMPONENT)
    return resource is not SERVICES or component in (None, names.COMPONENT_EXTERNAL_SERVICE)


def _seen(run: Pass) -> dict[str, Seen]:
    """The components as the status will tell of them."""
    status = run.stored.document().get("status") or {}
    stored = {entry["type"]: entry for entry in status.get("conditions") or ()}
    entries = status.get("components") or {}
    found: dict[str, Seen] = {}
    for component in run.components:
        ready, reason, _ = component.ready or ("False", "", "")
        before = stored.get(f"{condition_prefix(component.name)}Ready")
        if before is not None and not component.settled:
            ready, reason = before["status"], before.get("reason")
        # The former revision serves on while the new one comes.
        serves = ready == "True" or reason == names.REASON_ROLLOUT
        held = (entries.get(component.name) or {}).get("url") or ""
        found[component.name] = Seen("True" if serves else ready, component.url or held)
    return found


def _status(text: str) -> Status:
    return "True" if text == "True" else "False" if text == "False" else "Unknown"
