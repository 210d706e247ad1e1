"""One model on one node: kept as it should be there, or taken away.

A tender is told what is wanted and works towards it until told otherwise. What is under way for an
older wish is cancelled first, so at most one thing happens to a model's files at a time, a deletion
never waits for a download, and a cancelled download says nothing.

Races: between a wish and its cancellation the work goes on for the older one; everything that is
said or done after an ``await`` is inside the cancelled scope, so nothing of it comes later.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import anyio
import msgspec
import structlog

from ome.agent.keeping import Keeper
from ome.agent.protocol import NOT_REMOVED, EntryError, in_a_line
from ome.agent.removing import discard_path, remove_model
from ome.agent.retries import pause_after
from ome.errors import StorageError
from ome.storage.errors import Unforeseen

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from ome.agent.models import Model
    from ome.agent.post import Post

__all__ = ["Tender"]

_ELSEWHERE = ("nodeSelector", "nodeAffinity", "path")
"""Of the storage, what says where the model goes; the path counts as what comes of it."""
log = structlog.get_logger("agent")


class Tender:
    """Cares for one model; ``run`` ends when the model is gone from the node."""

    def __init__(self, post: Post, model: Model, here: bool) -> None:
        self.model = model
        self.here = here
        """Whether the model is wanted on this node."""
        self.resting = False
        """Whether the model is as it should be, and nothing is under way."""
        self.failed_by = ""
        """The reason for which the last try failed, while the next one is waited for."""
        self._post = post
        self._began = False
        self._scope = anyio.CancelScope()
        self._look = anyio.Event()
        self._made_way = frozenset[str]()
        """The reasons of failures that may have been mended since the last try began."""
        self._wish = self._wished()

    def want(self, model: Model, here: bool) -> bool:
        """The model as it is now, and whether it belongs on the node; gives whether that is new."""
        self.model, self.here = model, here
        new = self._wished() != self._wish
        if new:
            self._scope.cancel()
        return new

    def look(self) -> None:
        """See whether the files still are as they were; does nothing while work is under way."""
        if self.resting:
            self._look.set()

    def reconsider(self, reasons: frozenset[str]) -> None:
        """Try again now what failed by one of these: another model made way for it."""
        self._made_way |= reasons
        if self.failed_by in reasons:
            self._look.set()

    async def run(self) -> None:
        """Work until the model is gone from the node, or cancelled."""
        while True:
            self._wish, self.resting, self.failed_by = self._wished(), False, ""
            path = self._post.path_of(self.model)
            with anyio.CancelScope() as self._scope:
                if self.here:
                    self._began = True
                    await self._keep()
                await self._remove()
                if not self.here:
                    return
            if path != self._post.path_of(self.model):
                await self._discard(path)

    async def _discard(self, path: str) -> None:
        """Give back the room of what was on its way to a path that is wanted no more."""
        post = self._post
        try:
            await _told(discard_path(post, self.model, path))
        except StorageError as error:
            log.warning("model.not_discarded", node=post.node, problem=str(error))

    def _wished(self) -> tuple[object, ...]:
        model = self.model
        storage = {name: said for name, said in model.storage.items() if name not in _ELSEWHERE}
        path = self._post.path_of(model)
        asked = model.redownload, model.skip_parsing, model.for_shape
        return self.here, model.disabled, storage, path, asked

    async def _keep(self) -> None:
        """Have the model there, for ever; what fails is tried again after a while."""
        failures = 0
        post, log_model = self._post, str(self.model.key)
        if self.model.disabled:
            # Nothing is fetched or removed: what came is there when it is switched on again.
            self._say_no_progress()
            await anyio.sleep_forever()
        while True:
            keeper, pause, self.failed_by = Keeper(post, self.model), math.inf, ""
            self._made_way = frozenset()
            try:
                await _told(keeper.ensure())
                failures = 0
            except StorageError as error:
                failures += 1
                pause = pause_after(failures, error, post.rng)
                await self._say_failed(keeper, error, pause)
                self.failed_by = error.reason
                if error.reason in self._made_way:
                    pause = 0.0
                log.warning(
                    "model.failed",
                    node=post.node,
                    model=log_model,
                    reason=error.reason,
                    problem=str(error),
                    again_in=round(pause),
                )
            self._look, self.resting = anyio.Event(), pause == math.inf
            with anyio.move_on_after(pause):
                await self._look.wait()
                failures = 0
            self.resting = False

    async def _say_failed(self, keeper: Keeper, error: StorageError, pause: float) -> None:
        try:
            await _told(keeper.failed(error, pause))
        except StorageError as problem:
            log.warning("model.failure_not_told", node=self._post.node, problem=str(problem))

    async def _remove(self) -> None:
        """Have the model gone; while its files cannot be removed its entry stays."""
        failures = 0
        while True:
            try:
                await _told(remove_model(self._post, self.model, self._began))
            except StorageError as error:
                failures += 1
                pause = pause_after(failures, error, self._post.rng)
                self._tell(error)
                log.warning(
                    "model.not_removed",
                    node=self._post.node,
                    model=str(self.model.key),
                    problem=str(error),
                    again_in=round(pause),
                )
                await self._post.clock.sleep(pause)
            else:
                return

    def _say_no_progress(self) -> None:
        key, reporter = self.model.report_key, self._post.reporter
        entry = reporter.entry(key)
        if entry is not None and entry.progress is not None:
            reporter.amend(key, msgspec.structs.replace(entry, progress=None))

    def _tell(self, error: StorageError) -> None:
        """Have a model that waits for its deletion say what it waits for."""
        key, reporter = self.model.report_key, self._post.reporter
        entry = reporter.entry(key)
        if entry is not None and self.model.deleting:
            said = EntryError(NOT_REMOVED, in_a_line(str(error)))
            reporter.amend(key, msgspec.structs.replace(entry, error=said))


async def _told(work: Awaitable[None]) -> None:
    """What nobody foresaw ends the work for one model, and not the agent with all of them."""
    try:
        await work
    except StorageError:
        raise
    except Exception as error:
        log.exception("model.unforeseen")
        raise Unforeseen.of(error) from error
