"""Two hundred agents on one server: nothing is lost, and nobody writes more than he may.

All of it runs in virtual time on the embedded API server, with the intervals that agents really
have. What is pretended are the disks and the bytes: downloads take their time, tell how far they
are all the while, and some are refused by their source.
"""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import datetime
from io import BytesIO
from itertools import pairwise
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, NamedTuple

import anyio
import anyio.lowlevel
import msgspec
import pytest

from ome.agent.agent import NodeAgent
from ome.agent.disk import Held
from ome.agent.fetch.manifest import Manifest
from ome.agent.fetch.model import Fetched
from ome.agent.fleet import Fleet
from ome.agent.post import Alone, Post
from ome.agent.protocol import FAILED, READY, UPDATING, Config, Entry, Progress, decode_entry
from ome.agent.reporting import Reporter
from ome.agent.settings import Settings
from ome.api.crds import all_crds
from ome.controllers import ControllerContext, basemodel
from ome.controllers.resources import BASE_MODELS, CLUSTER_BASE_MODELS
from ome.informers.registry import Informers
from ome.kube import Applier, Client, EventRecorder
from ome.kube.resources import CONFIGMAPS, NODES
from ome.sandbox.apiserver.audit import Audit
from ome.sandbox.apiserver.calls import User
from ome.sandbox.apiserver.local import Local
from ome.sandbox.apiserver.server import ApiServer
from ome.sandbox.apiserver.transport import EmbeddedTransport
from ome.sandbox.manifests import apply
from ome.storage.errors import SourceNotFound
from tests.support.virtual_time import VirtualClock, run_virtual

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ome.agent.fetch.model import Job

AGENTS, MODELS = 200, 30
SEED = 1
SECONDS = (20.0, 100.0)
"""The shortest and the longest download."""
FAILING = 0.02
SETTINGS = Settings(root="/models", workers=MODELS)
"""The intervals of an agent whose flags nobody gave; all downloads run at a time."""
_TELLS = 5
"""Seconds between two words of a download."""


class Pair(NamedTuple):
    """A model on a node."""

    node: str
    model: str

    @property
    def rng(self) -> random.Random:
        return random.Random(f"{SEED}/{self.node}/{self.model}")

    @property
    def fails(self) -> bool:
        return self.rng.random() < FAILING


class NoDisk:
    """A disk that keeps no bytes."""

    def __init__(self) -> None:
        self.roots = ["/models"]
        self.kept: dict[str, Manifest] = {}

    def real(self, path: str) -> str:
        return path

    def shown(self, path: str) -> str:
        return path

    async def held(self, key: str) -> Held | None:
        found = self.kept.get(key)
        return None if found is None else Held(found, whole=True)

    async def manifest(self, key: str) -> Manifest | None:
        return self.kept.get(key)

    async def spots(self, paths: Sequence[str]) -> list[PurePath]:
        return [PurePath(path) for path in paths]

    async def is_dir(self, _: str) -> bool:
        return True

    async def discard(self, _: str) -> None:
        await anyio.lowlevel.checkpoint()


class Pretended:
    """Downloads that take a while, tell of themselves now and then, and move no bytes."""

    def __init__(self, node: str, disk: NoDisk) -> None:
        self._node = node
        self._disk = disk

    async def fetch(
        self, job: Job, told: Callable[[Progress], None], limited: Callable[[float], None]
    ) -> Fetched:
        pair = Pair(self._node, job.key.rpartition(".")[2])
        seconds = pair.rng.uniform(*SECONDS)
        for second in range(0, int(seconds) - _TELLS + 1, _TELLS):
            await anyio.sleep(_TELLS)
            told(Progress("downloading", 1000, int(1000 * second / seconds), 4, 1, 1.0, "now"))
        await anyio.sleep(seconds % _TELLS)
        if pair.fails:
            raise SourceNotFound(f"Repository 'org/{pair.model}' not found")
        self._disk.kept[job.key] = Manifest(job.key, job.source, job.path, "r", {})
        config = Config(model_type="llama", model_format={"name": "safetensors"})
        return Fetched(path=job.path, revision="r", size=1000, files=4, config=config)

    async def revision(self, _: Job) -> str:
        return "r"


