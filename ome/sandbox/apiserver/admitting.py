"""Admission around each write: what the server itself adds, then the webhooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.sandbox import schema
from ome.sandbox.admission import Attributes
from ome.sandbox.apiserver.calls import copied
from ome.sandbox.apiserver.views import as_stored, document_as_served

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from ome.sandbox.admission import Webhooks
    from ome.sandbox.apiserver.calls import Call
    from ome.sandbox.apiserver.documents import Documents
    from ome.sandbox.apiserver.kinds import Kind, Kinds

__all__ = ["Admitting"]


class Admitting:
    """Calls the webhooks that match; without any it costs a look at an empty list."""

    def __init__(
        self,
        webhooks: Webhooks,
        registered: Callable[[], Collection[str]],
        documents: Documents,
        kinds: Kinds,
    ) -> None:
        self._webhooks = webhooks
        self._registered = registered
        self._documents = documents
        self._kinds = kinds

    async def mutate(
        self,
        call: Call,
        kind: Kind,
        operation: str,
        document: dict[str, Any],
        old: dict[str, Any] | None,
        subresource: str = "",
    ) -> dict[str, Any]:
        """The document after all mutating webhooks, with defaults filled again."""
        if "MutatingWebhookConfiguration" not in self._registered():
            return document
        attributes = self._attributes(call, kind, operation, document, old, subresource)
        changed, warnings = await self._webhooks.mutate(attributes)
        call.warnings += warnings
        if changed == attributes.object:
            return document
        schema.prune(changed, kind.schema)
        result = as_stored(changed, kind, self._kinds)
        self._documents.fill(result, kind, old)
        return result

    async def validate(
        self,
        call: Call,
        kind: Kind,
        operation: str,
        document: dict[str, Any] | None,
        old: dict[str, Any] | None,
        subresource: str = "",
    ) -> None:
        """Raises ``Refused`` when a validating webhook denies."""
        if "ValidatingWebhookConfiguration" not in self._registered():
            return
        attributes = self._attributes(call, kind, operation, document, old, subresource)
        call.warnings += await self._webhooks.validate(attributes)

    def _attributes(
        self,
        call: Call,
        kind: Kind,
        operation: str,
        document: dict[str, Any] | None,
        old: dict[str, Any] | None,
        subresource: str,
    ) -> Attributes:
        metadata = (document or old or {})["metadata"]
        return Attributes(
            operation=operation,
            resource=kind.resource,
            subresource=subresource,
            namespace=metadata.get("namespace", ""),
            name=metadata.get("name", ""),
            object=copied(document_as_served(document, kind)) if document else None,
            old_object=copied(document_as_served(old, kind)) if old else None,
            user=call.user.name,
            groups=call.user.groups,
            dry_run=call.dry_run,
            options=_options(call),
            traceparent=call.headers.get("traceparent", ""),
        )


def _options(call: Call) -> dict[str, Any]:
    """What the client asked for beside the object."""
    options: dict[str, Any] = {
        name: call.query[name] for name in ("fieldManager", "fieldValidation") if name in call.query
    }
    return {**options, "dryRun": ["All"]} if call.dry_run else options
