"""The API server without HTTP: a ``Call`` in, an ``Answer`` out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog

from ome.kube.resource import ObjectKey
from ome.sandbox import schema
from ome.sandbox.apiserver.addresses import Addresses
from ome.sandbox.apiserver.admitting import Admitting
from ome.sandbox.apiserver.authentication import Authentication
from ome.sandbox.apiserver.authorizing import Authorizing
from ome.sandbox.apiserver.bootstrap import bootstrap
from ome.sandbox.apiserver.calls import Answer, Call, json_answer, target_of
from ome.sandbox.apiserver.customs import Customs
from ome.sandbox.apiserver.deleting import Deleting
from ome.sandbox.apiserver.documents import Documents
from ome.sandbox.apiserver.faults import Faults
from ome.sandbox.apiserver.hooks import Hooks
from ome.sandbox.apiserver.kinds import Kinds
from ome.sandbox.apiserver.patching import Patching
from ome.sandbox.apiserver.reading import Reading, Selection
from ome.sandbox.apiserver.storage import Store
from ome.sandbox.apiserver.subresources import Subresources
from ome.sandbox.apiserver.views import view_of
from ome.sandbox.apiserver.webpages import Webpages
from ome.sandbox.apiserver.writing import Wanted, Writing
from ome.sandbox.refusal import Refused

if TYPE_CHECKING:
    import random

    from ome.clock import Clock
    from ome.sandbox.apiserver.audit import Audit
    from ome.sandbox.apiserver.calls import Target
    from ome.sandbox.apiserver.kinds import Kind
    from ome.sandbox.stored import Stored

__all__ = ["ApiServer"]

log = structlog.get_logger("apiserver")

_ANSWERS_WITH_THE_OBJECT = frozenset(
    ("", kind)
    for kind in ("PersistentVolume", "PersistentVolumeClaim", "Pod", "Service", "ServiceAccount")
)
"""Kinds whose deletion answers with the object that is gone, not with a Status."""

_MADE_BY_PUT = frozenset(
    {
        "clusterrolebindings",
        "clusterroles",
        "endpoints",
        "events",
        "leases",
        "rolebindings",
        "roles",
    }
)
"""Resources of which a PUT to an absent name makes the object."""


class ApiServer:
    """Holds the objects and answers calls; ``run`` its background work beside it.

    Everything takes its time from ``clock`` and its randomness from ``rng``.
    """

    def __init__(self, clock: Clock, rng: random.Random, audit: Audit | None = None) -> None:
        self.clock = clock
        self.store = Store()
        self.kinds = Kinds()
        self.users = Authentication(rng)
        self.faults = Faults(clock)
        self._audit = audit
        services = self.store.collection("", "services")
        self._documents = Documents(clock, rng, Addresses(services))
        self._hooks = Hooks(self.store, clock)
        self._authorizing = Authorizing(self.store)
        admitting = Admitting(
            self._hooks.webhooks, self._hooks.registered, self._documents, self.kinds
        )
        self.writing = Writing(self.store, self.kinds, self._documents, admitting)
        self.deleting = Deleting(self.store, admitting, clock)
        self._reading = Reading(self.store, clock)
        self._patching = Patching(self.store, self.writing, self._documents)
        self.subresources = Subresources(
            self.store,
            self.writing,
            self.deleting,
            self._documents,
            self.users.service_account_token,
        )
        self._customs = Customs(self.store, self.kinds, self.writing, self.deleting, clock)
        self._webpages = Webpages(self.kinds, self._authorizing)
        bootstrap(self.store, self.kinds, self._documents)

    async def run(self) -> None:
        """Establish CRDs and clean up after them until cancelled."""
        async with self._hooks:
            await self._customs.run()

    async def handle(self, call: Call) -> Answer:
        """Answer a call; a refusal is an answer too."""
        started = self.clock.wall()
        target = target_of(call.path)
        try:
            await self.faults.before(call)
            answer = await self._answer(call, target)
        except Refused as refused:
            answer = json_answer(refused.status(), refused.code, refused.headers)
        except Exception:
            log.exception("apiserver.failed", method=call.method, path=call.path)
            failed = Refused(500, "InternalError", "an error on the server prevented an answer")
            answer = json_answer(failed.status(), 500)
        if self._audit is not None:
            self._audit.write(call, target, verb_of(call, target), answer, started)
        return self.faults.after(call, answer)

    async def _answer(self, call: Call, target: Target | None) -> Answer:
        if call.user.name == "system:anonymous" and not self._webpages.is_public(call.path):
            raise Refused(401, "Unauthorized", "Unauthorized")
        page = self._webpages.serve(call)
        if page is not None:
            return page
        kind = self.kinds.find(target.group, target.version, target.plural) if target else None
        if target is None or kind is None or not _fits(target, kind):
            raise Refused(404, "NotFound", "the server could not find the requested resource")
        self._authorizing.check(call.user, verb_of(call, target), target)
        if target.subresource not in ("", "status"):
            return await self.subresources.serve(call, target, kind)
        return await self._resource(call, target, kind)

    async def _resource(self, call: Call, target: Target, kind: Kind) -> Answer:
        match call.method, bool(target.name):
            case "GET", _ if call.flag("watch"):
                return self._reading.watch(call, target, kind)
            case "GET", True:
                return self._reading.get(call, target, kind)
            case "GET", False:
                return self._reading.page(call, target, kind)
            case "POST", False if not (kind.resource.namespaced and not target.namespace):
                _require_json(call)
                document = self._documents.decoded(call, kind)
                stored = await self.writing.create(call, kind, target.namespace, document)
                return self._one(call, kind, stored, 201)
            case "PUT", True:
                _require_json(call)
                return await self._put(call, target, kind)
            case "PATCH", True:
                patched, made = await self._patching.patch(call, target, kind)
                return self._one(call, kind, patched, 201 if made else 200)
            case "DELETE", _ if not target.subresource:
                return await self._delete(call, target, kind)
        raise Refused(
            405,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource",
        )

    async def _put(self, call: Call, target: Target, kind: Kind) -> Answer:
        document = self._documents.decoded(call, kind)
        key = ObjectKey(target.namespace, target.name)
        absent = self.store.collection(*kind.store).get(key) is None
        if absent and target.plural in _MADE_BY_PUT and not target.subresource:
            stored = await self.writing.create(call, kind, target.namespace, document)
            return self._one(call, kind, stored, 201)
        versioned = bool((document.get("metadata") or {}).get("resourceVersion"))
        if not versioned and kind.custom is not None:
            raise _version_required(kind, target.name)
        wanted = Wanted(kind, key, lambda _: document, target.subresource, retry=not versioned)
        return self._one(call, kind, await self.writing.update(call, wanted), 200)

    async def _delete(self, call: Call, target: Target, kind: Kind) -> Answer:
        options = _delete_options(call)
        if target.name:
            key = ObjectKey(target.namespace, target.name)
            stored, gone = await self.deleting.delete(call, kind, key, options)
            if not gone or kind.gk in _ANSWERS_WITH_THE_OBJECT:
                return self._one(call, kind, stored, 200)
            return json_answer(_deleted(kind, stored))
        selection = Selection.of(call, target, kind)
        chosen = [
            stored
            for stored in self.store.collection(*kind.store).items(target.namespace)
            if selection.has(stored)
        ]
        for stored in chosen:
            try:
                await self.deleting.delete(call, kind, stored.key, options)
            except Refused as refused:
                if refused.code != 404:
                    raise
        metadata = {"resourceVersion": str(self.store.version)}
        return Answer(200, view_of(call, kind, self.clock).many(chosen, metadata))

    def _one(self, call: Call, kind: Kind, stored: Stored, status: int) -> Answer:
        return Answer(status, view_of(call, kind, self.clock).one(stored))


def verb_of(call: Call, target: Target | None) -> str:
    """The verb of RBAC and the audit log."""
    if target is None:
        return call.method.lower()
    if call.method == "GET":
        if call.flag("watch"):
            return "watch"
        return "get" if target.name else "list"
    if call.method == "DELETE" and not target.name:
        return "deletecollection"
    return {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}.get(
        call.method, call.method.lower()
    )


def _fits(target: Target, kind: Kind) -> bool:
    """Whether a path's shape is one that the kind has."""
    if target.subresource and target.subresource not in kind.subresources:
        return False
    if not kind.resource.namespaced:
        return not target.namespace
    return bool(target.namespace) or not target.name


