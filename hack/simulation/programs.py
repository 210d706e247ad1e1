"""The simulated programs: replicas of the operator, and agents; they start, die and start again."""

from __future__ import annotations

from contextvars import copy_context
from typing import TYPE_CHECKING

import anyio

from ome.errors import UserError

from .processes import PROCESS, Process

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from anyio.abc import TaskGroup

    from .history import History
    from .network import Network
    from .processes import WorldLoop

__all__ = ["Program"]

_RESPAWN = 10.0


class Program:
    """One program under a name; each of its lives is a process of its own."""

    def __init__(
        self,
        name: str,
        main: Callable[[Process], Awaitable[None]],
        *,
        group: TaskGroup,
        loop: WorldLoop,
        network: Network,
        history: History,
    ) -> None:
        self.name = name
        self.process: Process | None = None
        """None while it does not run; one that stops still runs."""
        self._main = main
        self._group = group
        self._loop = loop
        self._network = network
        self._history = history
        self._ended = anyio.Event()
        self._scope = anyio.CancelScope()
        self._outside = copy_context()

    def start(self) -> None:
        """Begin a new life."""
        self.process = Process(self.name)
        self._ended, self._scope = anyio.Event(), anyio.CancelScope()
        self._history.say(self.name, "starts")
        context = copy_context()
        context.run(PROCESS.set, self.process)
        context.run(self._begin, self.process)

    def _begin(self, process: Process) -> None:
        self._group.start_soon(self._live, process, self._scope, self._ended)

    def _begin_again(self) -> None:
        self._group.start_soon(self.restart, _RESPAWN)

    async def _live(self, process: Process, scope: anyio.CancelScope, ended: anyio.Event) -> None:
        try:
            with scope:
                await self._main(process)
        except Exception as error:
            self._exited(process, error)
        finally:
            if self.process is process:
                self.process = None
                self._network.bury(process)
            ended.set()

    def _exited(self, process: Process, error: Exception) -> None:
        """A program ends by itself only when something is wrong with it; then it starts again."""
        while isinstance(error, ExceptionGroup):
            error = error.exceptions[0]
        text = f"ended by itself: {type(error).__name__}: {error}"
        if isinstance(error, UserError):  # it was refused what it needs to begin, and says so
            self._history.say(self.name, text)
        else:
            self._history.problem(f"{self.name} {text}")
        if self.process is process:
            self.process = None
            self._network.bury(process)
            self._outside.run(self._begin_again)

    def crash(self) -> None:
        """SIGKILL: nothing that it still does reaches anybody."""
        process, self.process = self.process, None
        if process is not None:
            process.dead = True
            self._network.bury(process)
            if process.frozen:
                self._loop.thaw(process)
            self._scope.cancel()

    def stop(self) -> None:
        """SIGTERM: it may end what it has begun, and say good-bye."""
        if self.process is not None:
            self.process.terminated.set()

    def insist(self) -> None:
        """A second SIGTERM: it ends at once, but gives back what others wait for."""
        process = self.process
        if process is not None and not process.frozen:
            self._scope.cancel()

    @property
    def stopping(self) -> bool:
        """Whether it was told to stop and still runs."""
        return self.process is not None and self.process.terminated.is_set()

    async def ended(self) -> None:
        """Until its last life is over."""
        await self._ended.wait()

    async def restart(self, after: float) -> None:
        """Begin again once it has ended, so many seconds later."""
        await self._ended.wait()
        await anyio.sleep(after)
        if self.process is None:
            self.start()

    def freeze(self) -> Process | None:
        """SIGSTOP; gives the process that is frozen now, None when there was none to freeze."""
        process = self.process
        # Who is being cancelled is cancelled again in each turn of the loop, until it has ended.
        if process is None or process.frozen or self._scope.cancel_called:
            return None
        self._loop.freeze(process)
        return process

    def thaw(self, process: Process, slept: float = 0.0) -> None:
        """SIGCONT, or (``slept``) the machine wakes up; nothing if it has died meanwhile."""
        if process.frozen and not process.dead:
            self._loop.thaw(process, slept)
