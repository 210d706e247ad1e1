"""The simulated agent of one node: its pretended disk, its downloads, its reports.

Races: a model may change or go while its download runs; the download is then cancelled before
anything else is said of the model, so nothing is reported of a model that is gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import anyio
import structlog

from ome.agent.downloads import MODELS_ROOT, Download, config_of
from ome.agent.eligibility import eligible
from ome.agent.protocol import FAILED, READY, UPDATING, Entry
from ome.agent.reporting import Reporter
from ome.errors import ApiError, TransportError

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping

    from anyio.abc import TaskGroup

    from ome.agent.downloads import Behaviour
    from ome.agent.models import Model
    from ome.clock import Clock
    from ome.kube.client import Client

__all__ = ["SimulatedNode"]

_RETRY = 5.0
_NO_SOURCE = ("", "", "")
"""Of a model that is not there whole."""
log = structlog.get_logger("agent")


@dataclass(slots=True)
class _Held:
    """A model that is, or is being fetched, on the node; ``source`` None: by an earlier run."""

    model: Model | None
    source: tuple[str, str, str] | None
    download: anyio.CancelScope | None = None


class SimulatedNode:
    """One agent; ``run`` it in a task and tell it of models and labels."""

    def __init__(
        self,
        client: Client,
        name: str,
        namespace: str,
        clock: Clock,
        rng: random.Random,
        behaviour: Behaviour,
    ) -> None:
        self.name = name
        self.labels: Mapping[str, str] = {}
        self._clock = clock
        self._rng = rng
        self._behaviour = behaviour
        self._held: dict[str, _Held] = {}
        self._reporter = Reporter(
            client, name, namespace, clock, rng, interval=behaviour.report_interval
        )
        self._group: TaskGroup | None = None

    async def run(self, models: Mapping[Any, Model]) -> None:
        """Take up what an earlier run left, then play the agent until cancelled.

        ``models`` holds all that exist, and is kept up to date by the caller.
        """
        await self._adopt()
        async with anyio.create_task_group() as group:
            group.start_soon(self._reporter.run)
            self._group = group
            self._collect(models)
            self.look_again(models)
            while True:
                await self._repair()
                jitter = 0.9 + 0.2 * self._rng.random()
                await self._clock.sleep(self._behaviour.repair_every * jitter)

    async def settled(self) -> None:
        """Wait until everything that was said is written."""
        await self._reporter.settled()

    def look_again(self, models: Mapping[Any, Model]) -> None:
        """The node's labels changed."""
        for model in models.values():
            self.model(model)

    def model(self, model: Model) -> None:
        """A model is new or changed; before ``run`` has begun this is seen there."""
        if self._group is None:
            return
        key = model.report_key
        here = model.for_nodes and eligible(model.storage, self.labels, self.name)
        held = self._held.get(key)
        if model.deleting or not here or (model.disabled and held is None):
            self.gone(model)
            return
        if model.disabled and held is not None:
            self._pause(model, held)
            return
        source = (model.uid, str(model.storage.get("storageUri")), model.path_below(MODELS_ROOT))
        if held is not None and held.source in (source, None):
            # What an earlier run left is taken to be of this source: it was verified by that run.
            self._held[key] = _Held(model, source, held.download)
            return
        if held is not None and held.download is not None:
            held.download.cancel()
        scope = anyio.CancelScope()
        self._held[key] = _Held(model, source, scope)
        self._group.start_soon(self._download, model, scope)

    def gone(self, model: Model) -> None:
        """A model is deleted, or does not belong here any more."""
        if self._group is None:
            return
        key = model.report_key
        held = self._held.pop(key, None)
        if held is not None and held.download is not None:
            held.download.cancel()
        if held is not None or key in self._reporter.keys:
            self._reporter.report(key, model.label, None)

    def _pause(self, model: Model, held: _Held) -> None:
        """A model is switched off: a download of it begins anew when it is switched on again."""
        source = held.source
        if held.download is not None:
            held.download.cancel()
            source = _NO_SOURCE
        self._held[model.report_key] = _Held(model, source)

    async def _adopt(self) -> None:
        """Take up what an earlier run reported, so that a restart flips nothing."""
        for key, entry in (await self._reported()).items():
            if entry is not None and entry.status == READY:
                self._held[key] = _Held(None, None)

    async def _reported(self) -> dict[str, Entry | None]:
        while True:
            try:
                return await self._reporter.adopt()
            except (ApiError, TransportError) as error:
                log.warning("agent.waiting", node=self.name, problem=str(error))
                await self._clock.sleep(_RETRY)

    def _collect(self, models: Mapping[Any, Model]) -> None:
        """Forget what was reported of models that are gone; their labels go with ``_repair``."""
        known = {model.report_key for model in models.values() if not model.deleting}
        for key in self._reporter.keys - known:
            self._held.pop(key, None)
            self._reporter.forget(key)

    def _wanted_labels(self) -> dict[str, str]:
        models = ((key, held.model) for key, held in self._held.items())
        labels = {key: model.label for key, model in models if model is not None}
        return self._reporter.states(labels)

    async def _repair(self) -> None:
        try:
            await self._reporter.repair(self._wanted_labels)
        except (ApiError, TransportError) as error:
            log.warning("agent.not_repaired", node=self.name, problem=str(error))

    async def _download(self, model: Model, scope: anyio.CancelScope) -> None:
        if scope.cancel_called:
            return  # before it began: to say anything now would bring a removed entry back
        key, label, name = model.report_key, model.label, model.key.name
        with scope:
            before = self._reporter.entry(key)
            config = None if before is None else before.config
            started = Entry(name, UPDATING, config=config)
            self._reporter.report(key, label, started)
            download = Download.draw(self._behaviour, self._rng, str(model.key), self.name)
            await self._fetch(download, model, started)
            path = model.path_to_tell(MODELS_ROOT)
            if download.fails:
                ended = Entry(name, FAILED, path, download.error, config)
            elif model.skip_parsing:
                ended = Entry(name, READY, path)
            else:
                ended = Entry(
                    name, READY, path, config=config_of(key, model.path_below(MODELS_ROOT))
                )
            self._reporter.report(key, label, ended)
        held = self._held.get(key)
        if held is not None and held.download is scope:
            held.download = None

    async def _fetch(self, download: Download, model: Model, started: Entry) -> None:
        """Let the time pass, with progress now and then."""
        spent, every = 0.0, self._behaviour.progress_every
        while spent + every < download.seconds:
            await self._clock.sleep(every)
            spent += every
            progress = download.progress(spent, self._clock.wall())
            entry = Entry(started.name, UPDATING, config=started.config, progress=progress)
            self._reporter.report(model.report_key, model.label, entry)
        await self._clock.sleep(download.seconds - spent)
