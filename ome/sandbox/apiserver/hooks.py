"""The registered webhooks, decoded once for each change, and where their Services are reached."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.kube.resource import ObjectKey
from ome.sandbox.admission import Webhooks
from ome.sandbox.apiserver.backends import base_url

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from types import TracebackType

    from ome.clock import Clock
    from ome.sandbox.apiserver.storage import Store
    from ome.sandbox.stored import Stored

__all__ = ["Hooks"]

_GROUP = "admissionregistration.k8s.io"
_PLURALS = ("mutatingwebhookconfigurations", "validatingwebhookconfigurations")


class Hooks:
    """Follows the webhook configurations of a store."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._documents: dict[tuple[str, str], Mapping[str, Any]] = {}
        self._kinds: frozenset[str] = frozenset()
        for plural in _PLURALS:
            store.collection(_GROUP, plural).subscribe(self._changed, replay=True)
        self.webhooks = Webhooks(self._configurations, self._namespace, self._address, clock)

    async def __aenter__(self) -> Hooks:
        await self.webhooks.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.webhooks.__aexit__(kind, error, trace)

    def registered(self) -> Collection[str]:
        """The kinds of configuration that there are."""
        return self._kinds

    def _changed(self, old: Stored | None, new: Stored | None) -> None:
        present = new or old
        assert present is not None
        document = present.load()
        key = (document["kind"], present.key.name)
        if new is None:
            self._documents.pop(key, None)
        else:
            self._documents[key] = document
        self._kinds = frozenset(kind for kind, _ in self._documents)

    def _configurations(self) -> Sequence[tuple[str, Mapping[str, Any]]]:
        return [(kind, document) for (kind, _), document in sorted(self._documents.items())]

    def _namespace(self, name: str) -> Mapping[str, Any] | None:
        stored = self._store.collection("", "namespaces").get(ObjectKey("", name))
        return stored.load() if stored else None

    def _address(self, namespace: str, service: str, port: int) -> str | None:
        return base_url(self._store, namespace, service, port)
