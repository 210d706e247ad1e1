"""What a reflector and its driver say to each other: commands one way, outcomes the other."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "PAGE_LIMIT",
    "Command",
    "Ended",
    "Failed",
    "Fault",
    "Garbled",
    "Gone",
    "List",
    "Listed",
    "Missing",
    "Outcome",
    "Refused",
    "Replace",
    "Replaced",
    "Restart",
    "Unserved",
    "Wait",
    "Waited",
    "Watch",
]

PAGE_LIMIT = 500


# Commands: what the driver is to do.


@dataclass(frozen=True, slots=True)
class List:
    """Ask for a page; ``limit`` 0 is everything at once. The first page begins a new list."""

    continue_: str = ""
    limit: int = PAGE_LIMIT


@dataclass(frozen=True, slots=True)
class Replace:
    """The pages since the first are the truth as of ``version``."""

    version: str


@dataclass(frozen=True, slots=True)
class Watch:
    """Watch from ``version``; with ``initial`` everything that exists is told first."""

    version: str
    seconds: int
    initial: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing for a while."""

    seconds: float


Command = List | Replace | Watch | Wait


# Outcomes: how it went. ``progress``: the watch brought something or lived for a while.


@dataclass(frozen=True, slots=True)
class Listed:
    """A page arrived."""

    version: str
    continue_: str = ""


@dataclass(frozen=True, slots=True)
class Replaced:
    """The store holds the list."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A watch ended without an error, or was silent for so long that it was closed."""

    progress: bool


@dataclass(frozen=True, slots=True)
class Gone:
    """410: the version or the page token is too old."""

    progress: bool = False


@dataclass(frozen=True, slots=True)
class Garbled:
    """The watch said something that is no event: what it was is lost."""

    progress: bool = False


@dataclass(frozen=True, slots=True)
class Unserved:
    """The server does not stream lists."""


@dataclass(frozen=True, slots=True)
class Missing:
    """404: the server does not know the resource."""


@dataclass(frozen=True, slots=True)
class Refused:
    """401 or 403: we may not."""


@dataclass(frozen=True, slots=True)
class Failed:
    """Anything else; ``retry_after`` as the server asked."""

    retry_after: float | None = None
    progress: bool = False


@dataclass(frozen=True, slots=True)
class Fault:
    """An exception that nobody expected: what was being taken in may be lost."""


@dataclass(frozen=True, slots=True)
class Waited:
    """The wait is over, or was ended early."""


@dataclass(frozen=True, slots=True)
class Restart:
    """Begin anew: what is decoded has changed."""


Outcome = (
    Listed
    | Replaced
    | Ended
    | Gone
    | Garbled
    | Unserved
    | Missing
    | Refused
    | Failed
    | Fault
    | Waited
    | Restart
)
