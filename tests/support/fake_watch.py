"""Requests to the fake cluster taken apart, and its watches."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel

from ome.errors import Expired
from ome.kube import request as requests
from tests.support.selectors import matches

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from ome.kube.request import Request
    from ome.kube.resource import ObjectKey, Resource
    from tests.support.fake_store import Change, Document, FakeStore

_BOOKMARK_SECONDS = 60.0


@dataclass
class Call:
    """A request taken apart."""

    request: Request
    resource: Resource
    key: ObjectKey
    subresource: str
    query: Mapping[str, str]

    @property
    def verb(self) -> str:
        match self.request.method:
            case "GET" if self.query.get("watch") == "true":
                return "watch"
            case "GET":
                return "get" if self.key.name else "list"
            case "POST":
                return "create"
            case "PUT":
                return "update"
            case "PATCH":
                return "apply" if self.request.content_type == requests.APPLY_PATCH else "patch"
            case _:
                return "delete"

    @property
    def dry(self) -> bool:
        if self.request.method == "DELETE" and self.request.body:
            return bool(json.loads(self.request.body).get("dryRun"))
        return bool(self.query.get("dryRun"))

    @property
    def manager(self) -> str:
        return self.query.get("fieldManager") or self.request.user_agent.split("/")[0] or "unknown"

    def selects(self, obj: Document) -> bool:
        """Whether a list or watch covers the object."""
        return self.key.namespace in ("", obj["metadata"].get("namespace", "")) and matches(
            obj, self.query.get("labelSelector", ""), self.query.get("fieldSelector", "")
        )

    def selected(self, store: FakeStore) -> list[Document]:
        """The objects that a list or watch covers now."""
        return [obj for obj in store.all(self.resource) if self.selects(obj)]

    def shown(self, obj: Document) -> Document:
        """The object in the form that the request accepts."""
        if "PartialObjectMetadata" not in self.request.accept:
            return obj
        return {
            "apiVersion": "meta.k8s.io/v1",
            "kind": "PartialObjectMetadata",
            "metadata": obj["metadata"],
        }


@dataclass(eq=False)
class Watch:
    call: Call
    pending: deque[dict[str, Any] | Exception | None] = field(default_factory=deque)
    wake: anyio.Event = field(default_factory=anyio.Event)

    def push(self, event: dict[str, Any] | Exception | None) -> None:
        self.pending.append(event)
        self.wake.set()
        self.wake = anyio.Event()

    def offer(self, change: Change) -> None:
        """Push a change as this watch sees it: an object may come into its selection or leave."""
        call = self.call
        if change.resource != call.resource:
            return
        before = change.old is not None and call.selects(change.old)
        now = change.type != "DELETED" and call.selects(change.new)
        kind = {(True, True): "MODIFIED", (False, True): "ADDED", (True, False): "DELETED"}
        if before or now:
            self.push({"type": kind[before, now], "object": call.shown(change.new)})

    async def chunks(self, store: FakeStore) -> AsyncIterator[bytes]:
        """The stream: one line for each event, a bookmark after each minute of silence."""
        end = anyio.current_time() + float(self.call.query.get("timeoutSeconds") or 3600)
        while True:
            await anyio.lowlevel.checkpoint()
            while self.pending:
                event = self.pending.popleft()
                if event is None:
                    return
                if isinstance(event, Exception):
                    raise event
                yield json.dumps(event).encode() + b"\n"
            left = end - anyio.current_time()
            if left <= 0:
                return
            with anyio.move_on_after(min(left, _BOOKMARK_SECONDS)) as silence:
                await self.wake.wait()
            if silence.cancelled_caught and left > _BOOKMARK_SECONDS:
                self.push(bookmark(self.call.resource, store.version))


def bookmark(resource: Resource, version: int) -> dict[str, Any]:
    """An event that only moves the watch's version."""
    obj = {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": {"resourceVersion": str(version), "creationTimestamp": None},
    }
    return {"type": "BOOKMARK", "object": obj}


class Watches:
    """The watches that run."""

    def __init__(self, store: FakeStore) -> None:
        self._store = store
        self._running: list[Watch] = []
        self._seen = 0

    def of(self, resource: Resource | None) -> list[Watch]:
        """Those of a resource; None is any."""
        return [watch for watch in self._running if resource in (None, watch.call.resource)]

    def push(self, resource: Resource | None, event: dict[str, Any] | Exception | None) -> int:
        """Send an event to those of a resource, or end them; gives their number."""
        chosen = self.of(resource)
        for watch in chosen:
            watch.push(event)
        return len(chosen)

    def bookmark(self, resource: Resource | None) -> None:
        for watch in self.of(resource):
            watch.push(bookmark(watch.call.resource, self._store.version))

    def publish(self) -> None:
        """Tell what happened since the last time."""
        for change in self._store.history:
            if change.version > self._seen:
                for watch in self._running:
                    watch.offer(change)
        self._seen = self._store.version

    def end(self, watch: Watch) -> None:
        self._running.remove(watch)

    def begin(self, call: Call) -> Watch:
        """A watch that has what happened since the asked version before what will happen.

        Raises ``Expired`` for a version that is too old.
        """
        watch = Watch(call)
        asked = call.query.get("resourceVersion", "")
        streaming = call.query.get("sendInitialEvents") == "true"
        if streaming or asked in ("", "0"):
            for obj in call.selected(self._store):
                watch.push({"type": "ADDED", "object": call.shown(obj)})
            if streaming:
                ending = bookmark(call.resource, self._store.version)
                mark = {"k8s.io/initial-events-end": "true"}
                ending["object"]["metadata"]["annotations"] = mark
                watch.push(ending)
        elif int(asked) < self._store.oldest:
            raise Expired("too old resource version", reason="Expired")
        else:
            for change in self._store.history:
                if change.version > int(asked):
                    watch.offer(change)
        self._running.append(watch)
        return watch
