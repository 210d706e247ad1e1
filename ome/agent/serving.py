"""The agent over HTTP: probes, metrics, and files for other nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

if TYPE_CHECKING:
    from collections.abc import Callable

    from prometheus_client import CollectorRegistry

    from ome.agent.blobs import Blobs

__all__ = ["agent_app", "metrics_only_app"]

_CHECK = "model-agent-health"


def agent_app(
    registry: CollectorRegistry,
    disk: Callable[[], str | None],
    synced: Callable[[], bool],
    blobs: Blobs | None,
) -> web.Application:
    """``disk`` says why the models' root cannot be written to; ``synced``: the caches are there."""

    async def one(_: web.Request) -> web.Response:
        problem = disk()
        if problem is not None:
            return web.Response(status=500, text=f"internal server error: {problem}\n")
        return web.Response(text="ok")

    async def alive(_: web.Request) -> web.Response:
        return web.Response(text="ok")

    def checked(checks: dict[str, Callable[[], bool]]) -> Callable[[web.Request], web.Response]:
        def answer(request: web.Request) -> web.Response:
            excluded = request.query.getall("exclude", [])
            fine = {name: holds() for name, holds in checks.items() if name not in excluded}
            return _answer(request, request.path.strip("/"), fine)

        return answer

    async def healthz(request: web.Request) -> web.Response:
        return checked({_CHECK: lambda: disk() is None})(request)

    async def readyz(request: web.Request) -> web.Response:
        return checked({_CHECK: lambda: disk() is None, "informer-sync": synced})(request)

    app = metrics_only_app(registry)
    app.router.add_get("/healthz", healthz)
    app.router.add_get(f"/healthz/{_CHECK}", one)
    app.router.add_get("/readyz", readyz)
    for path in ("/livez", "/livez/ping"):
        app.router.add_get(path, alive)
    if blobs is not None:
        blobs.add_to(app)
    return app


def metrics_only_app(registry: CollectorRegistry) -> web.Application:
    """Only ``/metrics``."""

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(
            body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    return app


def _answer(request: web.Request, check: str, fine: dict[str, bool]) -> web.Response:
    """As the API server's own probes: the reason of a failure is not told to everybody."""
    failed = not all(fine.values())
    if not failed and "verbose" not in request.query:
        return web.Response(text="ok")
    lines = [
        f"[+]{name} ok" if holds else f"[-]{name} failed: reason withheld"
        for name, holds in fine.items()
        if holds is False or "verbose" in request.query
    ]
    lines.append(f"{check} check {'failed' if failed else 'passed'}")
    return web.Response(status=500 if failed else 200, text="\n".join(lines) + "\n")
