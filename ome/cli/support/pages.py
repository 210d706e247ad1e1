"""What the operator's own pods say: logs, those before a restart too, and metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ome.cli.podproxy import metrics_of, reader_headers
from ome.kube.request import key_of
from ome.kube.resources import PODS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterator, Mapping, Sequence

    from ome.cli.support.archive import Archive
    from ome.kube.client import Client

__all__ = ["Pages"]

_T = TypeVar("_T")
_MOST = 40
"""Pods that are asked: the first of those given."""
_SILENT = 3
"""Pods in a row without metrics after which no more are asked: the API server waits for each."""
_METRICS_SECONDS = 8.0


class Attempt(Protocol):
    """Reads in bounded time; what cannot be read is a note of that name and None."""

    async def __call__(self, name: str, read: Awaitable[_T], seconds: float = ...) -> _T | None: ...


class Pages:
    """Reads pods into an archive."""

    def __init__(
        self, client: Client, archive: Archive, attempt: Attempt, namespace: str, tail_lines: int
    ) -> None:
        self._client = client
        self._archive = archive
        self._attempt = attempt
        self._namespace = namespace
        self._tail_lines = tail_lines
        self._headers: dict[str, str] | None = None
        self._silent = 0

    async def gather(self, pods: Sequence[Mapping[str, Any]]) -> None:
        """All that these pods say."""
        if len(pods) > _MOST:
            self._archive.note(f"logs and metrics: of {_MOST} of {len(pods)} pods")
        for pod in pods[:_MOST]:
            for container, before in _logs(pod):
                await self._log(pod, container, before)
        for number, pod in enumerate(pods[:_MOST]):
            if self._silent == _SILENT:
                asked = f"of {len(pods)} pods {number} were asked"
                self._archive.note(f"metrics: {asked}, as the last {_SILENT} gave none")
                break
            self._silent = 0 if await self._metrics(pod) else self._silent + 1

    async def _log(self, pod: Mapping[str, Any], container: str, before: bool) -> None:
        end = "-previous" if before else ""
        name = f"logs/{pod['metadata']['name']}-{container}{end}.log"
        log = self._client.pod_log(
            key_of(PODS, pod), tail_lines=self._tail_lines, container=container, previous=before
        )
        text = await self._attempt(name, log)
        if text is not None:
            self._archive.text(name, text)

    async def _metrics(self, pod: Mapping[str, Any]) -> bool:
        """Whether the pod gave them."""
        name = f"metrics/{pod['metadata']['name']}.txt"
        place = metrics_of(pod)
        if place is None:
            self._archive.note(f"{name}: the pod serves no metrics")
            return False
        headers: dict[str, str] | None = {}
        if place.secure:
            headers = await self._credentials(name)
        if headers is None:
            return False
        text = await self._attempt(
            name, self._client.raw_text(place.path("/metrics"), headers), _METRICS_SECONDS
        )
        if text is not None:
            self._archive.text(name, text)
        return text is not None

    async def _credentials(self, name: str) -> dict[str, str] | None:
        """Those of a reader, kept; None, with a note, where they may not be had."""
        if self._headers is None:
            self._headers = await self._attempt(name, reader_headers(self._client, self._namespace))
        return self._headers


def _logs(pod: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    """Containers and whether the log before their restart is meant.

    An init container that did its work has nothing to tell.
    """
    status = pod.get("status") or {}
    every = {
        entry["name"]: entry
        for key in ("initContainerStatuses", "containerStatuses")
        for entry in status.get(key) or ()
    }
    for container in pod["spec"].get("initContainers") or ():
        ended = (every.get(container["name"], {}).get("state") or {}).get("terminated")
        if ended is None or ended.get("exitCode") != 0:
            yield container["name"], False
    for container in pod["spec"]["containers"]:
        yield container["name"], False
    for name, entry in every.items():
        if entry.get("restartCount") and (entry.get("lastState") or {}).get("terminated"):
            yield name, True
