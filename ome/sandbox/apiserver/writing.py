"""Create, update, patch and apply: one path for every kind and every caller."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ome.kube.resource import ObjectKey
from ome.sandbox import builtin, ownership
from ome.sandbox.apiserver.deleting import finished
from ome.sandbox.apiserver.documents import unchanged
from ome.sandbox.apiserver.storage import Change
from ome.sandbox.apiserver.views import as_stored
from ome.sandbox.refusal import Refused, bad_request, conflict, not_found
from ome.sandbox.stored import Stored

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ome.sandbox.apiserver.admitting import Admitting
    from ome.sandbox.apiserver.calls import Call
    from ome.sandbox.apiserver.documents import Documents
    from ome.sandbox.apiserver.kinds import Kind, Kinds
    from ome.sandbox.apiserver.storage import Store

__all__ = ["Wanted", "Writing"]

_ATTEMPTS = 10


@dataclass(frozen=True)
class Wanted:
    """One write of one object.

    ``change`` gives the new document (in the form of ``kind``) from a fresh copy of the stored one.
    ``managed`` says that it has brought ``managedFields`` up to date itself, as an apply does.
    """

    kind: Kind
    key: ObjectKey
    change: Callable[[dict[str, Any]], dict[str, Any]]
    subresource: str = ""
    managed: bool = False
    retry: bool = True
    """Whether a change by someone else meanwhile is met by beginning again."""
    options: Mapping[str, Any] = field(default_factory=dict)


class Writing:
    """Writes of documents into the store."""

    def __init__(
        self, store: Store, kinds: Kinds, documents: Documents, admitting: Admitting
    ) -> None:
        self._store = store
        self._kinds = kinds
        self._documents = documents
        self._admitting = admitting

    async def create(
        self,
        call: Call,
        kind: Kind,
        namespace: str,
        document: dict[str, Any],
        *,
        managed: bool = False,
    ) -> Stored:
        """Store a new object. ``document`` is in the form of ``kind`` and becomes ours."""
        self._documents.begin(document, kind, namespace)
        self._namespace_takes(kind, namespace, document)
        self._documents.check_view(document, kind)
        kind, document = self._storage_form(kind, document)
        self._documents.fill(document, kind, None)
        admitted = await self._admitting.mutate(call, kind, "CREATE", document, None)
        self._documents.check(admitted, kind, None)
        call.warnings += builtin.warnings_on_create(kind.gk, admitted)
        if not managed:
            document = self._owned(call, kind, None, admitted, "")
        elif admitted is not document:
            # What webhooks added to an apply belongs to the same manager's updates.
            document = self._owned(call, kind, document, admitted, "")
        await self._admitting.validate(call, kind, "CREATE", document, None)
        key = ObjectKey(document["metadata"].get("namespace", ""), document["metadata"]["name"])
        if self._store.collection(*kind.store).get(key) is not None:
            raise _exists(kind, key.name)
        if call.dry_run:
            return Stored.of(document, 0)
        return self.store(kind, None, document)

    async def update(self, call: Call, wanted: Wanted) -> Stored:
        """Change an object that exists. Raises ``Refused`` 404, 409, 422."""
        for attempt in range(_ATTEMPTS):
            old = self._store.collection(*wanted.kind.store).get(wanted.key)
            if old is None:
                resource = wanted.kind.resource
                raise not_found(resource.group, resource.plural, wanted.key.name)
            new = await self._changed(call, wanted, old)
            if new is None:
                return old
            if self._store.collection(*wanted.kind.store).get(wanted.key) is old:
                if call.dry_run:
                    return Stored.of(new, old.version)
                return self.store(wanted.kind, old, new)
            if not wanted.retry or attempt == _ATTEMPTS - 1:
                break
        raise _modified(wanted.kind, wanted.key.name)

    def store(self, kind: Kind, old: Stored | None, document: dict[str, Any]) -> Stored:
        """Keep a document, or end the object that only waited for its last finalizer."""
        version = self._store.next_version()
        new = Stored.of(document, version)
        change = Change(version, old, new)
        if old is not None and finished(document):
            change = Change(version, old, None, gone=new)
        self._store.collection(*kind.store).apply(change)
        return new

    async def _changed(self, call: Call, wanted: Wanted, old: Stored) -> dict[str, Any] | None:
        """The document to store; None when nothing would change."""
        before = old.load()
        asked = wanted.change(old.load())
        self._same_object(wanted, before, asked)
        self._version_holds(wanted, before, asked)
        kind, document = self._storage_form(wanted.kind, asked)
        managed = document.get("metadata", {}).get("managedFields")
        self._documents.carry_over(document, before, kind, wanted.subresource)
        self._documents.fill(document, kind, before)
        if wanted.managed:
            document["metadata"]["managedFields"] = managed
        admitted = await self._admitting.mutate(
            call, kind, "UPDATE", document, before, wanted.subresource
        )
        if not wanted.managed:
            document = self._owned(call, kind, before, admitted, wanted.subresource)
        elif admitted is not document:
            document = self._owned(call, kind, document, admitted, wanted.subresource)
        self._documents.count_generation(document, before, kind, wanted.subresource)
        if wanted.subresource != "binding":
            self._documents.check(document, kind, before)
        await self._admitting.validate(call, kind, "UPDATE", document, before, wanted.subresource)
        return None if unchanged(before, document) else document

    def _owned(
        self,
        call: Call,
        kind: Kind,
        before: dict[str, Any] | None,
        document: dict[str, Any],
        subresource: str,
    ) -> dict[str, Any]:
        return ownership.update(
            before,
            document,
            kind.schema,
            manager=call.manager,
            subresource=subresource,
            ignored=ignored_fields(kind, subresource, document),
            now=self._documents.now,
        )

    def _storage_form(self, kind: Kind, document: dict[str, Any]) -> tuple[Kind, dict[str, Any]]:
        return self._kinds.stored_as(kind), as_stored(document, kind, self._kinds)

    def _same_object(
        self, wanted: Wanted, before: Mapping[str, Any], asked: Mapping[str, Any]
    ) -> None:
        metadata = asked.get("metadata") or {}
        if metadata.get("name", wanted.key.name) != wanted.key.name:
            raise bad_request(
                f"the name of the object ({metadata['name']}) does not match the name on the URL"
                f" ({wanted.key.name})"
            )
        uid = metadata.get("uid")
        if uid and uid != before["metadata"]["uid"] and not wanted.managed:
            resource = wanted.kind.resource
            raise conflict(
                resource.group,
                resource.plural,
                wanted.key.name,
                f"Precondition failed: UID in precondition: {uid}, UID in object meta:"
                f" {before['metadata']['uid']}",
            )

    def _version_holds(
        self, wanted: Wanted, before: Mapping[str, Any], asked: Mapping[str, Any]
    ) -> None:
        version = (asked.get("metadata") or {}).get("resourceVersion")
        if version and version != before["metadata"]["resourceVersion"]:
            raise _modified(wanted.kind, wanted.key.name)

    def _namespace_takes(self, kind: Kind, namespace: str, document: Mapping[str, Any]) -> None:
        """Raises ``Refused`` for a namespace that does not exist or is going."""
        if not kind.resource.namespaced:
            return
        found = self._store.collection("", "namespaces").get(ObjectKey("", namespace))
        if found is None:
            raise not_found("", "namespaces", namespace)
        if b'"deletionTimestamp"' in found.raw and found.load()["metadata"].get(
            "deletionTimestamp"
        ):
            resource, name = kind.resource, document["metadata"].get("name", "")
            raise Refused(
                403,
                "Forbidden",
                f'{resource.group_resource} "{name}" is forbidden: unable to create new content in'
                f" namespace {namespace} because it is being terminated",
                details={
                    "name": name,
                    "kind": resource.plural,
                    "causes": [
                        {
                            "reason": "NamespaceTerminating",
                            "message": f"namespace {namespace} is being terminated",
                            "field": "metadata.namespace",
                        }
                    ],
                },
            )


def ignored_fields(
    kind: Kind, subresource: str, document: Mapping[str, Any]
) -> tuple[tuple[str, ...], ...]:
    """Fields that a request to the resource or its subresource cannot own."""
    if subresource == "status":
        return tuple(
            (name,) for name in document if name not in ("status", "metadata", "apiVersion", "kind")
        ) + ((("metadata",),) if kind.custom is not None else ())
    return (("status",),) if kind.status and not subresource else ()


def _exists(kind: Kind, name: str) -> Refused:
    resource = kind.resource
    return Refused(
        409,
        "AlreadyExists",
        f'{resource.group_resource} "{name}" already exists',
        details={
            "name": name,
            **({"group": resource.group} if resource.group else {}),
            "kind": resource.plural,
        },
    )


def _modified(kind: Kind, name: str) -> Refused:
    return conflict(
        kind.resource.group,
        kind.resource.plural,
        name,
        "the object has been modified; please apply your changes to the latest version and try"
        " again",
    )
