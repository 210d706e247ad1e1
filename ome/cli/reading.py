"""Reading from the cluster of a kubeconfig, for commands that a user waits for."""

from __future__ import annotations

import os
import random
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import yaml

from ome.api import names
from ome.cli.goflags import Flag
from ome.cli.progress import watched
from ome.clock import SystemClock
from ome.errors import (
    ApiError,
    ClusterUnavailable,
    Forbidden,
    NotFound,
    TransportError,
    Unauthorized,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

    from ome.kube.client import Client

__all__ = ["CLUSTER_FLAGS", "Where", "context_namespace", "reading"]

CLUSTER_FLAGS = (
    Flag("context", "", "context of the kubeconfig (default: its current one)"),
    Flag("kubeconfig", "", "path of a kubeconfig"),
)
"""Of every command that reads a cluster."""
_POD_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


@dataclass(frozen=True, slots=True)
class Where:
    """The cluster that a command reads; what is empty is found as kubectl finds it."""

    kubeconfig: str = ""
    context: str = ""

    @classmethod
    def of(cls, flags: Mapping[str, Any]) -> Where:
        """As ``CLUSTER_FLAGS`` say."""
        return cls(flags["kubeconfig"], flags["context"])


@asynccontextmanager
async def reading(
    command: str, where: Where, seconds: int, *, ours: bool = True
) -> AsyncIterator[Client]:
    """A client, for as many seconds at most, of a cluster that has OME's kinds if ``ours``.

    Raises ``ClusterUnavailable`` naming the command and the server, when that refuses or does not
    answer or has not the kinds, and ``UserError`` for a kubeconfig that cannot be used.
    """
    # Imported when used: commands that read files need no HTTP client.
    from ome.kube import Client
    from ome.kube.http import connect

    async with await connect(where.kubeconfig or None, where.context or None) as transport:
        try:
            with anyio.fail_after(seconds), watched(command) as observe:
                client = Client(
                    transport, clock=SystemClock(), rng=random.Random(), observe=observe
                )
                if ours:
                    await _require_kinds(client)
                yield client
        except Unauthorized as error:
            raise ClusterUnavailable(
                f"{command}: {transport.host}: {error}; renew the token or certificate of the"
                " kubeconfig, or choose another --context"
            ) from error
        except (ApiError, TransportError) as error:
            raise ClusterUnavailable(f"{command}: {transport.host}: {error}") from error
        except TimeoutError as error:
            raise ClusterUnavailable(
                f"{command}: {transport.host}: no answer in {seconds} s; is the cluster reachable?"
            ) from error


async def _require_kinds(client: Client) -> None:
    """Raises ``NotFound`` where OME is not installed: every object would be missing there."""
    try:
        await client.raw_get(f"/apis/{names.API_VERSION}")
    except NotFound as error:
        raise NotFound(
            f"the cluster does not have the kinds of {names.API_VERSION}; choose another --context,"
            " or install the chart ome-crd"
        ) from error
    except Forbidden:
        pass  # what may be read will show


def context_namespace(where: Where) -> str:
    """The namespace of the kubeconfig's context, of the pod that we run in, or ``default``."""
    given = where.kubeconfig or os.environ.get("KUBECONFIG") or str(Path.home() / ".kube/config")
    paths = [Path(path) for path in given.split(os.pathsep) if path]
    try:
        found = _namespace(where.context, list(_documents(paths)))
    except (OSError, ValueError, yaml.YAMLError, AttributeError, KeyError, TypeError):
        found = None  # connecting will say what is wrong with it
    if not found and not any(path.is_file() for path in paths) and _POD_NAMESPACE.is_file():
        found = _POD_NAMESPACE.read_text().strip()
    return str(found or "default")


def _documents(paths: Sequence[Path]) -> Iterator[dict[str, Any]]:
    for path in paths:
        if path.is_file():
            yield yaml.safe_load(path.read_text()) or {}


def _namespace(context: str, files: Sequence[Mapping[str, Any]]) -> str | None:
    """Of several files the first that says something counts, as for kubectl."""
    current = (held.get("current-context") for held in files)
    wanted = context or next(filter(None, current), "")
    for held in files:
        for item in held.get("contexts") or ():
            if item["name"] == wanted:
                namespace: str | None = (item.get("context") or {}).get("namespace")
                return namespace
    return None
