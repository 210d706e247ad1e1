"""A proxy between kubectl and an API server that notes every exchange, and a player of the notes.

Notes are made on the real server. Played on another one, every answer must be the same but for
what differs between two runs on the same server.
"""

from __future__ import annotations

import json
import re
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

import aiohttp
import anyio
import anyio.from_thread
from aiohttp import web

from tests.contract import harness
from tests.kubectl.session import plain

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

__all__ = ["Exchange", "load", "normal", "recording", "save"]

_PROTOBUF = "application/vnd.kubernetes.protobuf,"
_HEADERS = ("accept", "content-type")
_UNTOLD = re.compile(r"/openapi/|/api$|/apis$|/version$")
"""Paths whose answers are long and the subject of other tests: only the status is noted."""
_DROPPED = frozenset(
    {
        "clusterIP",
        "clusterIPs",
        "continue",
        "creationTimestamp",
        "deletionTimestamp",
        "deprecatedCount",
        "deprecatedFirstTimestamp",
        "deprecatedLastTimestamp",
        "description",
        "endpoints.kubernetes.io/last-change-trigger-time",
        "eventTime",
        "generation",
        "lastTransitionTime",
        "lastUpdateTime",
        "managedFields",
        "observedGeneration",
        "ome.io/applied-hash",
        "pod-template-hash",
        "remainingItemCount",
        "resourceVersion",
        "selfLink",
        "uid",
    }
)


@dataclass(slots=True)
class Exchange:
    """One request and what was answered; of a stream its lines."""

    method: str
    path: str
    headers: dict[str, str]
    body: str
    status: int = 0
    answer: str = ""
    lines: list[str] = field(default_factory=list)

    @property
    def is_watch(self) -> bool:
        return "watch=" in self.path

    @property
    def events(self) -> list[Any]:
        """What a watch said, but for bookmarks."""
        said = [json.loads(line) for line in self.lines]
        return [event for event in said if event["type"] != "BOOKMARK"]

    def elsewhere(self) -> Exchange:
        """The request as it may be sent to another server, which knows other versions and uids."""
        path, _, query = self.path.partition("?")
        kept = [
            (name, re.sub(r",involvedObject\.uid=[^,]*|involvedObject\.uid=[^,]*,", "", value))
            for name, value in parse_qsl(query)
            if name != "resourceVersion"
        ]
        body = self.body
        if body.startswith("{"):
            body = json.dumps(_without_identity(json.loads(body)))
        return replace(self, path=f"{path}?{urlencode(kept)}" if kept else path, body=body)


def _without_identity(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: _without_identity(item)
            for name, item in value.items()
            if name not in ("resourceVersion", "uid")
        }
    return value


def load(path: Path) -> list[Exchange]:
    """The notes of a file."""
    return [Exchange(**json.loads(line)) for line in path.read_text().splitlines()]


def save(path: Path, exchanges: list[Exchange]) -> None:
    """Write the notes, one exchange a line."""
    path.write_text("".join(json.dumps(asdict(entry)) + "\n" for entry in exchanges))


def normal(value: Any) -> Any:
    """A JSON value without what differs between two runs."""
    if isinstance(value, dict):
        kept = {normal(name): normal(item) for name, item in value.items() if name not in _DROPPED}
        return {name: item for name, item in kept.items() if (name, item) != ("annotations", {})}
    if isinstance(value, list):
        return [normal(item) for item in value]
    if isinstance(value, str):
        return "\n".join(plain(value))
    return value


@contextmanager
def recording(kubeconfig: str, exchanges: list[Exchange]) -> Iterator[str]:
    """A plain HTTP address that forwards to the kubeconfig's server and notes what passes."""
    with anyio.from_thread.start_blocking_portal() as portal:
        manager = portal.wrap_async_context_manager(_proxy(kubeconfig, exchanges))
        with manager as url:
            yield url


class _Proxy:
    def __init__(
        self, session: aiohttp.ClientSession, server: str, exchanges: list[Exchange]
    ) -> None:
        self._session = session
        self._server = server
        self._exchanges = exchanges

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        headers = {name: request.headers[name] for name in _HEADERS if name in request.headers}
        if "accept" in headers:
            # A person can read JSON notes.
            headers["accept"] = headers["accept"].replace(_PROTOBUF, "")
        noted = Exchange(request.method, request.path_qs, headers, body.decode("utf-8", "replace"))
        self._exchanges.append(noted)
        forwarded = {**headers, "User-Agent": request.headers.get("User-Agent", "")}
        async with self._session.request(
            request.method, self._server + request.path_qs, data=body or None, headers=forwarded
        ) as answer:
            noted.status = answer.status
            if not noted.is_watch:
                text = await answer.read()
                if not _UNTOLD.search(request.path):
                    noted.answer = text.decode("utf-8", "replace")
                return web.Response(
                    body=text, status=answer.status, headers=_passed(answer.headers)
                )
            response = web.StreamResponse(status=answer.status, headers=_passed(answer.headers))
            await response.prepare(request)
            try:
                async for line in answer.content:
                    if request.transport is None or request.transport.is_closing():
                        break  # kubectl has seen enough
                    noted.lines.append(line.decode())
                    await response.write(line)
            except ConnectionResetError:
                pass
            return response


@asynccontextmanager
async def _proxy(kubeconfig: str, exchanges: list[Exchange]) -> AsyncIterator[str]:
    async with harness.connect(kubeconfig) as (session, server):
        application = web.Application(client_max_size=2**24)
        proxy = _Proxy(session, server, exchanges)
        application.router.add_route("*", "/{path:.*}", proxy.handle)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            with anyio.CancelScope(shield=True):
                await runner.cleanup()


def _passed(headers: Any) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name in ("Content-Type", "Warning")}
