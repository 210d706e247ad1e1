"""The agents of many nodes as one process: status ConfigMaps by the real protocol.

Prints when the last report was accepted, how long all took, and what the watch of one agent got.
"""

from __future__ import annotations

import argparse
import json
import random
import time

import anyio

from benchmarks import _recording as recording
from ome.agent.protocol import status_config_map
from ome.clock import SystemClock
from ome.controllers.resources import CLUSTER_BASE_MODELS
from ome.kube import Client, ObjectKey
from ome.kube.http import connect
from ome.kube.resources import CONFIGMAPS


class NodeReports:
    """What all nodes say, each of eight models whose entries all change with each update."""

    def __init__(self, nodes: int, seed: int = 1) -> None:
        self._rng = random.Random(seed)
        self._keys = [
            [
                f"clusterbasemodel.{recording.model_name((node + step * 5) % recording.MODELS)}"
                for step in range(recording.ENTRIES)
            ]
            for node in range(nodes)
        ]
        self._said: list[dict[str, str]] = [{} for _ in range(nodes)]

    def next(self, node: int, *, first: bool, last: bool) -> dict[str, str]:
        """The data of a node's next report: first ``Updating``, in the end Ready or Failed."""
        states = ("Ready", "Ready", "Failed", *(() if last else ("Updating",)))
        found = {}
        for key in self._keys[node]:
            status = "Updating" if first else self._rng.choice(states)
            self._said[node][key] = status
            entry: dict[str, object] = {
                "name": key.partition(".")[2],
                "status": status,
                "path": f"/raid/models/{key.partition('.')[2]}",
            }
            if status == "Failed":
                entry["error"] = {"reason": "DownloadFailed", "message": "connection reset"}
            found[key] = json.dumps(entry)
        return found

    def truth(self) -> dict[str, dict[str, list[str]]]:
        """For each model the nodes by what they said last."""
        truth: dict[str, dict[str, list[str]]] = {}
        for node, said in enumerate(self._said):
            for key, status in said.items():
                by_state = truth.setdefault(key.partition(".")[2], {})
                by_state.setdefault(status, []).append(recording.node_name(node))
        return truth


class Agents:
    """The agents of all nodes at one API server."""

    def __init__(self, client: Client, namespace: str, nodes: int) -> None:
        self._client = client
        self._namespace = namespace
        self.reports = NodeReports(nodes)
        self.watched = 0
        self.last = 0.0

    async def create(self, node: int) -> None:
        """The ConfigMap as an agent makes it at its start."""
        entries = self.reports.next(node, first=True, last=False)
        document = status_config_map(recording.node_name(node), self._namespace, entries)
        await self._client.create(CONFIGMAPS, document)

    async def update(self, node: int, *, last: bool) -> None:
        """One report."""
        key = ObjectKey(self._namespace, recording.node_name(node))
        entries = self.reports.next(node, first=False, last=last)
        await self._client.merge_patch(CONFIGMAPS, key, {"data": entries})
        self.last = time.time()

    async def watch(self) -> None:
        """What each agent watches of the models, counted in bytes."""
        async with self._client.watch(CLUSTER_BASE_MODELS, metadata_only=True) as chunks:
            async for chunk in chunks:
                self.watched += len(chunk)


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kubeconfig", required=True)
    parser.add_argument("--namespace", required=True)
    parser.add_argument("--nodes", type=int, required=True)
    parser.add_argument("--updates", type=int, required=True)
    wanted = parser.parse_args()
    async with await connect(wanted.kubeconfig) as transport:
        client = Client(transport, clock=SystemClock(), rng=random.Random(1), user_agent="bench")
        agents = Agents(client, wanted.namespace, wanted.nodes)
        began = time.time()
        async with anyio.create_task_group() as group:
            group.start_soon(agents.watch)
            rounds = wanted.updates // wanted.nodes
            await _all(agents.create, wanted.nodes)
            for turn in range(rounds):
                last = turn == rounds - 1

                async def update(node: int, last: bool = last) -> None:
                    await agents.update(node, last=last)

                await _all(update, wanted.nodes)
            ended = agents.last
            await anyio.sleep(5)
            group.cancel_scope.cancel()
    result = {
        "last": ended,
        "seconds": ended - began,
        "watched": agents.watched,
        "truth": agents.reports.truth(),
    }
    print(json.dumps(result))


async def _all(act: object, count: int) -> None:
    """Call it for each node, some at a time."""
    numbers = iter(range(count))

    async def work() -> None:
        for number in numbers:
            await act(number)  # type: ignore[operator]

    async with anyio.create_task_group() as group:
        for _ in range(24):
            group.start_soon(work)


if __name__ == "__main__":
    anyio.run(main)
