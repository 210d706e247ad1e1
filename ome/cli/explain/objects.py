"""Where the objects come from that are explained: files, or the cluster of a kubeconfig."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from ome.api import names
from ome.api.references import base_model_of, models_named
from ome.cli.manifests import files, read
from ome.controllers.inferenceservice.workload import WORKLOADS
from ome.controllers.inferenceservice.world import SHARED, Sources
from ome.controllers.resources import (
    ACCELERATOR_CLASSES,
    BASE_MODELS,
    CLUSTER_BASE_MODELS,
    CLUSTER_SERVING_RUNTIMES,
    FINE_TUNED_WEIGHTS,
    INFERENCE_SERVICES,
    SERVING_RUNTIMES,
)
from ome.errors import Forbidden, NotFound, UserError
from ome.informers.projection import WholeObject
from ome.informers.store import Store
from ome.kube.resource import ObjectKey
from ome.kube.resources import CONFIGMAPS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ome.api.references import ModelKey
    from ome.cli.manifests import Manifest
    from ome.cli.render.cluster import Found
    from ome.clock import Clock
    from ome.kube.client import Client

__all__ = ["read_cluster", "read_files", "read_workloads", "stores"]

_RESOURCES = (INFERENCE_SERVICES, *SHARED)
"""In the order of ``Sources``."""
_KINDS = {resource.kind: resource for resource in _RESOURCES}
_LISTED = (SERVING_RUNTIMES, CLUSTER_SERVING_RUNTIMES, ACCELERATOR_CLASSES, FINE_TUNED_WEIGHTS)


def stores(documents: Iterable[dict[str, Any]], clock: Clock) -> Sources:
    """The stores that a controller would have; of two objects of one name the later counts.

    What choosing and planning do not read (a benchmark, say) is left out.
    """
    made = {resource.kind: Store[WholeObject](clock) for resource in _RESOURCES}
    for number, document in enumerate(documents):
        if document["kind"] not in made:
            continue
        metadata = document["metadata"]
        # What parsed objects are remembered by; objects of files have neither.
        metadata = {"uid": f"file-{number}", "resourceVersion": "1", **metadata}
        whole = msgspec.json.decode(
            msgspec.json.encode({**document, "metadata": metadata}), type=WholeObject
        )
        made[document["kind"]].put(whole.metadata.key, whole)
    return Sources(*(made[resource.kind] for resource in _RESOURCES))


def read_files(paths: Sequence[str], namespace: str) -> list[dict[str, Any]]:
    """The objects of our kinds in YAML or JSON files, in directories of them, or on stdin (``-``).

    ``namespace`` is that of objects that name none. Raises ``UserError`` naming file and line.
    """
    found: list[dict[str, Any]] = []
    for path in paths:
        inside = list(files((path,)))
        if not inside:
            raise UserError(f"ome explain: {path}: no .yaml, .yml or .json file in it")
        for file in inside:
            for manifest in read(file):
                found += _ours(manifest, namespace)
    return found


def _ours(manifest: Manifest, namespace: str) -> Iterator[dict[str, Any]]:
    document = manifest.document
    if not isinstance(document, dict):
        return
    resource = _KINDS.get(str(document.get("kind")))
    if resource is None or not str(document.get("apiVersion", "")).startswith("ome.io/"):
        return
    where = f"ome explain: {manifest.file}:{manifest.line(('metadata', 'name'))}"
    metadata = document.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
        held = metadata.get("name") if isinstance(metadata, dict) else None
        found = "none is there" if held is None else f"found {held!r}; put it in quotes"
        raise UserError(f"{where}: metadata.name: expected a name, {found}")
    place = {"namespace": metadata.get("namespace") or namespace} if resource.namespaced else {}
    kept = {key: value for key, value in metadata.items() if key != "namespace"}
    made = {**document, "metadata": {**kept, **place}}
    try:
        msgspec.json.decode(msgspec.json.encode(made), type=WholeObject)
    except (msgspec.ValidationError, TypeError) as error:
        raise UserError(f"{where}: {resource.kind} {metadata['name']}: {error}") from error
    yield made


async def read_cluster(client: Client, namespace: str, name: str) -> list[dict[str, Any]]:
    """What explains a service or model of this name: it, and every runtime and class."""
    found: list[dict[str, Any]] = []
    for resource in _LISTED:
        try:
            found += await client.list(resource, namespace if resource.namespaced else "")
        except NotFound:
            continue  # the kind is not installed, so there is nothing of it
    service = await _maybe(client, INFERENCE_SERVICES, ObjectKey(namespace, name))
    found += [] if service is None else [service]
    for kind, place, model in sorted(_models(namespace, name, service, found)):
        resource = BASE_MODELS if kind == BASE_MODELS.kind else CLUSTER_BASE_MODELS
        document = await _maybe(client, resource, ObjectKey(place, model))
        found += [] if document is None else [document]
    return found


def _models(
    namespace: str,
    name: str,
    service: Mapping[str, Any] | None,
    listed: Iterable[Mapping[str, Any]],
) -> set[ModelKey]:
    """The models that a service or model of a name may mean."""
    spec = {} if service is None else service.get("spec") or {}
    reference = spec.get("model") or {}
    old = (spec.get("predictor") or {}).get("model") or {}
    called = {name, str(reference.get("name") or name), str(old.get("baseModel") or name)}
    found = {key for model in called for key in models_named("", model, namespace)}
    for document in listed:
        if document["kind"] == FINE_TUNED_WEIGHTS.kind and document["metadata"]["name"] in called:
            base = base_model_of(document.get("spec") or {})
            found |= set() if base is None else {base}
    return found


async def read_workloads(client: Client, namespace: str, name: str) -> Found:
    """What runs the pods of a service and what it keeps, as far as it may be read."""
    from ome.cli.render.cluster import Found  # loads an HTTP client

    found: list[dict[str, Any]] = []
    selector = f"{names.LABEL_INFERENCE_SERVICE}={name}"
    for resource in (*WORKLOADS, CONFIGMAPS):
        try:
            found += await client.list(resource, namespace, label_selector=selector)
        except (NotFound, Forbidden):
            continue  # the account is that of a new service then
    return Found(found)


async def _maybe(client: Client, resource: Any, key: ObjectKey) -> dict[str, Any] | None:
    try:
        return await client.get(resource, key)
    except NotFound:
        return None
