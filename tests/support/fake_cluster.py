"""An API server in memory behind the ``Transport`` protocol, with faults on demand. ::

    cluster = FakeCluster(BASE_MODELS, clock=clock)
    client = Client(cluster, clock=clock, rng=random.Random(1))
    cluster.put({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {...}})
    cluster.fail("update", CONFIGMAPS, Conflict("changed"))
    assert [write.verb for write in cluster.writes] == ["apply"]

Good enough for reconcilers. Unlike a real server: no schemas (nothing is validated, no unknown
field pruned; the only default is a Deployment's one replica), lists are atomic in apply and
strategic patches, namespaces need not exist, and no controllers run: Deployments make no pods, and
garbage is collected when the test says so.
"""

from __future__ import annotations

import copy
import itertools
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import anyio

from ome.errors import (
    ApiError,
    BadRequest,
    Expired,
    MethodNotSupported,
    NotFound,
    TransportError,
    UnsupportedMediaType,
)
from ome.kube import request as requests
from ome.kube import resources as builtin
from ome.kube.resource import ObjectKey, Resource
from ome.kube.resources import CRDS
from ome.kube.transport import Response
from tests.support import fake_patches
from tests.support.fake_answers import FakeAnswer, once, refusal, scale, success
from tests.support.fake_api import in_time, status_body
from tests.support.fake_faults import Fault, Faults
from tests.support.fake_store import Document, FakeStore
from tests.support.fake_watch import Call, Watches

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from ome.clock import Clock
    from ome.kube.request import Request

__all__ = ["FakeCluster", "Write"]

_BUILTIN = [value for value in vars(builtin).values() if isinstance(value, Resource)]


@dataclass(frozen=True)
class Write:
    """A write that the cluster accepted; ``changed`` says whether a new version came of it."""

    verb: str
    resource: Resource
    key: ObjectKey
    subresource: str
    body: Any
    changed: bool


