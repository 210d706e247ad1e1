"""One webhook and one write: whether to ask, how, and what became of it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import structlog

from ome.sandbox.admission.conditions import conditions_hold
from ome.sandbox.admission.failures import CallFailed, denied, dry_run_unsupported
from ome.sandbox.admission.matching import matched_resource, selected
from ome.sandbox.admission.reviews import read_answer, read_patch, request_of, review_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ome.clock import Clock
    from ome.kube.resource import Resource
    from ome.sandbox.admission.attributes import Attributes
    from ome.sandbox.admission.calling import Caller
    from ome.sandbox.admission.configuration import Webhook
    from ome.sandbox.admission.equivalents import Equivalents

__all__ = ["Invocation", "Matcher", "ask"]

log = structlog.get_logger("admission")

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Invocation:
    """A webhook that is to be called, and as what it is shown the object."""

    webhook: Webhook
    resource: Resource
    request: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Matcher:
    """Decides which webhooks a write concerns."""

    namespaces: Callable[[str], Mapping[str, Any] | None]
    equivalents: Equivalents
    evaluate: Callable[[str, Mapping[str, Any]], Any]

    def invocation(self, webhook: Webhook, attributes: Attributes) -> Invocation | None:
        """How to call a webhook; None when it does not match.

        Raises ``Refused`` when that cannot be told and the webhook does not ignore failures.
        """
        resource = matched_resource(webhook, attributes, self.equivalents)
        if resource is None or not selected(webhook, attributes, self.namespaces):
            return None
        request = request_of(
            attributes,
            resource,
            str(uuid.uuid4()),
            self._shown(attributes.object, attributes, resource),
            self._shown(attributes.old_object, attributes, resource),
        )
        if not conditions_hold(webhook, attributes, request, self.evaluate):
            return None
        return Invocation(webhook, resource, request)

    def _shown(
        self, document: dict[str, Any] | None, attributes: Attributes, resource: Resource
    ) -> dict[str, Any] | None:
        if document is None or resource == attributes.resource:
            return document
        return self.equivalents.convert(document, resource)


async def ask(
    caller: Caller,
    clock: Clock,
    invocation: Invocation,
    attributes: Attributes,
    warnings: list[str],
    *,
    mutating: bool,
) -> list[dict[str, Any]]:
    """Call a webhook; what it wants patched. Its warnings are added to ``warnings``.

    A failure that its policy ignores counts as a plain yes. Raises ``Refused`` for the others, for
    a denial, and for a dry run of a webhook that has side effects.
    """
    webhook = invocation.webhook
    if attributes.dry_run and webhook.side_effects not in ("None", "NoneOnDryRun"):
        raise dry_run_unsupported(webhook.name)
    version, uid = webhook.review_version, invocation.request["uid"]
    review = _encode(review_of(version, invocation.request))
    started = clock.monotonic()
    try:
        body = await caller.post(webhook, review, attributes.traceparent)
        response = read_answer(body, version, uid, mutating=mutating)
        warnings += response.warnings or ()
        operations = read_patch(response) if response.allowed else []
    except CallFailed as failed:
        seconds = round(clock.monotonic() - started, 3)
        log.warning("webhook.failed", webhook=webhook.name, error=str(failed), seconds=seconds)
        if webhook.ignores_failures:
            return []
        raise failed.refused(webhook.name) from failed
    if not response.allowed:
        raise denied(webhook.name, response.status)
    return operations
