"""Defects that a simulation must find; planted in this process, while a run lasts.

They stand for five promises of the framework. Each is one changed function of ``ome``.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ome.errors import TransportError
from ome.informers.intake import Intake
from ome.kube import documents
from ome.reconciler.controller import Controller
from ome.reconciler.fence import Fence
from ome.reconciler.queue import WorkQueue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


__all__ = ["DEFECTS", "planted"]


def _no_fence(fence: Fence) -> float:
    return fence._timing.renew + fence._timing.unwind


def _forgetful_replace(intake: Intake[Any], version: str) -> Iterator[None]:
    """Takes a list for the truth, but tells nobody what changed."""
    pending, intake._pending = intake._pending, {}
    intake._sharing = None
    store = intake.store
    for key, obj in pending.items():
        if obj is not None:
            store.put(key, obj)
    for key in store.server_objects():
        if key not in pending:
            store.remove(key, uid="", version=version)
    store.reached(version)
    intake.replaced = intake._reading
    intake._handlers.reached(intake.replaced, store.server_objects().values())
    yield


def _unguarded(document: Mapping[str, Any], read: Mapping[str, Any], *names: str) -> dict[str, Any]:
    guards = {name: read[name] for name in names if name != "uid"}
    return {**document, "metadata": {**document["metadata"], **guards}}


def _careless_init(controller: Controller[Any], *args: Any, **named: Any) -> None:
    """Takes a run whose write got no answer for one that succeeded."""
    _init(controller, *args, **named)
    sound = controller._reconcile

    async def careless(key: Any) -> Any:
        try:
            return await sound(key)
        except TransportError:
            return None

    controller._reconcile = careless


def _forgetful_add(queue: WorkQueue[Any], key: Any, priority: int = 100) -> None:
    """Drops what comes while the key is being worked on."""
    if key not in queue._processing:
        _add(queue, key, priority)


_init = Controller.__init__
_add = WorkQueue.add

DEFECTS: dict[str, tuple[object, str, Callable[..., Any], str]] = {
    "fencing": (Fence, "admit", _no_fence, "a replica that lost its lease goes on writing"),
    "relist": (Intake, "replace", _forgetful_replace, "what a relist shows is told to nobody"),
    "uid-guard": (documents, "guarded", _unguarded, "applies carry no uid of what was read"),
    "lost-answer": (Controller, "__init__", _careless_init, "what got no answer is done"),
    "coalescing": (WorkQueue, "add", _forgetful_add, "a change during a run is forgotten"),
}
"""By name: where, what is replaced, by what, and what it means."""


@contextmanager
def planted(name: str) -> Iterator[None]:
    """Plant one defect while the context is open; none for the empty name."""
    if not name:
        yield
        return
    owner, attribute, defective, _ = DEFECTS[name]
    sound = getattr(owner, attribute)
    setattr(owner, attribute, defective)
    try:
        yield
    finally:
        setattr(owner, attribute, sound)
