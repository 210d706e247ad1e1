"""OME's own webhooks in a sandbox: where they are served, registered, and when they answer.

On a cluster the chart registers them at a Service. Here they listen on this machine alone, and are
registered by address.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import anyio

from ome.errors import UserError
from ome.kube.resources import MUTATING_WEBHOOKS, VALIDATING_WEBHOOKS
from ome.webhooks.serving import WebhookSettings
from ome.webhooks.table import configurations

if TYPE_CHECKING:
    from pathlib import Path

    from ome.sandbox.local import LocalApi

__all__ = ["answering", "place", "registrations"]

_HOST = "127.0.0.1"
_SECONDS = 60
_LOOK_EVERY = 0.02


def place(namespace: str, directory: Path) -> WebhookSettings:
    """A free port of this machine; certificates are the manager's own, whatever lies around."""
    with socket.socket() as held:
        held.bind((_HOST, 0))
        port: int = held.getsockname()[1]
    return WebhookSettings(
        namespace,
        port,
        host=_HOST,
        folder=directory / "no-certificates",
        extra_hosts=(_HOST,),
        linger=0,
    )


def registrations(settings: WebhookSettings) -> list[dict[str, Any]]:
    """The configurations, which the manager completes with whom to trust."""
    return configurations(lambda path: {"url": f"https://{_HOST}:{settings.port}{path}"})


async def answering(local: LocalApi, settings: WebhookSettings) -> None:
    """Wait until requests that webhooks review are no more refused for want of an answer.

    Raises ``UserError`` when that takes a minute.
    """
    try:
        with anyio.fail_after(_SECONDS):
            while True:
                if _trusted(local) and await _listens(settings):
                    return
                await anyio.sleep(_LOOK_EVERY)
    except TimeoutError:
        raise UserError(
            f"OME's webhooks do not answer on {_HOST}:{settings.port} after {_SECONDS} s; its log"
            " (ome.log) says why"
        ) from None


def _trusted(local: LocalApi) -> bool:
    return all(
        webhook["clientConfig"].get("caBundle")
        for resource in (MUTATING_WEBHOOKS, VALIDATING_WEBHOOKS)
        for stored in local.list(resource)
        for webhook in stored.load()["webhooks"]
    )


async def _listens(settings: WebhookSettings) -> bool:
    try:
        stream = await anyio.connect_tcp(_HOST, settings.port)
    except OSError:
        return False
    await stream.aclose()
    return True
