"""Users: they carry out a script at the server itself, whatever the network is like."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import anyio

from ome.kube.resource import ObjectKey
from ome.sandbox.refusal import Refused

from .documents import NAMESPACE

if TYPE_CHECKING:
    from ome.kube.resource import Resource
    from ome.sandbox.apiserver.local import Local
    from ome.sandbox.stored import Stored

    from .history import History
    from .referee import Referee
    from .script import Action, Script

__all__ = ["Users"]

_USER = "a-user"
_LOOKS = 0.5
_GROUPS = {
    "Deployment": "apps",
    "HorizontalPodAutoscaler": "autoscaling",
    "Namespace": "",
    "Service": "",
}


class Users:
    """Plays scripts."""

    def __init__(self, local: Local, history: History, referee: Referee) -> None:
        self._local = local
        self._history = history
        self._referee = referee

    async def play(self, script: Script) -> None:
        """Everything; ends when all is done."""
        async with anyio.create_task_group() as group:
            for actions in script.values():
                group.start_soon(self._act, actions)

    async def _act(self, actions: list[Action]) -> None:
        for action in actions:
            await anyio.sleep(action.pause)
            self._history.say("user", str(action))
            await self._do(action)

    async def _do(self, action: Action) -> None:
        resource = self._resource(action.kind)
        key = ObjectKey(NAMESPACE if resource.namespaced else "", action.name)
        match action.verb:
            case "apply":
                await self.apply(action.document)
            case "delete":
                await self._delete(resource, key)
                await self._gone(resource, key)
            case "drop":
                await self._delete(resource, key)
            case "scribble":
                await self._scribble(resource, key)
            case "squat":
                await self._gone(resource, key)
                self._settle_in(await self.create(action.document))
            case "usurp":
                # Within one turn of the loop: nobody sees the name free.
                await self._delete(resource, key)
                self._settle_in(await self.create(action.document))
            case "leave":
                self._referee.stranger_goes(action.kind, key)
                await self._delete(resource, key)
            case other:
                raise ValueError(other)

    async def create(self, document: dict[str, Any]) -> Stored:
        """Create an object."""
        return await self._local.create(self._resource(document["kind"]), document, user=_USER)

    async def apply(self, document: dict[str, Any]) -> None:
        """Create it, or put its spec and its annotations in the place of the present ones."""
        resource = self._resource(document["kind"])
        metadata = document["metadata"]
        key = ObjectKey(metadata.get("namespace", ""), metadata["name"])
        present = self._local.get(resource, key)
        if present is None:
            await self.create(document)
            return
        wanted = present.load()
        # What the operator read from the files stays, as with kubectl apply.
        wanted["spec"] = {**wanted["spec"], **document["spec"]}
        if metadata.get("annotations"):
            held = wanted["metadata"].get("annotations") or {}
            wanted["metadata"]["annotations"] = {**held, **metadata["annotations"]}
        await self._local.update(resource, wanted, user=_USER)

    async def _delete(self, resource: Resource, key: ObjectKey) -> None:
        with contextlib.suppress(Refused):  # gone already
            await self._local.delete(resource, key, user=_USER)

    async def _gone(self, resource: Resource, key: ObjectKey) -> None:
        while self._local.get(resource, key) is not None:  # noqa: ASYNC110 - as kubectl looks
            await anyio.sleep(_LOOKS)

    async def _scribble(self, resource: Resource, key: ObjectKey) -> None:
        """Change by hand what the operator has set."""
        present = self._local.get(resource, key)
        if present is None or present.labels.get("owner"):
            return
        document = present.load()
        if resource.kind == "Deployment":
            (container,) = document["spec"]["template"]["spec"]["containers"]
            container["image"] = "example.test/by-hand:1"
        else:
            document["spec"]["ports"][0]["port"] = 9
        await self._local.update(resource, document, user=_USER)

    def _settle_in(self, stored: Stored) -> None:
        self._referee.stranger(stored.load()["kind"], stored)

    def _resource(self, kind: str) -> Resource:
        resource = self._local.served(_GROUPS.get(kind, "ome.io"), kind)
        if resource is None:
            raise LookupError(f"{kind} is not served")
        return resource
