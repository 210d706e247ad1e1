"""The webhook configurations: whether they are there, and what they trust.

The bundle is put into those that name our webhooks, by a patch that tests the resourceVersion: of
several replicas one patches, the others see its result. A configuration that cert-manager fills in
(it has that annotation) is left to it.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import anyio
import msgspec
import structlog

from ome.errors import Conflict, OmeError
from ome.kube.resource import ObjectKey

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ome.informers.informer import Informer
    from ome.informers.projection import WholeObject
    from ome.kube.apply import Applier
    from ome.webhooks.certificates.source import Serving

__all__ = ["INJECTED_BY_CERT_MANAGER", "Configurations", "Wanted"]

INJECTED_BY_CERT_MANAGER = "cert-manager.io/inject-ca-from"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A configuration by its informer and name, and which of its webhooks are ours."""

    informer: Informer[WholeObject]
    name: str
    webhooks: frozenset[str]

    def __str__(self) -> str:
        return f"{self.informer.resource.kind} {self.name}"


class Configurations:
    """The configurations of our webhooks, through the caches."""

    def __init__(self, wanted: Iterable[Wanted], applier: Applier) -> None:
        self._wanted = tuple(wanted)
        self._names = {entry.name for entry in self._wanted}
        self._applier = applier
        self.change = anyio.Event()
        """Set when one of them has changed; another event stands in its place then."""
        for informer in {id(entry.informer): entry.informer for entry in self._wanted}.values():
            informer.add_handler(self._changed)

    def trust(self, issuer: bytes) -> bool:
        """Whether every configuration that is there knows this authority."""
        return all(
            _knows(entry, stored, issuer)
            for entry in self._wanted
            if (stored := self._stored(entry)) is not None
        )

    async def ensure(self, serving: Serving) -> list[str]:
        """Put the bundle where it is not; what is still not in place, one line each."""
        for entry in self._wanted:
            stored = self._stored(entry)
            if stored is not None and (places := _differing(entry, stored, serving.bundle)):
                await self._patch(entry, stored, places, serving.bundle)
        return [
            problem
            for entry in self._wanted
            if (problem := _problem(entry, self._stored(entry), serving))
        ]

    async def _patch(
        self, entry: Wanted, stored: WholeObject, places: list[int], bundle: bytes
    ) -> None:
        value = base64.b64encode(bundle).decode()
        operations = [
            {"op": "add", "path": f"/webhooks/{place}/clientConfig/caBundle", "value": value}
            for place in places
        ]
        metadata = {
            "name": entry.name,
            "uid": stored.metadata.uid,
            "resourceVersion": stored.metadata.resource_version,
        }
        try:
            patched = await self._applier.patch_user_object(
                entry.informer.resource, metadata, operations
            )
        except Conflict:
            return  # the watch brings what is there now
        except OmeError as error:  # also a write that only the leader may make
            log.warning("bundle.patch_failed", configuration=str(entry), why=str(error))
            return
        entry.informer.observed(patched)
        log.info("bundle.patched", configuration=str(entry))

    def _changed(self, old: WholeObject | None, new: WholeObject | None) -> None:
        if any(item is not None and item.metadata.name in self._names for item in (old, new)):
            self.change.set()
            self.change = anyio.Event()

    def _stored(self, entry: Wanted) -> WholeObject | None:
        return entry.informer.store.get(ObjectKey("", entry.name))


def _webhooks(stored: WholeObject) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = msgspec.json.decode(stored.webhooks) if stored.webhooks else []
    return found


def _ours(entry: Wanted, stored: WholeObject) -> list[dict[str, Any]]:
    return [item for item in _webhooks(stored) if item.get("name") in entry.webhooks]


def _left_to_others(stored: WholeObject) -> bool:
    return INJECTED_BY_CERT_MANAGER in stored.metadata.annotations


def _differing(entry: Wanted, stored: WholeObject, bundle: bytes) -> list[int]:
    """Places of our webhooks that do not trust just this bundle, where it is for us to say."""
    if not bundle or _left_to_others(stored):
        return []
    return [
        place
        for place, item in enumerate(_webhooks(stored))
        if item.get("name") in entry.webhooks and _bundle_of(item) != bundle
    ]


def _knows(entry: Wanted, stored: WholeObject, issuer: bytes) -> bool:
    """Whether each of our webhooks trusts the authority; any authority when it is not known."""
    text = issuer.strip() or b"BEGIN CERTIFICATE"
    return all(text in _bundle_of(item) for item in _ours(entry, stored))


def _problem(entry: Wanted, stored: WholeObject | None, serving: Serving) -> str | None:
    if stored is None:
        return f"{entry} is not installed; install it with the operator's chart"
    if _knows(entry, stored, serving.issuer) and not _differing(entry, stored, serving.bundle):
        return None
    if serving.issuer and _left_to_others(stored):
        return (
            f"{entry} is filled in by cert-manager, but its certificate is not mounted here: mount"
            f" its Secret, or remove annotation {INJECTED_BY_CERT_MANAGER}"
        )
    return f"{entry} does not have the CA bundle yet"


def _bundle_of(webhook: dict[str, Any]) -> bytes:
    text = (webhook.get("clientConfig") or {}).get("caBundle") or ""
    return base64.b64decode(text)