class FakeCluster:
    """A ``Transport``; ``resources`` are served beside the built-in ones."""

    def __init__(
        self,
        *resources: Resource,
        clock: Clock | None = None,
        version: str = "v1.36.3",
        delay: float = 0.0,
    ) -> None:
        self.host = "fake-cluster:6443"
        self.delay = delay
        """Seconds that every answer takes."""
        self.store = FakeStore(clock)
        self.writes: list[Write] = []
        self.requests: list[Request] = []
        self._version = version
        self._resources = {(r.group, r.version, r.plural): r for r in (*_BUILTIN, *resources)}
        self._faults = Faults()
        self._watches = Watches(self.store)
        self._pages: dict[str, list[Document]] = {}
        self._tokens = itertools.count(1)

    # What tests do to the cluster, past the API.

    def put(self, obj: Mapping[str, Any]) -> Document:
        """Create or replace an object as if somebody else had, status included; gives it."""
        resource = self.resource(obj)
        body = copy.deepcopy(dict(obj))
        metadata = body["metadata"]
        key = ObjectKey(
            metadata.get("namespace", "") if resource.namespaced else "", metadata["name"]
        )
        metadata.pop("resourceVersion", None)
        if self.store.find(resource, key) is None:
            self.store.create(resource, body, "somebody", dry=False, status=True)
        else:
            metadata.pop("uid", None)
            self.store.update(resource, key, body, "", "somebody", dry=False)
            if "status" in obj:
                body = {**body, "status": copy.deepcopy(obj["status"])}
                self.store.update(resource, key, body, "status", "somebody", dry=False)
        self._watches.publish()
        found = self.store.find(resource, key)
        return copy.deepcopy(found if found is not None else body)

    def object(self, resource: Resource, key: ObjectKey) -> Document | None:
        """A copy of what is stored, or None."""
        return copy.deepcopy(self.store.find(resource, key))

    def objects(self, resource: Resource, namespace: str = "") -> list[Document]:
        """Copies of all that is stored, sorted by key."""
        return copy.deepcopy(self.store.all(resource, namespace))

    def remove(self, resource: Resource, key: ObjectKey) -> None:
        """Delete as if somebody else had; finalizers hold."""
        self.store.delete(resource, key, {}, dry=False)
        self._watches.publish()

    def collect_garbage(self) -> list[tuple[Resource, ObjectKey]]:
        """Delete what lost all its owners; gives what was deleted."""
        collected = self.store.collect_garbage()
        self._watches.publish()
        return collected

    def install(self, resource: Resource) -> None:
        """Begin to serve a resource, and have its CRD."""
        self._resources[resource.group, resource.version, resource.plural] = resource
        definition = {"apiVersion": CRDS.api_version, "kind": CRDS.kind}
        self.put({**definition, "metadata": {"name": resource.group_resource}})

    def uninstall(self, resource: Resource) -> None:
        """Stop serving a resource: its objects, its watches and its CRD end."""
        for document in self.objects(resource):
            metadata = document["metadata"]
            key = ObjectKey(metadata.get("namespace", ""), metadata["name"])
            self.store.delete(resource, key, {}, dry=False)
        del self._resources[resource.group, resource.version, resource.plural]
        self.drop_watch(resource)
        self.remove(CRDS, ObjectKey("", resource.group_resource))

    def fail(
        self,
        verb: str,
        resource: Resource | None,
        error: Exception,
        times: int = 1,
        *,
        after: bool = False,
    ) -> None:
        """The next ``times`` requests fail. ``after``: they take effect and the answer is lost.

        Verbs: get list watch create update patch apply delete, an HTTP method, or ``*``; None is
        any resource. An ``ApiError`` becomes an answer, anything else is raised.
        """
        self._faults.add(Fault(verb, resource, error, times, after))

    def mend(self) -> None:
        """No request fails any more that ``fail`` has failed so far."""
        self._faults.clear()

    def drop_watch(self, resource: Resource | None = None, *, broken: bool = False) -> int:
        """End running watches; ``broken``: in the middle, else cleanly. Gives their number."""
        end = TransportError("connection reset") if broken else None
        return self._watches.push(resource, end)

    def expire_watch(self, resource: Resource | None = None) -> int:
        """Send running watches an ERROR event of 410; gives their number."""
        error = status_body(410, "Expired", "too old resource version")
        return self._watches.push(resource, {"type": "ERROR", "object": error})

    def bookmark(self, resource: Resource | None = None) -> None:
        """Send running watches a bookmark now; by itself one comes each minute of silence."""
        self._watches.bookmark(resource)

    def compact(self) -> None:
        """Make all older versions and continue tokens too old (410)."""
        self.store.compact()
        self._pages.clear()

    def watching(self, resource: Resource) -> int:
        """How many watches of a resource run."""
        return len(self._watches.of(resource))

    def resource(self, obj: Mapping[str, Any]) -> Resource:
        """The resource that serves an object's kind."""
        for known in self._resources.values():
            if (known.api_version, known.kind) == (obj["apiVersion"], obj["kind"]):
                return known
        raise LookupError(f"the fake cluster does not serve {obj['apiVersion']} {obj['kind']}")

    # The transport.

    async def send(self, request: Request) -> Response:
        self.requests.append(request)
        with in_time(request):
            await anyio.sleep(self.delay)
        try:
            document = self._discovery(request.path)
            if document is None:
                document = self._handle(self._parse(request))
        except ApiError as error:
            return refusal(error)
        return Response(200, {}, json.dumps(document).encode())

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[FakeAnswer]:
        self.requests.append(request)
        await anyio.sleep(self.delay)
        try:
            call = self._parse(request)
            fault = self._faults.take(call)
            if fault is not None:
                raise fault.error
            watch = self._watches.begin(call)
        except ApiError as error:
            answer = refusal(error)
            yield FakeAnswer(answer.status, answer.headers, once(answer.body))
            return
        try:
            yield FakeAnswer(200, {}, watch.chunks(self.store))
        finally:
            self._watches.end(watch)

    def _parse(self, request: Request) -> Call:
        parts = [unquote(part) for part in request.path.split("/")[1:]]
        group, version, rest = (
            ("", parts[1], parts[2:]) if parts[0] == "api" else (parts[1], parts[2], parts[3:])
        )
        namespace = ""
        if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in ("status", "finalize"):
            namespace, rest = rest[1], rest[2:]
        resource = self._resources.get((group, version, rest[0]))
        if resource is None:
            raise NotFound("the server could not find the requested resource", reason="NotFound")
        name, sub = (*rest[1:], "", "")[:2]
        return Call(request, resource, ObjectKey(namespace, name), sub, dict(request.query))

    def _discovery(self, path: str) -> Document | None:
        if path == "/version":
            major, minor = self._version.lstrip("v").split(".")[:2]
            return {"major": major, "minor": minor, "gitVersion": self._version}
        parts = path.strip("/").split("/")
        if len(parts) != (2 if parts[0] == "api" else 3):
            return None
        served = [r for r in self._resources.values() if r.api_version == "/".join(parts[1:])]
        if not served:
            raise NotFound("404 page not found")
        return {
            "kind": "APIResourceList",
            "resources": [{"name": r.plural, "kind": r.kind} for r in served],
        }

    def _handle(self, call: Call) -> Document:
        fault = self._faults.take(call)
        if fault is not None and not fault.after:
            raise fault.error
        if call.verb in ("get", "list"):
            answer = self._get(call) if call.verb == "get" else self._list(call)
        else:
            answer = self._write(call)
        if fault is not None:
            raise fault.error
        return answer

    def _get(self, call: Call) -> Document:
        obj = self.store.get(call.resource, call.key)
        return scale(obj) if call.subresource == "scale" else call.shown(obj)

    def _list(self, call: Call) -> Document:
        token = call.query.get("continue")
        if token and token not in self._pages:
            raise Expired("The provided continue parameter is too old", reason="Expired")
        found = self._pages.pop(token) if token else call.selected(self.store)
        limit = int(call.query.get("limit", 0)) or len(found)
        page, rest = found[:limit], found[limit:]
        metadata: Document = {"resourceVersion": str(self.store.version)}
        if rest:
            metadata["continue"] = f"page-{next(self._tokens)}"
            metadata["remainingItemCount"] = len(rest)
            self._pages[metadata["continue"]] = rest
        bare = [{k: v for k, v in o.items() if k not in ("apiVersion", "kind")} for o in page]
        partial = "Partial" in call.request.accept
        return {
            "kind": f"{call.resource.kind}List",
            "apiVersion": call.resource.api_version,
            "metadata": metadata,
            "items": ([call.shown(o) for o in page] or None) if partial else bare,
        }

    def _write(self, call: Call) -> Document:
        body = json.loads(call.request.body or b"{}")
        before = self.store.version
        answer = self._written(call, body)
        changed = self.store.version != before
        if not call.dry:
            name = call.key.name or answer["metadata"]["name"]
            key = ObjectKey(call.key.namespace, name)
            verb = call.verb
            self.writes.append(Write(verb, call.resource, key, call.subresource, body, changed))
        self._watches.publish()
        return call.shown(answer)

    def _written(self, call: Call, body: Any) -> Document:
        store, resource, key, sub = self.store, call.resource, call.key, call.subresource
        match call.verb:
            case "create" if not key.name:
                if resource.namespaced:
                    body["metadata"]["namespace"] = key.namespace
                return store.create(resource, body, call.manager, call.dry)
            case "update":
                return store.update(resource, key, body, sub, call.manager, call.dry)
            case "apply":
                if "fieldManager" not in call.query:
                    raise BadRequest("fieldManager is required for apply patch")
                force = call.query.get("force") == "true"
                return store.apply(resource, key, body, sub, call.manager, force, call.dry)
            case "patch":
                return self._patched(call, body)
            case "delete" if key.name:
                last = store.delete(resource, key, body.get("preconditions") or {}, call.dry)
                return last if store.find(resource, key) else success(last)
            case verb:
                raise MethodNotSupported(f"the fake cluster has no {verb} of {call.request.path}")

    def _patched(self, call: Call, body: Any) -> Document:
        live = self.store.get(call.resource, call.key)
        if call.subresource == "scale":
            spec = {
                "spec": {
                    "replicas": fake_patches.merge_patch(scale(live), body)["spec"]["replicas"]
                }
            }
            new = fake_patches.merge_patch(live, spec)
            return scale(self._update(call, new, ""))
        match call.request.content_type:
            case requests.JSON_PATCH:
                new = fake_patches.json_patch(live, body)
            case requests.MERGE_PATCH | requests.STRATEGIC_PATCH:
                new = fake_patches.merge_patch(live, body)
            case other:
                raise UnsupportedMediaType(f"the body of the request was in {other}")
        return self._update(call, new, call.subresource)

    def _update(self, call: Call, new: Document, sub: str) -> Document:
        return self.store.update(call.resource, call.key, new, sub, call.manager, call.dry)
