"""A small API server in memory: one resource, its history, and every way in which a watch goes bad.

It is a model, not a fake for reconcilers (that is ``tests/support/fake_cluster``): it promises what
Kubernetes promises of lists and watches and nothing more, and breaks off where a test says so.
"""

from __future__ import annotations

import itertools
import json
from collections import deque
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import msgspec

from ome.errors import Expired, NotFound, TransportError, api_error
from ome.informers.projection import Metadata
from ome.kube.resource import ObjectKey, Resource

if TYPE_CHECKING:
    import random
    from collections.abc import AsyncIterator, Callable

THINGS = Resource("example.com", "v1", "Thing", "things")


class Thing(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """The usual projection of these tests."""

    metadata: Metadata
    value: int = 0


Document = dict[str, Any]


@dataclass
class Request:
    """What was asked for, and when."""

    verb: str
    at: float
    version: str = ""
    limit: int = 0
    continue_: str = ""
    seconds: int = 0
    initial: bool = False


@dataclass
class Stream:
    """One open watch; faults are put between the events."""

    since: int
    inbox: deque[bytes | Exception | None] = field(default_factory=deque)
    wake: anyio.Event = field(default_factory=anyio.Event)
    deaf: bool = False

    def send(self, item: bytes | Exception | None) -> None:
        if self.deaf:
            return
        self.inbox.append(item)
        self.wake.set()


def line(type_: str, obj: Any) -> bytes:
    return json.dumps({"type": type_, "object": obj}).encode() + b"\n"


class Server:
    """See the module. ``cut`` decides how bytes become chunks."""

    def __init__(self, rng: random.Random, *, page: int = 2) -> None:
        self.rng = rng
        self.page = page
        self.version = 10
        self.compacted = 0
        self.objects: dict[ObjectKey, Document] = {}
        self.history: list[tuple[int, str, Document]] = []
        self.streams: list[Stream] = []
        self.requests: list[Request] = []
        self.errors: deque[tuple[str, Exception]] = deque()
        self.before: Callable[[Request], None] = lambda request: None
        self.installed = True
        self.streaming = True
        self.stale_list: int | None = None
        self._made = 0
        self._pages: dict[str, tuple[int, list[Document]]] = {}

    # What happens in the cluster

    def put(self, name: str, value: Any = 0, *, namespace: str = "ns", **labels: str) -> Document:
        """Create or change an object; gives what the API would answer."""
        key = ObjectKey(namespace, name)
        self.version += 1
        old = self.objects.get(key)
        if old is None:
            self._made += 1
        metadata = {
            "name": name,
            "namespace": namespace,
            "uid": old["metadata"]["uid"] if old else f"uid-{self._made}",
            "resourceVersion": str(self.version),
            "labels": labels,
        }
        obj = {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": metadata}
        self.objects[key] = obj | {"value": value}
        self._happened("MODIFIED" if old else "ADDED", self.objects[key])
        return self.objects[key]

    def delete(self, name: str, *, namespace: str = "ns") -> Document | None:
        """Delete an object, if it is there."""
        old = self.objects.pop(ObjectKey(namespace, name), None)
        if old is None:
            return None
        self.version += 1
        last = old | {"metadata": old["metadata"] | {"resourceVersion": str(self.version)}}
        self._happened("DELETED", last)
        return last

    def compact(self) -> None:
        """Forget all history and page tokens."""
        self.compacted = self.version
        self._pages.clear()

    # What happens on the way

    def send(self, item: bytes | Exception | None) -> None:
        """Into all open watches: bytes as they are, an exception, or None for the end."""
        for stream in self.streams:
            stream.send(item)

    def bookmark(self) -> None:
        self.send(line("BOOKMARK", {"metadata": {"resourceVersion": str(self.version)}}))

    def expire(self) -> None:
        """An in-stream 410."""
        status = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}
        self.send(line("ERROR", status))

    def repeat(self) -> None:
        """Deliver an event of the past again."""
        if self.history:
            _, type_, obj = self.rng.choice(self.history)
            self.send(line(type_, obj))

    def deafen(self) -> None:
        """The connections are dead, and nobody notices: nothing comes any more, no end either."""
        for stream in self.streams:
            stream.deaf = True

    def fail(self, verb: str, error: Exception) -> None:
        """The next request of this verb fails."""
        self.errors.append((verb, error))

    def _happened(self, type_: str, obj: Document) -> None:
        self.history.append((self.version, type_, obj))
        self.send(line(type_, obj))

    # The client's side

    async def list_page(
        self,
        resource: Resource,
        *,
        namespace: str = "",
        label_selector: str = "",
        field_selector: str = "",
        limit: int = 500,
        continue_: str = "",
        metadata_only: bool = False,
    ) -> bytes:
        self._asked(Request("list", anyio.current_time(), limit=limit, continue_=continue_))
        await anyio.lowlevel.checkpoint()
        if continue_:
            if continue_ not in self._pages:
                raise Expired("the continue token is too old")
            version, rest = self._pages.pop(continue_)
        else:
            version = self.version if self.stale_list is None else self.stale_list
            rest = [o for key, o in self.objects.items() if namespace in ("", key.namespace)]
        size = self.page if limit else len(rest)
        items, rest = rest[:size], rest[size:]
        token = ""
        if rest:
            token = f"token-{len(self.requests)}"
            self._pages[token] = (version, rest)
        metadata = {"resourceVersion": str(version), "continue": token}
        return json.dumps({"metadata": metadata, "items": items}).encode()

    @asynccontextmanager
    async def watch(
        self,
        resource: Resource,
        *,
        namespace: str = "",
        label_selector: str = "",
        field_selector: str = "",
        resource_version: str = "",
        timeout_seconds: int = 0,
        send_initial_events: bool = False,
        metadata_only: bool = False,
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        request = Request("watch", anyio.current_time(), resource_version)
        request.seconds, request.initial = timeout_seconds, send_initial_events
        self._asked(request)
        await anyio.lowlevel.checkpoint()
        stream = Stream(int(resource_version or 0))
        if send_initial_events:
            if not self.streaming:
                raise api_error("sendInitialEvents is forbidden", status=422, reason="Invalid")
            self._initial(stream)
        elif stream.since < self.compacted:
            raise Expired("too old resource version")
        else:
            for version, type_, obj in self.history:
                if version > stream.since:
                    stream.send(line(type_, obj))
        self.streams.append(stream)
        try:
            yield self._chunks(stream, anyio.current_time() + timeout_seconds)
        finally:
            self.streams.remove(stream)

    def _asked(self, request: Request) -> None:
        self.requests.append(request)
        self.before(request)
        if not self.installed:
            raise NotFound("the server could not find the requested resource")
        for entry in self.errors:
            if entry[0] == request.verb:
                self.errors.remove(entry)
                raise entry[1]

    def _initial(self, stream: Stream) -> None:
        for obj in self.objects.values():
            stream.send(line("ADDED", obj))
        annotations = {"k8s.io/initial-events-end": "true"}
        metadata = {"resourceVersion": str(self.version), "annotations": annotations}
        stream.send(line("BOOKMARK", {"metadata": metadata}))

    async def _chunks(self, stream: Stream, end: float) -> AsyncIterator[bytes]:
        while True:
            while stream.inbox:
                data = b""
                while stream.inbox and isinstance(stream.inbox[0], bytes):
                    item = stream.inbox.popleft()
                    assert isinstance(item, bytes)
                    data += item
                for chunk in self._cut(data):
                    yield chunk
                    await anyio.lowlevel.checkpoint()
                if stream.inbox and not isinstance(stream.inbox[0], bytes):
                    fault = stream.inbox.popleft()
                    if fault is None:
                        return
                    assert isinstance(fault, Exception)
                    raise fault
            stream.wake = anyio.Event()
            left = 1e6 if stream.deaf else end - anyio.current_time()
            if left <= 0:
                return
            with anyio.move_on_after(min(left, 60.0)) as minute:
                await stream.wake.wait()
            if minute.cancelled_caught:
                metadata = {"resourceVersion": str(self.version)}
                stream.send(line("BOOKMARK", {"metadata": metadata}))

    def _cut(self, data: bytes) -> list[bytes]:
        """Cut anywhere, also within a character."""
        count = min(len(data), self.rng.choice((0, 0, 1, 2, 5)))
        cuts = sorted(self.rng.randrange(len(data)) for _ in range(count)) if data else []
        edges = [0, *cuts, len(data)]
        return [data[a:b] for a, b in itertools.pairwise(edges) if b > a]


def broken() -> TransportError:
    return TransportError("connection reset by peer")
