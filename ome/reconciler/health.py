"""Probes and metrics over HTTP.

``/healthz`` and ``/readyz`` run named checks; each answers None when all is well, else one line
that says what is not. ``?verbose=1`` lists them, ``?exclude=NAME`` leaves one out and
``/readyz/NAME`` asks for one alone.
"""

from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING

from aiohttp import web
from prometheus_client.exposition import choose_encoder

from ome.errors import UserError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable, Mapping

    from prometheus_client import CollectorRegistry

    _Handler = Callable[[web.Request], Awaitable[web.Response]]

__all__ = [
    "EVERYWHERE",
    "TOKEN_HEADER",
    "HttpServer",
    "PortInUse",
    "authorization",
    "metrics_app",
    "parse_address",
    "probe_app",
    "refusal",
]

EVERYWHERE = ""
"""The host that stands for every interface, over IPv4 and IPv6 alike."""
TOKEN_HEADER = "x-ome-authorization"
"""Where a token may come as well: the API server's proxy keeps ``Authorization`` for itself."""
_BACKLOG = 128

_REFUSALS = {
    401: "a bearer token that the API server knows is needed\n",
    403: "the token's account may not GET {path}: bind ClusterRole {role} to it\n",
    503: "the API server does not say whether the token may read this\n",
}


class PortInUse(UserError):
    """An address to listen on is taken or may not be used."""

    exit_code = 1


def authorization(request: web.Request) -> str:
    """The credentials that a reader brings; empty without any."""
    return request.headers.get(TOKEN_HEADER, request.headers.get("Authorization", ""))


def refusal(status: int, path: str, role: str) -> web.Response:
    """The answer to a reader who is not admitted; ``role`` is what his account lacks for 403."""
    text = _REFUSALS.get(status, "").format(path=path, role=role)
    return web.Response(status=status, text=text)


def parse_address(text: str, flag: str) -> tuple[str, int]:
    """``:8080`` or ``127.0.0.1:8080`` as host and port; every interface without a host."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65535:
        raise UserError(f"--{flag}={text}: expected HOST:PORT or :PORT")
    return host.strip("[]") or EVERYWHERE, int(port)


def probe_app(
    live: Mapping[str, Callable[[], str | None]], ready: Mapping[str, Callable[[], str | None]]
) -> web.Application:
    """The application that answers probes from two sets of checks."""
    app = web.Application()
    for path, checks in (("/healthz", live), ("/readyz", ready)):
        app.router.add_get(path, _all(checks))
        app.router.add_get(path + "/{name}", _one(checks))
    return app


def _all(checks: Mapping[str, Callable[[], str | None]]) -> _Handler:
    async def handle(request: web.Request) -> web.Response:
        excluded = set(request.query.getall("exclude", []))
        results = {name: check() for name, check in checks.items() if name not in excluded}
        failed = any(problem for problem in results.values())
        if not failed and "verbose" not in request.query:
            return web.Response(text="ok")
        lines = [
            f"[-]{name} failed: {problem}" if problem else f"[+]{name} ok"
            for name, problem in results.items()
        ]
        lines.append(f"{request.path.strip('/')} check {'failed' if failed else 'passed'}")
        return web.Response(status=500 if failed else 200, text="\n".join(lines) + "\n")

    return handle


def _one(checks: Mapping[str, Callable[[], str | None]]) -> _Handler:
    async def handle(request: web.Request) -> web.Response:
        name = request.match_info["name"]
        # The name of the path itself is a check of its own in controller-runtime.
        if name == request.path.split("/")[1]:
            problem = next((found for check in checks.values() if (found := check())), None)
        elif name in checks:
            problem = checks[name]()
        else:
            return web.Response(status=404, text=f"no check named {name}\n")
        if problem:
            return web.Response(status=500, text=f"{problem}\n")
        return web.Response(text="ok")

    return handle


def metrics_app(
    registry: CollectorRegistry,
    refresh: Callable[[], None],
    admit: Callable[[str], Awaitable[int]] | None = None,
) -> web.Application:
    """The application that serves ``/metrics``; ``refresh`` is called before each answer.

    ``admit`` gives the status for an ``Authorization`` header: 200 when its sender may read.
    """

    async def handle(request: web.Request) -> web.Response:
        if admit is not None:
            status = await admit(authorization(request))
            if status != 200:
                return refusal(status, "/metrics", "ome-metrics-reader")
        refresh()
        # Exemplars have a place in OpenMetrics alone, so it is given to who asks for it.
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(registry), headers={"Content-Type": content_type})

    app = web.Application()
    app.router.add_get("/metrics", handle)
    return app


class HttpServer:
    """One listening address; ``start`` binds it and ``stop`` lets answers finish."""

    def __init__(
        self,
        app: web.Application,
        host: str,
        port: int,
        tls: ssl.SSLContext | None = None,
        *,
        keep_alive: float = 75.0,
    ) -> None:
        """``keep_alive``: seconds until an idle connection is closed."""
        self._runner = web.AppRunner(
            app,
            access_log=None,
            handle_signals=False,
            shutdown_timeout=2,
            keepalive_timeout=keep_alive,
        )
        self._host = host
        self._port = port
        self._tls = tls

    async def start(self) -> int:
        """Listen; gives the port (chosen by the system for 0). Raises ``PortInUse``."""
        await self._runner.setup()
        try:
            await self._site().start()
        except OSError as error:
            await self._runner.cleanup()
            why = error.strerror or str(error)
            raise PortInUse(
                f"cannot listen on {self._host}:{self._port}: {why}; choose another address or stop"
                " what uses it"
            ) from error
        port: int = self._runner.addresses[0][1]
        return port

    def _site(self) -> web.BaseSite:
        if self._host == EVERYWHERE:
            listening = _everywhere(self._port)
            return web.SockSite(self._runner, listening, ssl_context=self._tls)
        return web.TCPSite(self._runner, self._host, self._port, ssl_context=self._tls)

    async def stop(self) -> None:
        """Close the address."""
        await self._runner.cleanup()


def _everywhere(port: int) -> socket.socket:
    """One socket for both families, so that both have the same port also when it is chosen.

    A kernel that knows IPv6 may have it switched off; then it refuses the address. Raises
    ``OSError``.
    """
    if socket.has_dualstack_ipv6():
        try:
            return socket.create_server(
                (EVERYWHERE, port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=_BACKLOG
            )
        except OSError as error:
            if error.errno != errno.EADDRNOTAVAIL:
                raise
    return socket.create_server((EVERYWHERE, port), backlog=_BACKLOG)
