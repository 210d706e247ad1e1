"""The reflector: when to list, when to watch, when to wait. It does no I/O and knows no time.

A driver carries out one *command* after the other and answers each with an *outcome*; ``step``
looks up (state, outcome) in the table and gives the next command. The table is the whole logic::

    state        outcome      next         command
    -----------  -----------  -----------  ----------------------------------------------------
    EMPTY        begin        LISTING      list the first page
    LISTING      Listed       LISTING      list the next page, while there is one
                              REPLACING    take the list for the truth
                              EXPIRED      wait; when the list is older than what was seen (*)
    LISTING      Gone         LISTING      list again (a page token ran out); then unpaged
                              EXPIRED      wait; when unpaged did not help
    REPLACING    Replaced     WATCHING     watch from the list's version
    STREAMING    (streamed)   REPLACING    take the list for the truth, while the stream goes on
    REPLACING    (taken over) WATCHING     of a streaming list; its stream is the watch
    STREAMING    Unserved,    LISTING      list, and never ask for a streaming list again
                 Ended
    WATCHING     Ended        WATCHING     watch again at once, when it had brought anything
                              INTERRUPTED  wait; when not
    WATCHING     Gone         LISTING      list again at once, when the last list led to anything
                              EXPIRED      wait; when not
    WATCHING     Garbled      INTERRUPTED  wait
                              EXPIRED      wait; when the same version was garbled before
    INTERRUPTED  Waited       WATCHING     watch from the last version seen
    EXPIRED      Waited       LISTING      list the first page
    ABSENT       Waited       LISTING      the same
    REFUSED      Waited       LISTING      the same
    any          Missing      ABSENT       wait (404: the resource is not installed)
    any          Refused      REFUSED      wait (401, 403); while watching: INTERRUPTED
    any          Failed       EXPIRED      wait; while watching: INTERRUPTED
    any          Fault        EXPIRED      wait (an exception of ours may have lost an event)
    any          Restart      LISTING      list the first page (readers want more fields)
    any          (others)     EXPIRED      wait: an outcome that cannot be, a fault of ours

    (*) A stale list is refused three times in a row, then believed: etcd was restored.

With streaming lists switched on, "list the first page" becomes "watch with initial events", in the
state STREAMING.
The version that was seen never goes back, but by a list that is believed.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from ome.informers.backoff import Backoff
from ome.informers.steps import (
    Command,
    Ended,
    Failed,
    Garbled,
    Gone,
    List,
    Listed,
    Missing,
    Outcome,
    Refused,
    Replace,
    Replaced,
    Restart,
    Unserved,
    Wait,
    Waited,
    Watch,
)
from ome.informers.versions import older

if TYPE_CHECKING:
    import random

__all__ = ["Reflector", "State"]

STALE_LISTS = 3
WATCH_SECONDS = (300, 600)  # drawn: thousands of agents must not reconnect together


class State(Enum):
    """What the reflector is doing, or waiting to do."""

    EMPTY = "empty"
    LISTING = "listing"
    REPLACING = "replacing"
    STREAMING = "streaming"
    WATCHING = "watching"
    INTERRUPTED = "interrupted"
    EXPIRED = "expired"
    ABSENT = "absent"
    REFUSED = "refused"


class Reflector:
    """The state machine of one watch; see the module for its table."""

    def __init__(self, rng: random.Random, *, streaming: bool = False) -> None:
        self.state = State.EMPTY
        self.version = ""
        """The last version that was seen; the watch goes on from here."""
        self._rng = rng
        self._streaming = streaming
        self._failing = Backoff(rng)
        self._absent = Backoff(rng, cap=60.0)
        self._listed = ""  # the version of the list that is being read
        self._gone_in_list = 0
        self._stale_lists = 0
        self._fruitless_lists = 0  # lists since a watch last brought anything
        self._garbled = 0

    def begin(self) -> Command:
        """The first command."""
        return self._list()

    def step(self, outcome: Outcome) -> Command:
        """Take in how the last command went and give the next; never raises."""
        if getattr(outcome, "progress", False):
            self._progress()
        match self.state, outcome:
            case _, Restart():
                return self._list()
            case _, Missing():
                return self._wait(State.ABSENT, self._absent.next())
            case State.LISTING, Listed():
                return self._page(outcome)
            case State.LISTING, Gone():
                return self._page_gone()
            case State.REPLACING, Replaced():
                return self._watch()
            case State.STREAMING, Unserved() | Ended():
                self._streaming = False
                return self._list()
            case State.WATCHING, Ended(progress=True):
                return self._watch()
            case State.WATCHING, Gone():
                return self._version_gone()
            case State.WATCHING, Garbled():
                return self._nonsense()
            case State.WATCHING, Refused() | Failed() | Ended():
                return self._wait(State.INTERRUPTED, self._failing.next(_asked(outcome)))
            case State.INTERRUPTED, Waited():
                return self._watch()
            case ((State.EXPIRED | State.ABSENT | State.REFUSED), Waited()):
                return self._list()
            case _, Refused():
                return self._wait(State.REFUSED, self._failing.next())
            case _:
                return self._wait(State.EXPIRED, self._failing.next(_asked(outcome)))

    def saw(self, version: str) -> bool:
        """Note the version of an event or bookmark; False when it is older than one before.

        One that is equal may be news (or a repetition: the store can tell).
        """
        if older(version, than=self.version):
            return False
        self.version = version or self.version
        return True

    def streamed(self, version: str) -> bool:
        """All initial events of a streaming list arrived; False when they are a stale list."""
        if not self._believe(version):
            return False
        self.state = State.REPLACING
        return True

    def taken_over(self) -> None:
        """The store holds the streaming list; what comes next in its stream are changes."""
        self.state = State.WATCHING

    # Entering states

    def _list(self) -> Command:
        self._listed = ""
        self._gone_in_list = 0
        if self._streaming:
            self.state = State.STREAMING
            return Watch("", self._rng.randint(*WATCH_SECONDS), initial=True)
        self.state = State.LISTING
        return List()

    def _watch(self) -> Command:
        self.state = State.WATCHING
        return Watch(self.version, self._rng.randint(*WATCH_SECONDS))

    def _wait(self, state: State, seconds: float) -> Command:
        self.state = state
        return Wait(seconds)

    # Rows with a choice

    def _page(self, page: Listed) -> Command:
        # The first page's version: a later page may be newer, and what happened between is told
        # (again) by a watch that begins at the oldest.
        self._listed = self._listed or page.version
        if page.continue_:
            return List(page.continue_)
        if not self._believe(self._listed):
            return self._wait(State.EXPIRED, self._failing.next())
        self.state = State.REPLACING
        return Replace(self.version)

    def _page_gone(self) -> Command:
        self._gone_in_list += 1
        self._listed = ""
        if self._gone_in_list == 1:
            return List()
        if self._gone_in_list == 2:
            return List(limit=0)  # the server compacts faster than we page
        return self._wait(State.EXPIRED, self._failing.next())

    def _version_gone(self) -> Command:
        if self._fruitless_lists <= 1:
            return self._list()
        return self._wait(State.EXPIRED, self._failing.next())

    def _nonsense(self) -> Command:
        self._garbled += 1
        state = State.INTERRUPTED if self._garbled == 1 else State.EXPIRED
        return self._wait(state, self._failing.next())

    # Bookkeeping

    def _believe(self, version: str) -> bool:
        if older(version, than=self.version) and self._stale_lists < STALE_LISTS:
            self._stale_lists += 1
            return False
        self._stale_lists = 0
        self._fruitless_lists += 1
        self._garbled = 0
        self.version = version
        self._absent.reset()
        return True

    def _progress(self) -> None:
        self._failing.reset()
        self._fruitless_lists = 0
        self._garbled = 0


def _asked(outcome: Outcome) -> float | None:
    return outcome.retry_after if isinstance(outcome, Failed) else None
