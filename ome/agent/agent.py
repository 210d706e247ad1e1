"""The agent of one node: which models belong on it, one tender for each, what was left before.

Races: models are told of before, while and after the node's own reports are read; until then
nothing is said, for an entry that an earlier run left must not be replaced by ignorance of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import structlog

from ome.agent.eligibility import eligible
from ome.agent.retries import OF_ANOTHER_PATH, OF_WHAT_IS_THERE
from ome.agent.tender import Tender
from ome.errors import ApiError, TransportError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from anyio.abc import TaskGroup

    from ome.agent.models import Model
    from ome.agent.post import Post

__all__ = ["NodeAgent"]

_RETRY = 5.0
log = structlog.get_logger("agent")


class NodeAgent:
    """``run`` it in a task; tell it of models and of the node's labels."""

    def __init__(self, post: Post) -> None:
        self.labels: Mapping[str, str] = {}
        self._post = post
        self._tenders: dict[str, Tender] = {}
        self._models: Mapping[Any, Model] = {}
        self._group: TaskGroup | None = None
        post.models = lambda: self._models.values()
        post.here = self._here

    async def run(self, models: Mapping[Any, Model]) -> None:
        """Take up what an earlier run left, then serve the node until cancelled.

        ``models`` holds all that exist, and is kept up to date by the caller.
        """
        self._models = models
        await self._adopt()
        async with anyio.create_task_group() as group:
            group.start_soon(self._post.reporter.run)
            group.start_soon(self._post.turns.run)
            self._group = group
            self._collect()
            self.look_again(models)
            while True:
                await self._repair()
                jitter = 0.9 + 0.2 * self._post.rng.random()
                await self._post.clock.sleep(self._post.settings.repair_seconds * jitter)
                self._collect()
                for tender in self._tenders.values():
                    tender.look()

    async def settled(self) -> None:
        """Wait until everything that was said is written."""
        await self._post.reporter.settled()

    def look_again(self, models: Mapping[Any, Model]) -> None:
        """The node's labels changed."""
        for model in models.values():
            self.model(model)

    def model(self, model: Model) -> None:
        """A model is new or changed; before ``run`` has begun this is seen there."""
        if self._group is None:
            return
        here = self._here(model)
        tender = self._tenders.get(model.report_key)
        if tender is not None:
            if tender.want(model, here):
                self._reconsider(OF_ANOTHER_PATH)
        elif here or model.report_key in self._post.reporter.keys:
            tender = self._tenders[model.report_key] = Tender(self._post, model, here)
            self._group.start_soon(self._tend, tender)

    def gone(self, model: Model) -> None:
        """A model is deleted, with everything that could be asked of it."""
        for tender in self._tenders.values():
            if tender.model.is_of(model):
                tender.want(tender.model, here=False)

    def _here(self, model: Model) -> bool:
        if model.deleting or not model.for_nodes:
            return False
        if not eligible(model.storage, self.labels, self._post.node):
            return False
        # One that is switched off does not come; where it is, or was on its way, it stays so.
        return not model.disabled or model.report_key in self._post.reporter.keys

    async def _tend(self, tender: Tender) -> None:
        await tender.run()
        del self._tenders[tender.model.report_key]
        self._reconsider(OF_WHAT_IS_THERE)
        if any(model.report_key == tender.model.report_key for model in self._models.values()):
            self.model(tender.model)

    def _reconsider(self, reasons: frozenset[str]) -> None:
        """Another model made way: what failed by these reasons need not wait for its next try."""
        for tender in self._tenders.values():
            tender.reconsider(reasons)

    async def _adopt(self) -> None:
        while True:
            try:
                await self._post.reporter.adopt()
                return
            except (ApiError, TransportError) as error:
                log.warning("agent.waiting", node=self._post.node, problem=str(error))
                await self._post.clock.sleep(_RETRY)

    def _collect(self) -> None:
        """Forget what was reported of models that are gone; their labels go with ``_repair``.

        Their files stay: whether somebody wants to keep them cannot be asked any more.
        """
        known = {model.report_key for model in self._models.values()}
        for key in self._post.reporter.keys - known - self._tenders.keys():
            log.warning("agent.unknown_entry", node=self._post.node, key=key, now="removed")
            self._post.reporter.forget(key)

    def _wanted_labels(self) -> dict[str, str]:
        labels = {key: tender.model.label for key, tender in self._tenders.items()}
        return self._post.reporter.states(labels)

    async def _repair(self) -> None:
        try:
            await self._post.reporter.repair(self._wanted_labels)
        except (ApiError, TransportError) as error:
            log.warning("agent.not_repaired", node=self._post.node, problem=str(error))
