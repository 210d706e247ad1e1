"""PATCH: every patch type, on the object or on one of its subresources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from ome.kube.resource import ObjectKey
from ome.sandbox import ownership, schema
from ome.sandbox.apiserver.calls import copied, encode
from ome.sandbox.apiserver.views import document_as_served
from ome.sandbox.apiserver.writing import Wanted, ignored_fields
from ome.sandbox.patches import json_patch, merge_patch, strategic_patch
from ome.sandbox.refusal import Refused, bad_request, conflict

if TYPE_CHECKING:
    from collections.abc import Callable

    from ome.sandbox.apiserver.calls import Call, Target
    from ome.sandbox.apiserver.documents import Documents
    from ome.sandbox.apiserver.kinds import Kind
    from ome.sandbox.apiserver.storage import Store
    from ome.sandbox.apiserver.writing import Writing
    from ome.sandbox.stored import Stored

__all__ = ["Patching", "patcher"]

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"

Change = "Callable[[dict[str, Any]], dict[str, Any]]"


class Patching:
    """Turns the body of a PATCH into a change of the stored object."""

    def __init__(self, store: Store, writing: Writing, documents: Documents) -> None:
        self._store = store
        self._writing = writing
        self._documents = documents

    async def patch(self, call: Call, target: Target, kind: Kind) -> tuple[Stored, bool]:
        """The object after the patch, and whether it was made by it."""
        key = ObjectKey(target.namespace, target.name)
        if media_type(call) == APPLY_PATCH:
            return await self._apply(call, kind, key, target.subresource)
        change = patcher(call, kind)
        patched = Wanted(kind, key, self._cleaning(call, kind, change), target.subresource)
        return await self._writing.update(call, patched), False

    def _cleaning(
        self, call: Call, kind: Kind, change: Callable[[dict[str, Any]], dict[str, Any]]
    ) -> Callable[[dict[str, Any]], dict[str, Any]]:
        """The change, checked as a whole object would be."""

        def changed(stored: dict[str, Any]) -> dict[str, Any]:
            # The patch's own parts are shared with its body, which a retry needs again.
            result: dict[str, Any] = copied(change(document_as_served(stored, kind)))
            self._documents.check_kind(result, kind)
            before = _sorted(result)
            problems = self._documents.dropped(call, result, kind)
            if problems:
                raise _unknown_fields(before, problems)
            return result

        return changed

    async def _apply(
        self, call: Call, kind: Kind, key: ObjectKey, subresource: str
    ) -> tuple[Stored, bool]:
        if not call.query.get("fieldManager"):
            raise Refused(
                422,
                "Invalid",
                'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required'
                " for apply patch",
            )
        applied = self._documents.as_sent(call, kind)
        metadata = applied.setdefault("metadata", {})
        if metadata.setdefault("name", key.name) != key.name:
            raise bad_request(
                f"the name of the object ({metadata['name']}) does not match the name on the URL"
                f" ({key.name})"
            )
        if kind.resource.namespaced:
            metadata.setdefault("namespace", key.namespace)
        if self._store.collection(*kind.store).get(key) is None:
            return await self._make(call, kind, key, applied), True

        def change(stored: dict[str, Any]) -> dict[str, Any]:
            live = document_as_served(stored, kind)
            self._guards(kind, applied, live)
            return self._merged(call, kind, live, applied, subresource)

        wanted = Wanted(kind, key, change, subresource, managed=True)
        return await self._writing.update(call, wanted), False

    async def _make(
        self, call: Call, kind: Kind, key: ObjectKey, applied: dict[str, Any]
    ) -> Stored:
        metadata = applied["metadata"]
        if metadata.get("uid"):
            raise conflict(
                kind.resource.group,
                kind.resource.plural,
                key.name,
                f"uid mismatch: the provided object specified uid {metadata['uid']}, and no"
                " existing object was found",
            )
        metadata.pop("resourceVersion", None)
        document = self._merged(call, kind, None, applied, "")
        return await self._writing.create(call, kind, key.namespace, document, managed=True)

    def _merged(
        self,
        call: Call,
        kind: Kind,
        live: dict[str, Any] | None,
        applied: dict[str, Any],
        subresource: str,
    ) -> dict[str, Any]:
        return ownership.apply(
            live,
            applied,
            kind.schema,
            manager=call.query["fieldManager"],
            subresource=subresource,
            ignored=ignored_fields(kind, subresource, live or applied),
            force=call.flag("force"),
            now=self._documents.now,
        )

    def _guards(self, kind: Kind, applied: dict[str, Any], live: dict[str, Any]) -> None:
        """A version or a uid in what is applied must be that of the live object."""
        version = applied["metadata"].get("resourceVersion")
        if version and version != live["metadata"]["resourceVersion"]:
            raise conflict(
                kind.resource.group,
                kind.resource.plural,
                live["metadata"]["name"],
                "the object has been modified; please apply your changes to the latest version and"
                " try again",
            )


_sorted = msgspec.json.Encoder(order="sorted").encode


def _unknown_fields(patched: bytes, problems: list[str]) -> Refused:
    """422 that shows the whole object, as the real server does."""
    said = f"Invalid value: {encode(patched.decode()).decode()}: strict decoding error: "
    said += ", ".join(problems)
    return Refused(
        422,
        "Invalid",
        f' "" is invalid: patch: {said}',
        details={"causes": [{"reason": "FieldValueInvalid", "message": said, "field": "patch"}]},
    )


def media_type(call: Call) -> str:
    """The content type of a request without its parameters."""
    return call.headers.get("content-type", "application/json").split(";")[0].strip()


def patcher(call: Call, kind: Kind | None) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """The change that a JSON, merge or strategic patch makes; ``kind`` None knows no strategy.

    Raises ``Refused`` 415 for a type that the kind does not take, 400 for a malformed body.
    """
    media = media_type(call)
    body, _ = schema.decode(call.body, strict=False)
    if media == JSON_PATCH:
        return lambda document: json_patch(document, body)
    if media not in (MERGE_PATCH, STRATEGIC_PATCH) or (
        media == STRATEGIC_PATCH and (kind is None or kind.custom is not None)
    ):
        strategic = [STRATEGIC_PATCH] if kind is not None and kind.custom is None else []
        accepted = ", ".join([JSON_PATCH, MERGE_PATCH, *strategic, APPLY_PATCH])
        raise Refused(
            415,
            "UnsupportedMediaType",
            "the body of the request was in an unknown format - accepted media types include:"
            f" {accepted}",
        )
    if not isinstance(body, dict):
        raise bad_request(f"the body of the patch is not an object: {type(body).__name__}")
    if media == MERGE_PATCH:
        return lambda document: merge_patch(document, body)
    assert kind is not None
    node = kind.schema
    return lambda document: strategic_patch(document, body, node)
