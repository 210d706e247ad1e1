"""The verbs of the API. Deadlines, retries and the bound on requests are in ``ome.kube.caller``."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import anyio
import msgspec

from ome import __version__
from ome.errors import Expired, TransportError
from ome.kube import request as requests
from ome.kube.caller import NO_ANSWER, Caller
from ome.kube.request import DEFAULT_TIMEOUT, status_error

if TYPE_CHECKING:
    import builtins
    import random
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from ome.clock import Clock
    from ome.kube.guard import WriteGuard
    from ome.kube.request import Request
    from ome.kube.resource import ObjectKey, Resource
    from ome.kube.transport import ByteStream, Response, Transport

__all__ = ["Client"]


class Client:
    """Reads and writes objects of one API server; safe for any number of tasks of one loop.

    All verbs raise ``ApiError`` by reason when the server refuses and ``TransportError`` when no
    answer came; they end within ``timeout`` seconds.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        clock: Clock,
        rng: random.Random,
        max_in_flight: int = 64,
        user_agent: str = f"ome/{__version__}",
        timeout: float = DEFAULT_TIMEOUT,
        observe: Callable[[str, str, float], None] | None = None,
        guard: WriteGuard | None = None,
    ) -> None:
        """``max_in_flight`` bounds requests on their way (watches do not count).

        ``observe(method, code, seconds)`` is called once for each attempt, watches included; the
        code is ``<error>`` when no answer came, as in client-go. ``guard`` is asked before each
        write, which then raises what it raises (``NotLeading``).
        """
        self._transport = transport
        self._clock = clock
        self._caller = Caller(transport, clock, rng, max_in_flight, observe)
        self._user_agent = user_agent
        self._timeout = timeout
        self._guard = guard

    @property
    def host(self) -> str:
        """``host:port`` of the server."""
        return self._transport.host

    async def raw_get(
        self,
        path: str,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """The decoded JSON of any path, such as ``/version``; names of headers in lower case."""
        return await self._json(requests.raw_get(path, query, headers))

    async def raw_text(self, path: str, headers: Mapping[str, str] | None = None) -> str:
        """The text at any path, such as the metrics of a pod behind the proxy."""
        request = replace(requests.raw_get(path, None, headers), accept="text/plain")
        return (await self._send(request)).body.decode(errors="replace")

    async def get(
        self,
        resource: Resource,
        key: ObjectKey,
        *,
        subresource: str = "",
        metadata_only: bool = False,
    ) -> dict[str, Any]:
        """The object as stored now. Raises ``NotFound``."""
        return await self._object(
            requests.get(resource, key, subresource=subresource, metadata_only=metadata_only)
        )

    async def pod_log(
        self, key: ObjectKey, *, tail_lines: int, container: str = "", previous: bool = False
    ) -> str:
        """The last lines that a container wrote; the pod's only one when none is named.

        ``previous``: before it was restarted. Raises ``BadRequest`` while it has not started.
        """
        request = requests.pod_log(
            key, tail_lines=tail_lines, container=container, previous=previous
        )
        return (await self._send(request)).body.decode(errors="replace")

    async def list(
        self,
        resource: Resource,
        namespace: str = "",
        *,
        label_selector: str = "",
        field_selector: str = "",
        limit: int = 500,
    ) -> builtins.list[dict[str, Any]]:
        """All objects of a collection at one version, each with ``apiVersion`` and ``kind``.

        Read in pages of ``limit``; a collection whose pages expire is read again in one piece.
        """
        items: list[dict[str, Any]] = []
        token = ""
        while True:
            try:
                page = msgspec.json.decode(
                    await self.list_page(
                        resource,
                        namespace=namespace,
                        label_selector=label_selector,
                        field_selector=field_selector,
                        limit=limit,
                        continue_=token,
                    )
                )
            except Expired:
                if not token:
                    raise
                items, token, limit = [], "", 0
                continue
            items += page.get("items") or ()
            token = page["metadata"].get("continue", "")
            if not token:
                break
        for item in items:
            item.setdefault("apiVersion", resource.api_version)
            item.setdefault("kind", resource.kind)
        return items

    async def list_page(
        self,
        resource: Resource,
        *,
        namespace: str = "",
        label_selector: str = "",
        field_selector: str = "",
        limit: int = 500,
        continue_: str = "",
        resource_version: str = "",
        resource_version_match: str = "",
        metadata_only: bool = False,
    ) -> bytes:
        """One page as its bytes. Raises ``Expired`` when the continue token is too old."""
        response = await self._send(
            requests.list_(
                resource,
                namespace=namespace,
                label_selector=label_selector,
                field_selector=field_selector,
                limit=limit,
                continue_=continue_,
                resource_version=resource_version,
                resource_version_match=resource_version_match,
                metadata_only=metadata_only,
            )
        )
        return response.body

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
        """The stream's raw chunks as they arrive, of any size; ends when the server ends it.

        Never retried. Raises ``ApiError`` for an answer that is not 200 (``Expired``: list again)
        and ``TransportError``, also in the middle. The reader keeps a deadline of its own.
        """
        request = self._prepared(
            requests.watch(
                resource,
                namespace=namespace,
                label_selector=label_selector,
                field_selector=field_selector,
                resource_version=resource_version,
                timeout_seconds=timeout_seconds,
                send_initial_events=send_initial_events,
                metadata_only=metadata_only,
            )
        )
        started = self._clock.monotonic()
        code = NO_ANSWER
        try:
            async with self._transport.stream(request) as stream:
                code = str(stream.status)
                self._caller.count(request, code, started)
                if stream.status != 200:
                    body = await _whole(stream, self._timeout)
                    raise status_error(stream.status, stream.headers, body, request)
                yield aiter(stream)
        except TransportError:
            if code == NO_ANSWER:
                self._caller.count(request, code, started)
            raise

    async def create(
        self,
        resource: Resource,
        obj: Mapping[str, Any],
        *,
        subresource: str = "",
        manager: str = "",
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Make an object. Raises ``AlreadyExists``."""
        return await self._object(
            requests.create(
                resource, obj, subresource=subresource, manager=manager, dry_run=dry_run
            )
        )

    async def replace(
        self,
        resource: Resource,
        obj: Mapping[str, Any],
        *,
        subresource: str = "",
        manager: str = "",
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Put an object in the place of the stored one; ``Conflict`` if its version is old."""
        return await self._object(
            requests.replace(
                resource, obj, subresource=subresource, manager=manager, dry_run=dry_run
            )
        )

    async def delete(
        self,
        resource: Resource,
        key: ObjectKey,
        *,
        uid: str | None = None,
        resource_version: str | None = None,
        propagation: str = "Background",
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Delete; gives the object (finalizers hold it) or a Status.

        Raises ``Conflict`` when it is another object (uid) or version than given.
        """
        return await self._object(
            requests.delete(
                resource,
                key,
                uid=uid,
                resource_version=resource_version,
                propagation=propagation,
                dry_run=dry_run,
            )
        )

    async def json_patch(
        self,
        resource: Resource,
        key: ObjectKey,
        ops: Sequence[Mapping[str, Any]],
        *,
        subresource: str = "",
        manager: str = "",
        dry_run: bool = False,
        metadata_only: bool = False,
    ) -> dict[str, Any]:
        """Patch by operations; a failed ``test`` is ``Invalid`` (see ``ome.kube.apply``)."""
        return await self._object(
            requests.json_patch(
                resource,
                key,
                ops,
                subresource=subresource,
                manager=manager,
                dry_run=dry_run,
                metadata_only=metadata_only,
            )
        )

    async def merge_patch(
        self,
        resource: Resource,
        key: ObjectKey,
        patch: Mapping[str, Any],
        *,
        subresource: str = "",
        manager: str = "",
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Patch by example: null removes, lists are replaced."""
        return await self._object(
            requests.merge_patch(
                resource, key, patch, subresource=subresource, manager=manager, dry_run=dry_run
            )
        )

    async def strategic_patch(
        self,
        resource: Resource,
        key: ObjectKey,
        patch: Mapping[str, Any],
        *,
        subresource: str = "",
        manager: str = "",
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Patch by example with keyed lists; ``UnsupportedMediaType`` for custom kinds."""
        return await self._object(
            requests.strategic_patch(
                resource, key, patch, subresource=subresource, manager=manager, dry_run=dry_run
            )
        )

    async def apply(
        self,
        resource: Resource,
        obj: Mapping[str, Any],
        *,
        manager: str,
        force: bool = True,
        subresource: str = "",
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Server-side apply as it is; the rules for our objects are in ``ome.kube.apply``."""
        return await self._object(
            requests.apply(
                resource,
                obj,
                manager=manager,
                force=force,
                subresource=subresource,
                dry_run=dry_run,
            )
        )

    async def scale(self, resource: Resource, key: ObjectKey, replicas: int) -> dict[str, Any]:
        """Set the number of replicas through the scale subresource; gives the Scale."""
        patch = {"spec": {"replicas": replicas}}
        return await self.merge_patch(resource, key, patch, subresource="scale")

    async def _object(self, request: Request) -> dict[str, Any]:
        document: dict[str, Any] = await self._json(request)
        return document

    async def _json(self, request: Request) -> Any:
        response = await self._send(request)
        try:
            return msgspec.json.decode(response.body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise TransportError(
                f"{request}: what {self.host} answered is no JSON; look whether the kubeconfig's"
                " server is a Kubernetes API server, and what stands between"
            ) from error
        except RecursionError as error:
            raise TransportError(
                f"{request}: an object is nested too deeply to be read; make its fields flatter"
            ) from error

    async def _send(self, request: Request) -> Response:
        return await self._caller.send(self._prepared(request))

    def _prepared(self, request: Request) -> Request:
        guard = self._guard if request.writes else None
        return replace(request, timeout=self._timeout, user_agent=self._user_agent, guard=guard)


async def _whole(stream: ByteStream, seconds: float) -> bytes:
    """The body of a refusal; what is there when the time is up."""
    body = bytearray()
    with anyio.move_on_after(seconds):
        async for chunk in stream:
            body += chunk
    return bytes(body)
