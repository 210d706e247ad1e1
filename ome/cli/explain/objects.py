"""Where the objects come from that are explained: files, or the cluster of a kubeconfig."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import yaml

from ome.api import names
from ome.api.references import base_model_of, models_named
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
    from ome.cli.render.cluster import Found
    from ome.clock import Clock
    from ome.kube.client import Client

__all__ = ["read_cluster", "read_files", "read_workloads", "stores"]

_RESOURCES = (INFERENCE_SERVICES, *SHARED)
"""In the order of ``Sources``."""
_KINDS = {resource.kind: resource for resource in _RESOURCES}
_LISTED = (SERVING_RUNTIMES, CLUSTER_SERVING_RUNTIMES, ACCELERATOR_CLASSES, FINE_TUNED_WEIGHTS)


def stores(documents: Iterable[dict[str, Any]], clock: Clock) -> Sources:
    """The stores that a controller would have; of two objects of one name the later counts."""
    made = {resource.kind: Store[WholeObject](clock) for resource in _RESOURCES}
    for number, document in enumerate(documents):
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

    ``namespace`` is that of objects that name none. Raises ``UserError`` naming file and document.
    """
    found: list[dict[str, Any]] = []
    for path in _expanded(paths):
        text = sys.stdin.read() if path == "-" else _text(path)
        try:
            documents = list(yaml.safe_load_all(text))
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            line = f" line {mark.line + 1}:" if mark else ""
            problem = getattr(error, "problem", None) or "not YAML"
            raise UserError(f"ome explain: {path}:{line} {problem}") from error
        for number, document in enumerate(documents, 1):
            where = f"{path}, document {number}"
            found += _ours(document, where, namespace)
    return found


def _expanded(paths: Sequence[str]) -> Iterator[str]:
    for path in paths:
        if path != "-" and Path(path).is_dir():
            inside = sorted(
                str(item)
                for item in Path(path).rglob("*")
                if item.suffix in (".yaml", ".yml", ".json")
            )
            if not inside:
                raise UserError(f"ome explain: {path}: no .yaml, .yml or .json file in it")
            yield from inside
        else:
            yield path


def _text(path: str) -> str:
    try:
        return Path(path).read_text()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise UserError(f"ome explain: {path}: {reason}") from error


def _ours(document: Any, where: str, namespace: str) -> Iterator[dict[str, Any]]:
    if not isinstance(document, dict):
        return
    if str(document.get("kind", "")).endswith("List") and isinstance(document.get("items"), list):
        for number, item in enumerate(document["items"], 1):
            yield from _ours(item, f"{where}, item {number}", namespace)
        return
    resource = _KINDS.get(str(document.get("kind")))
    if resource is None or not str(document.get("apiVersion", "")).startswith("ome.io/"):
        return
    metadata = document.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
        held = metadata.get("name") if isinstance(metadata, dict) else None
        found = "none is there" if held is None else f"found {held!r}; put it in quotes"
        raise UserError(f"ome explain: {where}: metadata.name: expected a name, {found}")
    place = {"namespace": metadata.get("namespace") or namespace} if resource.namespaced else {}
    kept = {key: value for key, value in metadata.items() if key != "namespace"}
    made = {**document, "metadata": {**kept, **place}}
    try:
        msgspec.json.decode(msgspec.json.encode(made), type=WholeObject)
    except (msgspec.ValidationError, TypeError) as error:
        raise UserError(f"ome explain: {where}: {resource.kind} {metadata['name']}: {error}") from (
            error
        )
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
