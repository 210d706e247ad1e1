"""The recent past of an object, from events, conditions and the flight recorder: pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.cli.why.story import Moment, moment_of
from ome.controllers.basemodel.status import DEGRADED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ome.cli.why.facts import Facts

__all__ = ["history"]

_TOLD = "told the user: "
"""Notes of the recorder that events say as well."""


def history(facts: Facts) -> list[Moment]:
    """Everything that is known to have happened, oldest first, each thing once."""
    found = [Moment(_created(facts.target.document), "created")]
    found += _events(facts)
    flown = list(_flights(facts.flights))
    # The recorder has each change of a condition; without it the last one of each is known.
    found += flown or _conditions(facts.target.document)
    found.sort(key=lambda moment: moment.at)
    kept: list[Moment] = []
    for moment in found:
        if moment.at and all(moment.what != other.what for other in kept[-3:]):
            kept.append(moment)
    return kept


def _created(document: Mapping[str, Any]) -> float:
    return moment_of(document["metadata"].get("creationTimestamp"))


def _events(facts: Facts) -> Iterator[Moment]:
    own = facts.target.resource.kind
    for event in facts.events:
        about = event.get("involvedObject") or {}
        series = event.get("series") or {}
        at = (
            moment_of(series.get("lastObservedTime"))
            or moment_of(event.get("lastTimestamp"))
            or moment_of(event.get("eventTime"))
            or moment_of(event["metadata"].get("creationTimestamp"))
        )
        times = int(series.get("count") or event.get("count") or 1)
        where = "" if about.get("kind") == own else f"{about.get('kind')} {about.get('name')}: "
        message = " ".join(str(event.get("message") or "").split())
        text = f"{where}{event.get('reason')}: {message}"
        yield Moment(at, text, times, bad=event.get("type") == "Warning")


def _conditions(document: Mapping[str, Any]) -> Iterator[Moment]:
    for entry in (document.get("status") or {}).get("conditions") or ():
        reason = f": {entry['reason']}" if entry.get("reason") else ""
        if entry.get("reason") == "NoProblem" or entry.get("status") == "Unknown":
            continue
        wanted = "False" if entry.get("type") == DEGRADED else "True"
        bad = entry.get("status") != wanted and entry.get("severity") != "Info"
        text = f"{entry.get('type')} {entry.get('status')}{reason}"
        yield Moment(moment_of(entry.get("lastTransitionTime")), text, bad=bad)


def _flights(flights: Iterable[Mapping[str, Any]]) -> Iterator[Moment]:
    for flight in flights:
        at, version = float(flight["at"]), next(iter((flight.get("saw") or {}).values()), "")
        for note in flight.get("decided") or ():
            if not note.startswith(_TOLD):
                turned = " False" in note.partition(":")[0] and not note.startswith(DEGRADED)
                bad = turned or note.startswith(("failed", "gave up", "a bug"))
                yield Moment(at, note, bad=bad)
        for written in flight.get("wrote") or ():
            method, path, code = [*written.split(" "), "", ""][:3]
            if not path.endswith("/status"):
                after = f" (having seen version {version})" if version else ""
                yield Moment(at, f"manager: {method} {_short(path)}: {code}{after}")


def _short(path: str) -> str:
    """``deployments/chat-engine`` from the path of a request."""
    parts = path.strip("/").split("/")
    if "namespaces" in parts[:-2]:
        parts = parts[parts.index("namespaces") + 2 :]
    return "/".join(parts[-3:])
