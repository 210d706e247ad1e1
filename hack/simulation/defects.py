"""Defects that a simulation must find; planted in this process, while a run lasts.

They stand for five promises of the framework. Each is one changed function of ``ome``.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ome.errors import OmeError, TransportError
from ome.informers.intake import Intake
from ome.kube import apply as applying
from ome.kube.caller import Caller
from ome.kube.transport import Response
from ome.reconciler.fence import Fence
from ome.reconciler.queue import WorkQueue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ome.kube.request import Request

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


async def _hopeful_attempt(
    caller: Caller, request: Request, deadline: float
) -> Response | OmeError:
    """Takes a write whose answer was lost for done, with what was sent as the answer."""
    outcome = await _attempt(caller, request, deadline)
    lost = isinstance(outcome, TransportError)
    if lost and request.method in ("PUT", "PATCH", "DELETE") and _is_object(request):
        return Response(200, {}, b'{"metadata":{"name":"","uid":"","resourceVersion":"1"}}')
    return outcome


def _is_object(request: Request) -> bool:
    return "/leases" not in request.path


def _forgetful_add(queue: WorkQueue[Any], key: Any, priority: int = 100) -> None:
    """Drops what comes while the key is being worked on."""
    if key not in queue._processing:
        _add(queue, key, priority)


_attempt = Caller._attempt
_add = WorkQueue.add

DEFECTS: dict[str, tuple[object, str, Callable[..., Any], str]] = {
    "fencing": (Fence, "admit", _no_fence, "a replica that lost its lease goes on writing"),
    "relist": (Intake, "replace", _forgetful_replace, "what a relist shows is told to nobody"),
    "uid-guard": (applying, "_guarded", _unguarded, "applies carry no uid of what was read"),
    "lost-answer": (Caller, "_attempt", _hopeful_attempt, "a write without an answer is done"),
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