async def no_secret(namespace: str, name: str) -> Mapping[str, bytes] | None:
    return None


def make(client: Client, node: str) -> NodeAgent:
    clock, rng, disk = VirtualClock(), random.Random(f"{SEED}/{node}"), NoDisk()
    post = Post(
        node,
        "ome",
        SETTINGS,
        Reporter(client, node, "ome", clock, rng, interval=SETTINGS.report_seconds),
        disk,  # type: ignore[arg-type]
        Pretended(node, disk),
        no_secret,
        Alone(),
        clock,
        rng,
        anyio.CapacityLimiter(SETTINGS.workers),
    )
    return NodeAgent(post)


def model(name: str) -> dict[str, Any]:
    storage = {"storageUri": f"hf://org/{name}", "path": f"/models/{name}"}
    return {
        "apiVersion": "ome.io/v1beta1",
        "kind": "ClusterBaseModel",
        "metadata": {"name": name},
        "spec": {"modelFormat": {"name": "safetensors"}, "storage": storage},
    }


class Observer:
    """Sees every version of every report, and holds what each says against the one before."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self.wrong: list[str] = []
        self.said: dict[str, dict[str, Entry]] = defaultdict(dict)
        self._texts: dict[str, Mapping[str, str]] = {}
        self._progressed: dict[tuple[str, str], float] = {}
        self.progress = 0

    def look(self, old: Any, new: Any) -> None:
        present = new or old
        node = present.metadata.name
        before = self._texts.get(node, {})
        self._texts[node] = after = {} if new is None else new.data
        self.wrong += [f"{node}: {key} is gone" for key in before.keys() - after.keys()]
        for key, text in after.items():
            if text != before.get(key):
                self._changed(node, key, decode_entry(text))

    def _changed(self, node: str, key: str, entry: Entry | None) -> None:
        held = self.said[node].get(key)
        assert entry is not None, text_of(node, key)
        if held is not None and held.status != UPDATING:
            self.wrong.append(f"{text_of(node, key)}: {held.status}, then {entry.status}")
        if entry.progress is not None:
            now, last = self._clock.monotonic(), self._progressed.get((node, key))
            # What is said is written at most a second and a label's write later.
            if last is not None and now - last < SETTINGS.progress_seconds - 2.5:
                self.wrong.append(f"{text_of(node, key)}: progress after {now - last:.1f} s")
            self._progressed[node, key] = now
            self.progress += 1
        self.said[node][key] = entry


def key_of(name: str) -> str:
    return f"clusterbasemodel.{name}"


def text_of(node: str, key: str) -> str:
    return f"{node} {key}"


class Played(NamedTuple):
    """What is left in the end, and the writes of each node's ConfigMap in seconds."""

    observer: Observer
    labels: dict[str, Mapping[str, str]]
    statuses: dict[str, dict[str, Any]]
    writes: dict[str, list[float]]


