"""A plain HTTP client for the contract suite: it shares no code with what it is a contract for."""

from __future__ import annotations

import base64
import json
import ssl
import tempfile
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import anyio
import yaml

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

JSON = "application/json"
JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"

WIDGETS = "/apis/contract.ome.io/v1/namespaces/{ns}/widgets"
CONFIGMAPS = "/api/v1/namespaces/{ns}/configmaps"
DEPLOYMENTS = "/apis/apps/v1/namespaces/{ns}/deployments"


@dataclass(frozen=True)
class Answer:
    """An HTTP answer with its JSON body."""

    status: int
    body: dict[str, Any]
    warnings: tuple[str, ...] = ()

    @property
    def reason(self) -> str:
        return str(self.body.get("reason", ""))

    @property
    def message(self) -> str:
        return str(self.body.get("message", ""))

    @property
    def version(self) -> str:
        return str(self.body["metadata"]["resourceVersion"])


class Api:
    """Requests against one API server; ``ns`` is a namespace of this test's own."""

    def __init__(self, session: aiohttp.ClientSession, server: str, ns: str) -> None:
        self._session = session
        self._server = server
        self.ns = ns

    async def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        content_type: str = JSON,
        accept: str = JSON,
        query: Mapping[str, str | int] | None = None,
    ) -> Answer:
        """One request; ``{ns}`` in the path is the test's namespace."""
        async with self._session.request(
            method,
            self._server + path.format(ns=self.ns),
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": content_type, "Accept": accept},
            params={key: str(value) for key, value in (query or {}).items()},
        ) as response:
            text = await response.text()
            warnings = tuple(response.headers.getall("Warning", []))
            is_json = response.content_type == JSON and text
            return Answer(response.status, json.loads(text) if is_json else {}, warnings)

    async def get(self, path: str, **query: str | int) -> Answer:
        return await self.send("GET", path, query=query)

    async def create(self, path: str, body: Any, **query: str | int) -> Answer:
        return await self.send("POST", path, body, query=query)

    async def put(self, path: str, body: Any, **query: str | int) -> Answer:
        return await self.send("PUT", path, body, query=query)

    async def patch(self, path: str, body: Any, content_type: str, **query: str | int) -> Answer:
        return await self.send("PATCH", path, body, content_type=content_type, query=query)

    async def apply(self, path: str, body: Any, manager: str, **query: str | int) -> Answer:
        return await self.patch(path, body, APPLY_PATCH, fieldManager=manager, **query)

    async def delete(self, path: str, body: Any = None, **query: str | int) -> Answer:
        return await self.send("DELETE", path, body, query=query)

    @asynccontextmanager
    async def watch(self, path: str, **query: str | int) -> AsyncIterator[Events]:
        """A watch; its events in order, each taken with a deadline."""
        query = {"watch": "true", **query}
        async with self._session.get(
            self._server + path.format(ns=self.ns),
            params={key: str(value) for key, value in query.items()},
            headers={"Accept": JSON},
        ) as response:
            assert response.status == 200, await response.text()
            yield Events(response)

    async def eventually(
        self, path: str, holds: Callable[[Answer], bool], seconds: float = 20, **query: str | int
    ) -> Answer:
        """Read until ``holds``; fails with the last answer."""
        answer = await self.get(path, **query)
        with anyio.move_on_after(seconds):
            while not holds(answer):
                await anyio.sleep(0.1)
                answer = await self.get(path, **query)
        assert holds(answer), answer
        return answer

    async def cached(self, path: str, written: Answer) -> None:
        """Wait until the server's own cache has what was ``written``.

        An update starts from what that cache holds; from an older state admission is asked for
        it, and once more when the write then meets the newer one.
        """
        assert written.status in (200, 201), written
        await self.eventually(path, lambda now: now.version == written.version, resourceVersion=0)


class Events:
    """The events of one watch."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def next(self, seconds: float = 15) -> tuple[str, dict[str, Any]]:
        """The next event as (type, object)."""
        with anyio.fail_after(seconds):
            line = await self._response.content.readline()
        assert line, "the watch ended"
        event = json.loads(line)
        return event["type"], event["object"]

    async def ended(self, seconds: float = 15) -> bool:
        """Whether the server closes the stream, whatever it sends before."""
        with anyio.move_on_after(seconds):
            while await self._response.content.readline():
                pass
            return True
        return False


@asynccontextmanager
async def connect(kubeconfig: str) -> AsyncIterator[tuple[aiohttp.ClientSession, str]]:
    """A session and the server's URL from a kubeconfig with certificates or a token."""
    server, tls, headers = credentials(kubeconfig)
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=tls),
        headers=headers,
        timeout=aiohttp.ClientTimeout(total=None, sock_read=60),
        read_bufsize=2**20,
    ) as session:
        yield session, server


def credentials(kubeconfig: str) -> tuple[str, ssl.SSLContext, dict[str, str]]:
    """The server, its TLS and the headers that say who asks."""
    config = yaml.safe_load(Path(kubeconfig).read_text())
    context = next(c for c in config["contexts"] if c["name"] == config["current-context"])
    cluster = _named(config["clusters"], context["context"]["cluster"])["cluster"]
    user = _named(config["users"], context["context"]["user"])["user"]
    tls = ssl.create_default_context(cadata=_data(cluster, "certificate-authority").decode())
    if "token" in user:
        return cluster["server"], tls, {"Authorization": f"Bearer {user['token']}"}
    with tempfile.NamedTemporaryFile() as chain:
        chain.write(_data(user, "client-certificate") + b"\n" + _data(user, "client-key"))
        chain.flush()
        tls.load_cert_chain(chain.name)
    return cluster["server"], tls, {}


def _named(entries: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(entry for entry in entries if entry["name"] == name)


def _data(entry: Mapping[str, str], name: str) -> bytes:
    if f"{name}-data" in entry:
        return base64.b64decode(entry[f"{name}-data"])
    return Path(entry[name]).read_bytes()


def configmap(name: str, labels: dict[str, str] | None = None, /, **data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "labels": labels or {}},
        "data": data,
    }


def deployment(name: str, image: str = "example.test/a:1") -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "main", "image": image}]},
            },
        },
    }


def widget(name: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "contract.ome.io/v1",
        "kind": "Widget",
        "metadata": {"name": name},
        "spec": {"size": 1, **spec},
    }


WIDGET_CRD: dict[str, Any] = yaml.safe_load(
    (Path(__file__).resolve().parent / "widgets.yaml").read_text()
)
"""Also given to the control plane at its start: its garbage collector looks for kinds rarely."""
