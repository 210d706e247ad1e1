"""The sandbox put together: API server, TLS port, kubeconfigs, simulated cluster."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import anyio

from ome.sandbox.apiserver.audit import Audit
from ome.sandbox.apiserver.authentication import ADMIN
from ome.sandbox.apiserver.calls import User
from ome.sandbox.apiserver.certificates import kubeconfig, make_serving
from ome.sandbox.apiserver.http import serve
from ome.sandbox.apiserver.local import Local
from ome.sandbox.apiserver.server import ApiServer
from ome.sandbox.apiserver.transport import EmbeddedTransport
from ome.sandbox.cluster import Cluster, Options
from ome.sandbox.realbenchmarks import real_benchmarks

if TYPE_CHECKING:
    import random
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from ome.clock import Clock

__all__ = ["Sandbox", "Settings", "started"]


@dataclass(frozen=True, slots=True)
class Settings:
    """Where a sandbox listens and keeps its files, and what its cluster is like."""

    directory: Path
    """Takes the kubeconfigs and the audit log; made when it is not there."""
    host: str = "127.0.0.1"
    port: int = 0
    cluster: Options = field(default_factory=Options)
    users: Sequence[str] = ()
    """Users that get a kubeconfig of their own, ``NAME.kubeconfig``, and no rights."""
    benchmarks: Path | None = None
    """The executable that runs benchmarks for real; without it they are simulated."""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A running sandbox."""

    server: ApiServer
    local: Local
    cluster: Cluster
    url: str
    kubeconfig: Path

    def transport(self, name: str) -> EmbeddedTransport:
        """A connection of an all-powerful user without a socket."""
        user = User(name, ("system:masters", "system:authenticated"))
        return EmbeddedTransport(self.server, user)


@asynccontextmanager
async def started(settings: Settings, clock: Clock, rng: random.Random) -> AsyncIterator[Sandbox]:
    """Run a sandbox while the context is open.

    Raises ``OSError`` when the port is taken or the directory cannot be written.
    """
    settings.directory.mkdir(parents=True, exist_ok=True)
    async with AsyncExitStack() as stack:
        log = stack.enter_context((settings.directory / "audit.log").open("wb"))
        server = ApiServer(clock, rng, Audit(log, clock))
        local = Local(server)
        serving = make_serving(settings.host)
        options = replace(settings.cluster, authority=serving.authority.decode())
        programs = None
        if settings.benchmarks is not None:
            programs = await stack.enter_async_context(
                real_benchmarks(local, settings.benchmarks, settings.directory)
            )
            server.subresources.logs = programs.log
        cluster = Cluster(local, clock, rng, options, programs)
        url = await stack.enter_async_context(serve(server, serving, settings.host, settings.port))
        path = kubeconfig(
            settings.directory / "kubeconfig",
            url,
            serving.authority,
            ADMIN.name,
            server.users.token(ADMIN),
        )
        for name in settings.users:
            token = server.users.token(User(name, ("system:authenticated",)))
            kubeconfig(
                settings.directory / f"{name}.kubeconfig", url, serving.authority, name, token
            )
        async with anyio.create_task_group() as group:
            group.start_soon(server.run)
            group.start_soon(cluster.run)
            yield Sandbox(server, local, cluster, url, path)
            group.cancel_scope.cancel()
