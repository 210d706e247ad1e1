"""The manager's own part of fanin: status writes in virtual time, without a server or sockets.

The same nodes, models and updates as ``fanin``, spread over ``--seconds`` of virtual time, in one
process. A server of a few lines answers at once and echoes each write to the watch; its CPU time
and that of the agents is taken off. What remains repeats to a few per cent on a busy machine.
"""

from __future__ import annotations

import argparse
import cProfile
import random
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import msgspec

from benchmarks import _recording as recording
from benchmarks import _report as report
from benchmarks.clients.fleet import NodeReports
from ome.controllers.basemodel import setup
from ome.controllers.context import ControllerContext
from ome.informers import Informers, PrometheusInformerMetrics
from ome.kube import Applier, Client, EventRecorder
from ome.kube.transport import Response
from ome.telemetry.metrics import Metrics
from tests.support.virtual_time import VirtualClock, run_virtual

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from anyio.streams.memory import MemoryObjectSendStream

    from ome.kube.request import Request


def main(argv: Sequence[str]) -> int:
    """Measure; 0 when all statuses are exact."""
    parser = argparse.ArgumentParser(prog="hack/bench statuses", description=__doc__)
    parser.add_argument("--nodes", type=int, default=3000)
    parser.add_argument("--updates", type=int, default=15000)
    parser.add_argument("--seconds", type=float, default=75, help="that the updates take")
    parser.add_argument("--profile", default="", help="file for cProfile's statistics")
    wanted = parser.parse_args(argv)
    run = Run(wanted.nodes)
    began = time.process_time()
    with cProfile.Profile() as profile:
        if not wanted.profile:
            profile.disable()
        run_virtual(lambda: run.play(wanted.updates // wanted.nodes, wanted.seconds))
    if wanted.profile:
        profile.dump_stats(wanted.profile)
    spent = time.process_time() - began - run.server.cpu
    wrong = run.wrong()
    writes = run.server.writes
    rows: list[list[object]] = [
        ["updates", wanted.updates + wanted.nodes],
        ["manager CPU-seconds", spent],
        ["status writes", writes],
        ["models with a wrong status", wrong],
    ]
    report.table(["statuses", "value"], rows)
    report.as_json("statuses", {str(name): value for name, value in rows})
    return 1 if wrong else 0


class Server:
    """Lists, watches and JSON patches, in memory; ``cpu`` is what it took itself."""

    host = "server.test:443"

    def __init__(self, nodes: int) -> None:
        self._version = 1000
        self._watchers: dict[str, MemoryObjectSendStream[bytes]] = {}
        self._held: dict[str, dict[str, dict[str, Any]]] = {
            "clusterbasemodels": {one["metadata"]["name"]: one for one in recording.models()},
            "nodes": {one["metadata"]["name"]: one for one in recording.nodes(nodes)},
        }
        self.cpu = 0.0
        self.writes = 0

    def put(self, resource: str, name: str, document: dict[str, Any]) -> bytes:
        """Store an object and tell its watch; gives it as JSON."""
        kind = "ADDED" if name not in self._held.setdefault(resource, {}) else "MODIFIED"
        self._version += 1
        document["metadata"]["resourceVersion"] = str(self._version)
        self._held[resource][name] = document
        body = msgspec.json.encode(document)
        if resource in self._watchers:
            event = b'{"type":"' + kind.encode() + b'","object":' + body + b"}\n"
            self._watchers[resource].send_nowait(event)
        return body

    def get(self, resource: str, name: str) -> dict[str, Any]:
        """An object as stored."""
        return self._held[resource][name]

    async def send(self, request: Request) -> Response:
        began = time.thread_time()
        try:
            return self._answer(request)
        finally:
            self.cpu += time.thread_time() - began

    def _answer(self, request: Request) -> Response:
        parts = request.path.split("/")
        if request.method == "GET":
            items = list(self._held.get(parts[-1], {}).values())
            page = {"metadata": {"resourceVersion": str(self._version)}, "items": items}
            return Response(200, {}, msgspec.json.encode(page))
        at = parts.index("clusterbasemodels") if "clusterbasemodels" in parts else 0
        if request.method != "PATCH" or not at:
            return Response(201, {}, b"{}")  # an event
        self.writes += parts[-1] == "status"
        document = self._held["clusterbasemodels"][parts[at + 1]]
        for op in msgspec.json.decode(request.body or b"[]"):
            *path, last = op["path"].strip("/").split("/")
            holder = document
            for part in path:
                holder = holder[part]
            if op["op"] == "test":
                assert holder[last] == op["value"]
            else:
                holder[last] = op["value"]
        return Response(200, {}, self.put("clusterbasemodels", parts[at + 1], document))

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[Any]:
        send, receive = anyio.create_memory_object_stream[bytes](1_000_000)
        self._watchers[request.path.rsplit("/", 1)[-1]] = send
        with send, receive:
            yield _Stream(receive)


class _Stream:
    """The body of a watch."""

    status = 200
    headers: dict[str, str] = {}  # noqa: RUF012  # never changed

    def __init__(self, chunks: Any) -> None:
        self._chunks = chunks

    def __aiter__(self) -> Any:
        return aiter(self._chunks)


class Run:
    """The model controllers of a manager, and the nodes that report."""

    def __init__(self, nodes: int) -> None:
        self.server = Server(nodes)
        self._nodes = nodes
        self._reports = NodeReports(nodes)

    async def play(self, rounds: int, seconds: float) -> None:
        """Every node creates its report and updates it ``rounds`` times, evenly."""
        clock, rng, metrics = VirtualClock(), random.Random(1), Metrics()
        client = Client(self.server, clock=clock, rng=rng)
        observed = PrometheusInformerMetrics(metrics.registry)
        informers = Informers(client, clock, rng, metrics=observed)
        events = EventRecorder(client, "bench", clock)
        context = ControllerContext(
            client, informers, Applier(client, status_written=metrics.status_written),
            events, clock, rng, recording.NAMESPACE, metrics.status_saved,
        )  # fmt: skip
        async with anyio.create_task_group() as group:
            controllers = setup(context)
            for controller in controllers:
                controller.observe(
                    metrics.controller(controller.name, controller.workers),
                    metrics.queue(controller.name),
                )
            await group.start(informers.run)
            await informers.wait_synced()
            for controller in controllers:
                group.start_soon(controller.run)
            await anyio.sleep(5)
            pause = seconds / ((rounds + 1) * self._nodes)
            for turn in range(rounds + 1):
                for node in range(self._nodes):
                    self._report(node, turn, last=turn == rounds)
                    await anyio.sleep(pause)
            await anyio.sleep(5)
            group.cancel_scope.cancel()

    def _report(self, node: int, turn: int, *, last: bool) -> None:
        began = time.thread_time()
        entries = self._reports.next(node, first=turn == 0, last=last)
        name = recording.node_name(node)
        self.server.put("configmaps", name, recording.config_map(name, entries, 0))
        self.server.cpu += time.thread_time() - began

    def wrong(self) -> int:
        """Models whose status is not what the nodes said last."""
        found = 0
        for name, said in self._reports.truth().items():
            status = self.server.get("clusterbasemodels", name).get("status") or {}
            found += any(
                status.get(field, []) != sorted(said.get(state, []))
                for field, state in (("nodesReady", "Ready"), ("nodesFailed", "Failed"))
            )
        return found
