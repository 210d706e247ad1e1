"""Asks the webhooks that are registered for a write.

Races: configurations may change while a request is under way; each phase (mutating with its second
round, validating) works with the webhooks that it found when it began. Mutating webhooks are asked
one after another, each seeing what the last one made of the object; validating ones at once.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import anyio

from ome.sandbox.admission.calling import Caller
from ome.sandbox.admission.configuration import Configurations
from ome.sandbox.admission.equivalents import NoEquivalents
from ome.sandbox.admission.failures import internal
from ome.sandbox.admission.invoking import Matcher, ask
from ome.sandbox.admission.matching import is_exempt
from ome.sandbox.admission.warnings import header, limited
from ome.sandbox.patches import json_patch
from ome.sandbox.refusal import Refused
from ome.sandbox.schema.cel import evaluate as evaluate_cel

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

    from ome.clock import Clock
    from ome.sandbox.admission.attributes import Attributes
    from ome.sandbox.admission.configuration import Webhook
    from ome.sandbox.admission.equivalents import Equivalents
    from ome.sandbox.admission.invoking import Invocation

__all__ = ["Webhooks"]


class Webhooks:
    """``configurations`` gives the webhook configurations as they are now, ``namespaces`` a
    Namespace, ``resolve`` the base URL of a Service's port or None while nothing is behind it.

    An async context manager: leaving it closes the kept connections.
    """

    def __init__(
        self,
        configurations: Callable[[], Sequence[tuple[str, Mapping[str, Any]]]],
        namespaces: Callable[[str], Mapping[str, Any] | None],
        resolve: Callable[[str, str, int], str | None],
        clock: Clock,
        *,
        equivalents: Equivalents | None = None,
        evaluate: Callable[[str, Mapping[str, Any]], Any] = evaluate_cel,
    ) -> None:
        self._configurations = configurations
        self._clock = clock
        self._equivalents = equivalents or NoEquivalents()
        self._matcher = Matcher(namespaces, self._equivalents, evaluate)
        self._read = Configurations()
        self._caller = Caller(resolve)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._caller.close()

    async def mutate(self, attributes: Attributes) -> tuple[dict[str, Any], list[str]]:
        """The object after all mutating webhooks, and their warnings.

        Of a deletion, which has no object, an empty dict. Raises ``Refused``, with the warnings so
        far in its headers.
        """
        webhooks = self._registered("MutatingWebhookConfiguration", attributes)
        warnings: list[str] = []
        try:
            attributes, again = await self._round(webhooks, attributes, warnings)
            if again:
                attributes, _ = await self._round(again, attributes, warnings)
        except Refused as refused:
            refused.headers.update(header(warnings))
            raise
        return attributes.object or {}, limited(warnings)

    async def validate(self, attributes: Attributes) -> list[str]:
        """Ask all validating webhooks at once; their warnings.

        Raises the ``Refused`` of the first in order that refuses, after all have answered, with
        all warnings in its headers.
        """
        webhooks = self._registered("ValidatingWebhookConfiguration", attributes)
        found = [self._matcher.invocation(webhook, attributes) for webhook in webhooks]
        invocations = [invocation for invocation in found if invocation is not None]
        warnings: list[list[str]] = [[] for _ in invocations]
        refusals: dict[int, Refused] = {}

        async def judge(place: int, invocation: Invocation) -> None:
            try:
                await self._ask(invocation, attributes, warnings[place], mutating=False)
            except Refused as refused:
                refusals[place] = refused

        async with anyio.create_task_group() as group:
            for place, invocation in enumerate(invocations):
                group.start_soon(judge, place, invocation)
        said = [text for texts in warnings for text in texts]
        if refusals:
            refused = refusals[min(refusals)]
            refused.headers.update(header(said))
            raise refused
        return limited(said)

    def _registered(self, kind: str, attributes: Attributes) -> list[Webhook]:
        if is_exempt(attributes):
            return []
        return self._read.webhooks(kind, self._configurations())

    async def _round(
        self, webhooks: Sequence[Webhook], attributes: Attributes, warnings: list[str]
    ) -> tuple[Attributes, list[Webhook]]:
        """Ask one after another; who is to be asked again because a later one made a change."""
        asked: list[Webhook] = []
        again: list[Webhook] = []
        for webhook in webhooks:
            invocation = self._matcher.invocation(webhook, attributes)
            if invocation is None:
                continue
            operations = await self._ask(invocation, attributes, warnings, mutating=True)
            changed = self._patched(invocation, attributes, operations)
            if changed is not attributes:
                attributes = changed
                again += asked
                asked = []
            if webhook.reinvoked:
                asked.append(webhook)
        return attributes, again

    async def _ask(
        self, invocation: Invocation, attributes: Attributes, warnings: list[str], *, mutating: bool
    ) -> list[dict[str, Any]]:
        return await ask(
            self._caller, self._clock, invocation, attributes, warnings, mutating=mutating
        )

    def _patched(
        self,
        invocation: Invocation,
        attributes: Attributes,
        operations: Sequence[Mapping[str, Any]],
    ) -> Attributes:
        """The attributes with the patch applied; the same ones if that changes nothing."""
        if not operations:
            return attributes
        shown = invocation.request["object"]
        if shown is None:
            raise internal(
                f'admission webhook "{invocation.webhook.name}" attempted to modify the object,'
                " which is not supported for this operation"
            )
        try:
            patched = json_patch(shown, operations)
        except Refused as refused:
            raise internal(refused.message) from refused
        if patched == shown:
            return attributes
        _check_kind(patched, shown)
        if invocation.resource != attributes.resource:
            patched = self._equivalents.convert(patched, attributes.resource)
        return replace(attributes, object=patched)


def _check_kind(patched: Any, shown: Mapping[str, Any]) -> None:
    for name in ("apiVersion", "kind"):
        if not isinstance(patched, dict) or patched.get(name) != shown.get(name):
            raise internal(f"the patch of a webhook may not change {name}")