async def played(nodes: list[str], models: list[str]) -> Played:
    clock, log = VirtualClock(), BytesIO()
    server = ApiServer(clock, random.Random(SEED), Audit(log, clock))
    local, observer = Local(server), Observer(clock)
    keys = set(map(key_of, models))
    async with anyio.create_task_group() as group:
        group.start_soon(server.run)
        transport = EmbeddedTransport(server, User("agents", ("system:masters",)))
        own = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ome"}}
        kinds = (BASE_MODELS, CLUSTER_BASE_MODELS)
        crds = [
            crd for crd in all_crds() if crd["spec"]["names"]["kind"] in [k.kind for k in kinds]
        ]
        machines = [
            {"apiVersion": "v1", "kind": "Node", "metadata": {"name": node}} for node in nodes
        ]
        await apply(transport, local, [own, *crds])
        await apply(transport, local, [*machines, *map(model, models)])
        client = Client(transport, clock=clock, rng=random.Random(SEED))
        informers = Informers(client, clock, random.Random(SEED))
        fleet = Fleet(client, informers, clock, kinds, lambda node: make(client, node))
        context = ControllerContext(
            client,
            informers,
            Applier(client),
            EventRecorder(client, "test", clock, instance="test"),
            clock,
            random.Random(SEED),
            "ome",
        )
        controllers = basemodel.setup(context)
        informers.informer(
            CONFIGMAPS,
            basemodel.ReportMap,
            namespace="ome",
            label_selector="models.ome/basemodel-status=true",
        ).add_handler(observer.look)
        await group.start(informers.run)
        await informers.wait_synced()
        for controller in controllers:
            group.start_soon(controller.run)
        group.start_soon(fleet.run, ())
        with anyio.fail_after(3600):
            while not all(ended(observer.said[node], keys) for node in nodes):  # noqa: ASYNC110
                await anyio.sleep(10)
            await fleet.settled()
            await anyio.sleep(30)
        stored = {one.key.name: one.load() for one in local.list(NODES, "")}
        found = {one.key.name: one.load() for one in local.list(CLUSTER_BASE_MODELS, "")}
        group.cancel_scope.cancel()
    return Played(
        observer,
        {name: one["metadata"].get("labels") or {} for name, one in stored.items()},
        {name: one["status"] for name, one in found.items()},
        written(log.getvalue()),
    )


def ended(entries: Mapping[str, Entry], keys: set[str]) -> bool:
    return entries.keys() == keys and all(
        entry.status in (READY, FAILED) for entry in entries.values()
    )


def written(log: bytes) -> dict[str, list[float]]:
    """When each node's ConfigMap was written, from the audit log."""
    writes: dict[str, list[float]] = defaultdict(list)
    for line in log.splitlines():
        event = msgspec.json.decode(line)
        about = event.get("objectRef") or {}
        done = event["verb"] in ("create", "patch", "update") and (
            event["responseStatus"]["code"] < 400
        )
        if done and about.get("resource") == "configmaps" and about["namespace"] == "ome":
            writes[about.get("name") or ""].append(seconds_of(event["requestReceivedTimestamp"]))
    return writes


def seconds_of(stamp: str) -> float:
    return datetime.fromisoformat(stamp).timestamp()


def expected(pair: Pair) -> str:
    return FAILED if pair.fails else READY


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_two_hundred_agents_with_thirty_models_each() -> None:
    nodes = [f"n{number}" for number in range(AGENTS)]
    models = [f"m{number}" for number in range(MODELS)]
    done = run_virtual(lambda: played(nodes, models))
    assert done.observer.wrong == []
    assert done.observer.progress > AGENTS * MODELS
    for node in nodes:
        wanted = {name: expected(Pair(node, name)) for name in models}
        said = done.observer.said[node]
        assert {name: said[key_of(name)].status for name in models} == wanted
        for name, status in wanted.items():
            entry = said[key_of(name)]
            assert entry.progress is None
            assert (entry.error is None, entry.config is None) == (
                status == READY,
                status == FAILED,
            )
        labels = {f"models.ome.io/{key_of(name)}": status for name, status in wanted.items()}
        assert labels.items() <= done.labels[node].items()
        gaps = [after - before for before, after in pairwise(done.writes[node])]
        # Changes of half a second to a second are one write.
        assert min(gaps) >= SETTINGS.report_seconds / 2
        # Two for each model's states, and two for the progress of all, which comes together.
        assert len(gaps) <= 2 * MODELS + 2 * SECONDS[1] / SETTINGS.progress_seconds
    for name in models:
        told = done.statuses[name]
        by_state = {
            state: sorted(node for node in nodes if expected(Pair(node, name)) == state)
            for state in (READY, FAILED)
        }
        assert told["nodesReady"] == by_state[READY]
        assert told.get("nodesFailed", []) == by_state[FAILED]
        assert told["state"] == READY
        assert told["nodesUpdatingCount"] == 0
