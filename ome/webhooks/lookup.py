"""Lookups in warm caches, with a request only for what they do not have yet.

A ``Reading`` serves one review. What it does not find it keeps in mind; ``fetch`` then asks the API
server for just these objects, so that a model which was created a moment before its service is
found although the watch has not told of it. Where runtimes were looked through, it is asked for the
metadata of all and then for those that the cache has not as they are. A handler runs on caches
alone whenever it allows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from cachetools import LRUCache

from ome.api import names
from ome.errors import NotFound
from ome.informers.projection import Metadata, PartialMetadata, WholeObject
from ome.kube.resource import ObjectKey
from ome.webhooks.registry import BadSetting

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ome.informers.informer import Informer
    from ome.kube.client import Client
    from ome.kube.resource import Resource
    from ome.webhooks.registry import Document

__all__ = ["Caches", "ConfigMapData", "Lookups", "Reading"]

_BY_RUNTIME = "ome.webhooks/runtime"
_MAX_FETCHED = 4
"""Objects that the server is asked for at a time; the rest waits for the next time."""


class ConfigMapData(msgspec.Struct, frozen=True):
    """A ConfigMap whose data is read whole."""

    metadata: Metadata
    data: dict[str, str] = {}


class _Listing(msgspec.Struct):
    """A list of metadata only, in which none is null."""

    items: list[PartialMetadata] | None


_LISTING = msgspec.json.Decoder(_Listing)


@dataclass(frozen=True, slots=True)
class Caches:
    """The informers that reviews read."""

    services: Informer[WholeObject]
    base_models: Informer[WholeObject]
    cluster_base_models: Informer[WholeObject]
    serving_runtimes: Informer[WholeObject]
    cluster_serving_runtimes: Informer[WholeObject]
    accelerators: Informer[WholeObject]
    weights: Informer[WholeObject]
    pods: Informer[PartialMetadata]
    """Those of services."""
    config: Informer[ConfigMapData]
    """``inferenceservice-config`` in the operator's namespace."""


class Lookups:
    """Makes a ``Reading`` for each review; remembers documents as long as their objects live."""

    def __init__(
        self, caches: Caches, client: Client, namespace: str, *, migrates: bool = True
    ) -> None:
        """``namespace`` is the operator's own; ``migrates``: see ``migrates_predictors``."""
        self.caches = caches
        self.client = client
        self.migrates = migrates
        self._config_key = ObjectKey(namespace, names.CONFIGMAP_INFERENCE_SERVICE)
        self._documents: LRUCache[tuple[str, str], Document] = LRUCache(maxsize=4096)
        self._settings: dict[str, tuple[str, Document | BadSetting]] = {}
        caches.pods.store.add_index(_BY_RUNTIME, _runtime_of)

    def reading(self) -> Reading:
        """Lookups for one review."""
        return Reading(self)

    def document(self, stored: WholeObject) -> Document:
        """The object as plain JSON, decoded once for each version."""
        key = (stored.metadata.uid, stored.metadata.resource_version)
        found = self._documents.get(key)
        if found is None:
            found = self._documents[key] = stored.document()
        return found

    def setting(self, key: str) -> Document | None:
        """The parsed value of a key of the operator's settings. Raises ``BadSetting``."""
        held = self.caches.config.store.get(self._config_key)
        text = None if held is None else held.data.get(key)
        if text is None:
            return None
        known = self._settings.get(key)
        if known is None or known[0] != text:
            known = self._settings[key] = (text, _parse(key, text))
        if isinstance(known[1], BadSetting):
            raise BadSetting(key, known[1].why)
        return known[1]


