"""Reading from the cluster of a kubeconfig, for commands that a user waits for."""

from __future__ import annotations

import random
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio

from ome.clock import SystemClock
from ome.errors import ApiError, TransportError, UserError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ome.kube.client import Client

__all__ = ["reading"]


@asynccontextmanager
async def reading(command: str, kubeconfig: str, seconds: int) -> AsyncIterator[Client]:
    """A client, for as many seconds at most.

    Raises ``UserError`` naming the command and the server, when that refuses or does not answer.
    """
    # Imported when used: commands that read files need no HTTP client.
    from ome.kube import Client
    from ome.kube.http import connect

    async with await connect(kubeconfig or None) as transport:
        try:
            with anyio.fail_after(seconds):
                yield Client(transport, clock=SystemClock(), rng=random.Random())
        except (ApiError, TransportError) as error:
            raise UserError(f"{command}: {transport.host}: {error}") from error
        except TimeoutError as error:
            raise UserError(
                f"{command}: {transport.host}: no answer in {seconds} s; is the cluster reachable?"
            ) from error