def _require_json(call: Call) -> None:
    media = call.headers.get("content-type", "").split(";")[0].strip()
    if media not in ("application/json", "application/yaml", "*/*", ""):
        raise Refused(
            415,
            "UnsupportedMediaType",
            f"the sandbox's API server takes JSON and YAML, not {media}; use a manifest with"
            " kubectl apply, or a real control plane (hack/control-plane) for this command",
        )


def _delete_options(call: Call) -> dict[str, Any]:
    """What a body says; the query counts only where there is none."""
    if call.body:
        body, _ = schema.decode(call.body, strict=False)
        options: dict[str, Any] = dict(body) if isinstance(body, dict) else {}
        call.query = {**call.query, "dryRun": "All" if options.get("dryRun") else ""}
        return options
    options = {}
    for name in ("propagationPolicy", "gracePeriodSeconds"):
        if name in call.query:
            text = call.query[name]
            options[name] = int(text) if text.lstrip("-").isdigit() else text
    return options


def _deleted(kind: Kind, stored: Stored) -> dict[str, Any]:
    resource = kind.resource
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {
            "name": stored.key.name,
            **({"group": resource.group} if resource.group else {}),
            "kind": resource.plural,
            "uid": stored.uid,
        },
    }


def _version_required(kind: Kind, name: str) -> Refused:
    resource = kind.resource
    return Refused(
        422,
        "Invalid",
        f'{resource.plural}.{resource.group} "{name}" is invalid: metadata.resourceVersion: Invalid'
        ' value: "": must be specified for an update',
        details={
            "name": name,
            "group": resource.group,
            "kind": resource.plural,
            "causes": [
                {
                    "reason": "FieldValueInvalid",
                    "message": 'Invalid value: "": must be specified for an update',
                    "field": "metadata.resourceVersion",
                }
            ],
        },
    )
