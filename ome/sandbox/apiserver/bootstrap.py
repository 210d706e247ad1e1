"""What is there from the start: namespaces, the API's own Service, the roles of RBAC."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ome.kube.resource import ObjectKey
from ome.sandbox.apiserver.storage import Change
from ome.sandbox.authorization import Rbac
from ome.sandbox.stored import Stored

if TYPE_CHECKING:
    from ome.sandbox.apiserver.documents import Documents
    from ome.sandbox.apiserver.kinds import Kinds
    from ome.sandbox.apiserver.storage import Store

__all__ = ["NAMESPACES", "bootstrap"]

NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
_API_SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {
        "name": "kubernetes",
        "namespace": "default",
        "labels": {"component": "apiserver", "provider": "kubernetes"},
    },
    "spec": {
        "clusterIP": "10.96.0.1",
        "clusterIPs": ["10.96.0.1"],
        "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443}],
    },
}


def bootstrap(store: Store, kinds: Kinds, documents: Documents) -> None:
    """Put the first objects into an empty store."""
    for name in NAMESPACES:
        _put(
            store,
            kinds,
            documents,
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}},
        )
    for document in (_API_SERVICE, *Rbac.bootstrap()):
        _put(store, kinds, documents, document)


def _put(store: Store, kinds: Kinds, documents: Documents, document: dict[str, Any]) -> None:
    group = document["apiVersion"].rpartition("/")[0]
    kind = kinds.of_kind(group, document["kind"])
    assert kind is not None
    document = {**document, "metadata": dict(document["metadata"])}
    namespace = document["metadata"].get("namespace", "")
    documents.begin(document, kind, namespace)
    documents.fill(document, kind, None)
    collection = store.collection(*kind.store)
    key = ObjectKey(namespace, document["metadata"]["name"])
    if collection.get(key) is None:
        version = store.next_version()
        collection.apply(Change(version, None, Stored.of(document, version)))
