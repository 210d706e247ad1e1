"""What an edit of objects that services share does to the services of a cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ome.cli.render.plans import PAUSED
from ome.controllers.inferenceservice.workload import is_workload, pods_wanted, same_pods
from ome.kube.resource import ObjectKey

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ome.cli.render.cluster import Found
    from ome.cli.render.plans import Rendered
    from ome.cli.render.room import Room

__all__ = ["Effect", "effects", "pods_text"]


@dataclass(frozen=True, slots=True)
class Effect:
    """What becomes of one service; ``stuck``: a part of it would not come up."""

    service: ObjectKey
    text: str
    stuck: bool = False

    @property
    def line(self) -> str:
        """For the user."""
        return f"InferenceService {self.service}: {self.text}"


def effects(
    before: Sequence[Rendered], after: Sequence[Rendered], found: Found, room: Room
) -> Iterator[Effect]:
    """The effects on services whose plan changes, in their order."""
    for old, new in zip(before, after, strict=True):
        same = old.problem == new.problem and old.waits == new.waits
        if same and (new.waits or old.objects == new.objects):
            continue
        if new.problem:
            text = "cannot be made" if old.problem else "cannot be made any more, what runs stays"
            yield Effect(new.service, f"{text}: {new.problem}", stuck=True)
            continue
        if new.waits:
            yield Effect(new.service, f"nothing is written: {new.waits}", stuck=True)
            continue
        if new.paused:
            yield Effect(new.service, PAUSED)
            continue
        if old.problem or old.waits:
            yield Effect(new.service, "can be made now")
        yield from _replaced(new, found, room)


def pods_text(workload: Mapping[str, Any]) -> str:
    """How many pods a workload has, with the word."""
    count = pods_wanted(workload)
    return f"{count} pod{'' if count == 1 else 's'}"


def _replaced(new: Rendered, found: Found, room: Room) -> Iterator[Effect]:
    rolls = False
    for desired in new.objects:
        if not is_workload(desired):
            continue
        named = f"{desired['kind']} {desired['metadata']['name']}"
        key = ObjectKey(desired["metadata"]["namespace"], desired["metadata"]["name"])
        live = found.cached(desired["apiVersion"], desired["kind"], key)
        if live is None:
            rolls = True
            yield Effect(
                new.service, f"{named} is made" + _but(room, desired), _short(room, desired)
            )
        elif not same_pods(live, new.written(live, desired)):
            rolls = True
            text = f"{named} replaces {pods_text(live)}" + _but(room, desired)
            yield Effect(new.service, text, _short(room, desired))
    if not rolls:
        yield Effect(new.service, "changes, and its pods stay")


def _short(room: Room, desired: Mapping[str, Any]) -> bool:
    return bool(room.shortage(desired))


def _but(room: Room, desired: Mapping[str, Any]) -> str:
    shortage = room.shortage(desired)
    return f"; {shortage}, so it would wait" if shortage else ""
