"""Manifests from files into the sandbox, as ``kubectl apply --server-side`` would bring them."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any

import msgspec
import yaml

from ome.errors import UserError
from ome.kube.request import Request

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from ome.kube.transport import Transport
    from ome.sandbox.local import LocalApi

__all__ = ["apply", "demo_benchmark", "demo_cluster", "demo_service", "read", "settings"]

_FIRST = ("Namespace", "CustomResourceDefinition")
_LAST = ("InferenceService", "BenchmarkJob")
"""Admission refuses those that come before what they name."""
_MANAGER = "ome-sandbox"


def demo_cluster() -> list[dict[str, Any]]:
    """The namespace, models and runtimes that a sandbox begins with."""
    return _shipped("cluster.yaml")


def demo_service() -> list[dict[str, Any]]:
    """The InferenceService that a sandbox begins with."""
    return _shipped("service.yaml")


def demo_benchmark() -> list[dict[str, Any]]:
    """A BenchmarkJob of that service, and the claim that it writes to."""
    return _shipped("benchmark.yaml")


def settings() -> list[dict[str, Any]]:
    """The operator's own settings, as the charts would have made them."""
    return _shipped("settings.yaml")


def read(paths: Sequence[Path]) -> list[dict[str, Any]]:
    """The objects of files and directories (``*.yaml``, ``*.yml``, ``*.json``), in order.

    Raises ``UserError`` naming the file for what cannot be read or is no object.
    """
    found: list[dict[str, Any]] = []
    for path in paths:
        inside = sorted(
            entry for entry in path.rglob("*") if entry.suffix in (".yaml", ".yml", ".json")
        )
        for file in inside if path.is_dir() else [path]:
            try:
                found += _documents(str(file), file.read_text("utf-8"))
            except OSError as error:
                raise UserError(f"-f {file}: {error.strerror or error}") from None
            except UnicodeDecodeError:
                raise UserError(f"-f {file}: not a text file; expected YAML or JSON") from None
    return found


async def apply(transport: Transport, local: LocalApi, documents: Iterable[dict[str, Any]]) -> None:
    """Apply them, namespaces and CRDs first and services last.

    Raises ``UserError`` with what the server says.
    """
    ordered = sorted(documents, key=lambda document: _turn(document["kind"]))
    for document in ordered:
        group = document["apiVersion"].rpartition("/")[0]
        name = f"{document['kind'].lower()}/{document['metadata']['name']}"
        resource = local.served(group, document["kind"])
        if resource is None:
            raise UserError(f"{name}: no kind {document['kind']} in {document['apiVersion']}")
        namespace = document["metadata"].get("namespace", "default")
        path = resource.path(namespace if resource.namespaced else "", document["metadata"]["name"])
        query = (("fieldManager", _MANAGER), ("force", "true"), ("fieldValidation", "Strict"))
        request = Request(
            "PATCH",
            path,
            query,
            msgspec.json.encode(document),
            content_type="application/apply-patch+yaml",
        )
        response = await transport.send(request)
        if response.status >= 400:
            said = msgspec.json.decode(response.body)
            raise UserError(f"{name}: {said.get('message', response.status)}")


def _turn(kind: str) -> int:
    return 0 if kind in _FIRST else 1 if kind not in _LAST else 2 + _LAST.index(kind)


def _shipped(name: str) -> list[dict[str, Any]]:
    return _documents(name, files("ome.sandbox.demo").joinpath(name).read_text("utf-8"))


def _documents(where: str, text: str) -> list[dict[str, Any]]:
    try:
        loaded = [entry for entry in yaml.load_all(text, yaml.CSafeLoader) if entry is not None]
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "not YAML"
        raise UserError(f"-f {where}{line}: {problem}") from None
    found = []
    for number, entry in enumerate(loaded, 1):
        if isinstance(entry, dict) and str(entry.get("kind", "")).endswith("List"):
            loaded += entry.get("items") or []
            continue
        metadata = entry.get("metadata") if isinstance(entry, dict) else None
        if not isinstance(metadata, dict) or not metadata.get("name"):
            raise UserError(
                f"-f {where}: document {number} is no Kubernetes object: expected apiVersion, kind"
                " and metadata.name"
            )
        if not entry.get("apiVersion") or not entry.get("kind"):
            raise UserError(f"-f {where}: document {number} lacks apiVersion or kind")
        found.append(entry)
    return found
