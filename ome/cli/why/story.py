"""What is told of an object: the answer first, then what it rests on and how it came to it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ome.clock import rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Moment", "NodeProgress", "Story", "ago", "condition", "moment_of", "size", "span"]


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened, in seconds of the wall clock; ``times`` up to then."""

    at: float
    what: str
    times: int = 1
    bad: bool = False


@dataclass(frozen=True, slots=True)
class NodeProgress:
    """A download that is under way; bytes, bytes per second, and seconds that are left.

    ``seconds_left`` is None while nothing says how fast it is.
    """

    node: str
    phase: str
    completed: int
    total: int
    rate: float
    seconds_left: float | None


@dataclass(frozen=True, slots=True)
class Story:
    """One object's; ``well`` when nothing is wrong with it now."""

    subject: str
    well: bool
    answer: str
    facts: list[tuple[str, str]] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    downloads: list[NodeProgress] = field(default_factory=list)
    seconds_left: float | None = None
    """Until every download is done, by what is known now."""
    history: list[Moment] = field(default_factory=list)
    """Oldest first."""
    notes: list[str] = field(default_factory=list)
    """What could not be looked at."""

    def document(self) -> dict[str, Any]:
        """All of it as JSON."""
        moments = [{**asdict(item), "at": rfc3339(item.at)} for item in self.history]
        return {
            "subject": self.subject,
            "well": self.well,
            "answer": self.answer,
            "facts": dict(self.facts),
            "troubles": self.troubles,
            "downloads": [_camel(asdict(item)) for item in self.downloads],
            "secondsLeft": self.seconds_left,
            "history": moments,
            "notes": self.notes,
        }


def _camel(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name.replace("_l", "L"): value for name, value in members.items()}


def condition(document: Mapping[str, Any], type_: str) -> Mapping[str, Any]:
    """A condition of an object's status; empty when there is none."""
    held: Iterable[Mapping[str, Any]] = (document.get("status") or {}).get("conditions") or ()
    return next((entry for entry in held if entry.get("type") == type_), {})


def moment_of(text: str | None) -> float:
    """The seconds of an RFC 3339 time; 0 for none."""
    try:
        return datetime.fromisoformat(text).timestamp() if text else 0.0
    except ValueError:
        return 0.0


def span(seconds: float) -> str:
    """``40 s``, ``12 min``, ``3 h 5 min``, ``2 d 4 h``."""
    whole = max(int(seconds), 0)
    if whole < 90:
        return f"{whole} s"
    minutes = round(whole / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    days, left = divmod(hours, 24)
    return f"{days} d {left} h" if left else f"{days} d"


def ago(at: float, now: float) -> str:
    """How long before now; empty for a time that is not known."""
    return f"{span(now - at)} ago" if at else ""


def size(count: float) -> str:
    """Bytes in a unit that people read: ``1.5 GB``."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if count >= 10 or unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