class Reading:
    """A ``Lookup`` over the caches and over what was fetched for this review."""

    def __init__(self, lookups: Lookups) -> None:
        self._lookups = lookups
        self._caches = lookups.caches
        self._fetched: dict[tuple[Resource, ObjectKey], Document | None] = {}
        self._missed: dict[tuple[Resource, ObjectKey], None] = {}
        self._looked_through: set[str] = set()
        """Namespaces whose runtimes were looked through."""
        self._listed: set[str] = set()
        """Those for which the server was asked what there is."""

    async def fetch(self) -> bool:
        """Ask the server for what was missed since the last time; whether it has any of it.

        Raises ``ApiError`` and ``TransportError``.
        """
        # What they hold now is what was judged: nothing was awaited since.
        looked = [(each, self._held(each)) for each in self._looked_through - self._listed]
        self._listed |= self._looked_through
        caught_up = False
        for namespace, held in looked:
            caught_up |= await self._miss_newer(namespace, held)
        missed = list(self._missed)[:_MAX_FETCHED]
        for resource, key in missed:
            del self._missed[resource, key]
            try:
                self._fetched[resource, key] = await self._lookups.client.get(resource, key)
            except NotFound:
                self._fetched[resource, key] = None
        return caught_up or any(self._fetched[entry] is not None for entry in missed)

    def _runtimes(self, namespace: str) -> Iterator[tuple[Informer[WholeObject], str]]:
        """Where the runtimes are that a namespace may use."""
        yield self._caches.serving_runtimes, namespace
        yield self._caches.cluster_serving_runtimes, ""

    def _held(self, namespace: str) -> dict[tuple[Resource, ObjectKey], str]:
        """The runtimes that a namespace may use, as the caches have them: their versions."""
        return {
            (informer.resource, item.metadata.key): item.metadata.resource_version
            for informer, place in self._runtimes(namespace)
            for item in informer.store.namespace(place)
        }

    async def _miss_newer(
        self, namespace: str, held: Mapping[tuple[Resource, ObjectKey], str]
    ) -> bool:
        """Miss the runtimes that the server has and the caches have not, or not as they are.

        The last written first; times will not do for that: they are whole seconds. Gives whether
        the caches have got to know meanwhile of one that was not in ``held`` as it is.
        """
        caught_up = False
        for informer, place in self._runtimes(namespace):
            body = await self._lookups.client.list_page(
                informer.resource, namespace=place, limit=0, metadata_only=True
            )
            found = [item.metadata for item in _LISTING.decode(body).items or ()]
            for there in sorted(found, key=_written, reverse=True):
                entry, version = (informer.resource, there.key), there.resource_version
                if held.get(entry) == version:
                    continue
                known = informer.store.get(there.key)
                if known is not None and known.metadata.resource_version == version:
                    caught_up = True
                else:
                    self._missed[entry] = None
        return caught_up

    def base_model(self, namespace: str, name: str) -> Document | None:
        """See ``Lookup``."""
        return self._scoped(
            self._caches.base_models, self._caches.cluster_base_models, namespace, name
        )

    def runtime(self, namespace: str, name: str) -> Document | None:
        """See ``Lookup``."""
        return self._scoped(
            self._caches.serving_runtimes, self._caches.cluster_serving_runtimes, namespace, name
        )

    def runtimes(self, namespace: str) -> Sequence[Document]:
        """See ``Lookup``."""
        self._looked_through.add(namespace)
        local = self._caches.serving_runtimes
        return [
            *self._documents(local, local.store.namespace(namespace), namespace),
            *self.cluster_runtimes(),
        ]

    def cluster_runtimes(self) -> Sequence[Document]:
        """See ``Lookup``."""
        shared = self._caches.cluster_serving_runtimes
        return self._documents(shared, shared.store.values())

    def accelerator(self, name: str) -> Document | None:
        """See ``Lookup``."""
        return self._one(self._caches.accelerators, "", name)

    def accelerators(self) -> Sequence[Document]:
        """See ``Lookup``."""
        classes = self._caches.accelerators
        return self._documents(classes, classes.store.values())

    def fine_tuned_weight(self, name: str) -> Document | None:
        """See ``Lookup``."""
        return self._one(self._caches.weights, "", name)

    def inference_service(self, namespace: str, name: str) -> Document | None:
        """See ``Lookup``."""
        return self._one(self._caches.services, namespace, name)

    def services_using(self, runtime_kind: str, namespace: str, name: str) -> tuple[int, int]:
        """See ``Lookup``; by the pods that run, so on every replica, leader or not."""
        pods = [
            pod.metadata
            for pod in self._caches.pods.store.by_index(_BY_RUNTIME, name)
            if self._means(runtime_kind, namespace, name, pod.metadata.namespace)
        ]
        services = {
            (metadata.namespace, metadata.labels[names.LABEL_INFERENCE_SERVICE])
            for metadata in pods
        }
        return len(services), len(pods)

    def config(self, key: str) -> Document | None:
        """See ``Lookup``."""
        return self._lookups.setting(key)

    def migrates_predictors(self) -> bool:
        """See ``Lookup``."""
        return self._lookups.migrates

    def _means(self, kind: str, namespace: str, name: str, used_in: str) -> bool:
        """Whether the name, used in a namespace, stands for this runtime."""
        if kind == self._caches.serving_runtimes.resource.kind:
            return used_in == namespace
        return self._caches.serving_runtimes.store.get(ObjectKey(used_in, name)) is None

    def _scoped(
        self, local: Informer[WholeObject], shared: Informer[WholeObject], namespace: str, name: str
    ) -> Document | None:
        found = self._one(local, namespace, name) if namespace else None
        return found if found is not None else self._one(shared, "", name)

    def _one(self, informer: Informer[WholeObject], namespace: str, name: str) -> Document | None:
        if not name:
            return None
        key = ObjectKey(namespace, name)
        stored = informer.store.get(key)
        if stored is not None:
            return self._lookups.document(stored)
        asked = (informer.resource, key)
        if asked not in self._fetched:
            self._missed[asked] = None
        return self._fetched.get(asked)

    def _documents(
        self, informer: Informer[WholeObject], stored: Iterable[WholeObject], namespace: str = ""
    ) -> list[Document]:
        """What the cache holds, but for what was fetched: that is younger."""
        fetched = {
            key: document
            for (resource, key), document in self._fetched.items()
            if resource == informer.resource and key.namespace == namespace
        }
        held = [
            self._lookups.document(item)
            for item in stored
            if not fetched or item.metadata.key not in fetched
        ]
        return [*held, *(document for document in fetched.values() if document is not None)]


def _written(metadata: Metadata) -> tuple[int, str]:
    """Sorts by when an object was written last, where versions tell."""
    version = metadata.resource_version
    return (int(version) if version.isdecimal() else -1, metadata.creation_timestamp or "")


def _runtime_of(pod: PartialMetadata) -> Iterable[str]:
    name = pod.metadata.annotations.get(names.ANNOTATION_SERVING_RUNTIME)
    return (name,) if name and names.LABEL_INFERENCE_SERVICE in pod.metadata.labels else ()


def _parse(key: str, text: str) -> Any:
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        return BadSetting(key, str(error))
    return value if isinstance(value, dict) else BadSetting(key, "expected a JSON object")
