"""Requests to an API server as plain values: built here, sent by a ``Transport``; no I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import msgspec

from ome.errors import api_error
from ome.kube.resource import ObjectKey
from ome.kube.resources import PODS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ome.errors import ApiError
    from ome.kube.guard import WriteGuard
    from ome.kube.resource import Resource

__all__ = [
    "APPLY_PATCH",
    "DEFAULT_TIMEOUT",
    "JSON",
    "JSON_PATCH",
    "MERGE_PATCH",
    "STRATEGIC_PATCH",
    "Request",
    "apply",
    "create",
    "delete",
    "get",
    "json_patch",
    "key_of",
    "list_",
    "merge_patch",
    "pod_log",
    "raw_get",
    "replace",
    "status_error",
    "strategic_patch",
    "watch",
]

JSON = "application/json"
JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"  # JSON is YAML; the JSON type needs a feature gate

_METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

DEFAULT_TIMEOUT = 30.0
"""Seconds that a call may take, its retries included."""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request; ``timeout`` is the seconds until an answer (of a watch: its headers)."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: bytes | None = field(default=None, repr=False)
    content_type: str = JSON
    accept: str = JSON
    timeout: float = DEFAULT_TIMEOUT
    user_agent: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    """Beside those that every request has; names are lower case."""
    guard: WriteGuard | None = field(default=None, repr=False, compare=False)
    """Asked once more when the bytes of a write are about to leave."""

    @property
    def writes(self) -> bool:
        """Whether it may change what is stored."""
        return self.method != "GET" and ("dryRun", "All") not in self.query

    @property
    def target(self) -> str:
        """The path with its query, quoted."""
        if not self.query:
            return self.path
        return f"{self.path}?{urlencode(self.query, quote_via=quote)}"

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def key_of(resource: Resource, obj: Mapping[str, Any]) -> ObjectKey:
    """The key that an object's metadata gives; a cluster-scoped one has no namespace."""
    metadata = obj["metadata"]
    return ObjectKey(metadata.get("namespace", "") if resource.namespaced else "", metadata["name"])


def raw_get(
    path: str,
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Request:
    """A GET of any path (``/version``, discovery)."""
    given = tuple((query or {}).items())
    return Request("GET", path, given, headers=tuple((headers or {}).items()))


def pod_log(
    key: ObjectKey, *, tail_lines: int, container: str = "", previous: bool = False
) -> Request:
    """Read the end of a container's log, or of the one before it was restarted."""
    query = _given(
        tailLines=str(tail_lines), container=container, previous="true" if previous else ""
    )
    return Request("GET", PODS.path(key.namespace, key.name, "log"), query, accept="*/*")


def get(
    resource: Resource, key: ObjectKey, *, subresource: str = "", metadata_only: bool = False
) -> Request:
    """Read one object."""
    return Request(
        "GET",
        resource.path(key.namespace, key.name, subresource),
        accept=_METADATA if metadata_only else JSON,
    )


def list_(
    resource: Resource,
    *,
    namespace: str = "",
    label_selector: str = "",
    field_selector: str = "",
    limit: int = 0,
    continue_: str = "",
    resource_version: str = "",
    resource_version_match: str = "",
    metadata_only: bool = False,
) -> Request:
    """Read one page of a collection; the empty namespace is all of them."""
    return Request(
        "GET",
        resource.path(namespace),
        _given(
            labelSelector=label_selector,
            fieldSelector=field_selector,
            limit=str(limit) if limit else "",
            **{"continue": continue_},
            resourceVersion=resource_version,
            resourceVersionMatch=resource_version_match,
        ),
        accept=_METADATA_LIST if metadata_only else JSON,
    )


def watch(
    resource: Resource,
    *,
    namespace: str = "",
    label_selector: str = "",
    field_selector: str = "",
    resource_version: str = "",
    timeout_seconds: int = 0,
    send_initial_events: bool = False,
    metadata_only: bool = False,
) -> Request:
    """Follow a collection, with bookmarks; ``send_initial_events`` is the streaming list."""
    return Request(
        "GET",
        resource.path(namespace),
        _given(
            watch="true",
            allowWatchBookmarks="true",
            labelSelector=label_selector,
            fieldSelector=field_selector,
            resourceVersion=resource_version,
            timeoutSeconds=str(timeout_seconds) if timeout_seconds else "",
            sendInitialEvents="true" if send_initial_events else "",
            resourceVersionMatch="NotOlderThan" if send_initial_events else "",
        ),
        accept=_METADATA if metadata_only else JSON,
    )


def create(
    resource: Resource,
    obj: Mapping[str, Any],
    *,
    subresource: str = "",
    manager: str = "",
    dry_run: bool = False,
) -> Request:
    """Make an object; with a subresource (``eviction``, ``token``) its name is taken from it."""
    metadata = obj["metadata"]
    namespace = metadata.get("namespace", "") if resource.namespaced else ""
    name = metadata["name"] if subresource else ""
    return Request(
        "POST",
        resource.path(namespace, name, subresource),
        _given(fieldManager=manager, dryRun="All" if dry_run else ""),
        msgspec.json.encode(obj),
    )


def replace(
    resource: Resource,
    obj: Mapping[str, Any],
    *,
    subresource: str = "",
    manager: str = "",
    dry_run: bool = False,
) -> Request:
    """Put a whole object (or subresource) in the place of the stored one."""
    key = key_of(resource, obj)
    return Request(
        "PUT",
        resource.path(key.namespace, key.name, subresource),
        _given(fieldManager=manager, dryRun="All" if dry_run else ""),
        msgspec.json.encode(obj),
    )


def delete(
    resource: Resource,
    key: ObjectKey,
    *,
    uid: str | None = None,
    resource_version: str | None = None,
    propagation: str = "Background",
    dry_run: bool = False,
) -> Request:
    """Delete one object, only if it still has this uid and resourceVersion when given."""
    options: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "propagationPolicy": propagation,
    }
    preconditions = {
        name: value
        for name, value in (("uid", uid), ("resourceVersion", resource_version))
        if value is not None
    }
    if preconditions:
        options["preconditions"] = preconditions
    if dry_run:
        options["dryRun"] = ["All"]
    return Request(
        "DELETE",
        resource.path(key.namespace, key.name),
        _given(dryRun="All" if dry_run else ""),  # for us: the server goes by the body alone
        msgspec.json.encode(options),
    )


def json_patch(
    resource: Resource,
    key: ObjectKey,
    ops: Sequence[Mapping[str, Any]],
    *,
    subresource: str = "",
    manager: str = "",
    dry_run: bool = False,
    metadata_only: bool = False,
) -> Request:
    """A patch of operations (RFC 6902); with ``metadata_only`` the answer is just its metadata."""
    accept = _METADATA if metadata_only else JSON
    return _patch(resource, key, JSON_PATCH, ops, subresource, manager, dry_run, accept)


def merge_patch(
    resource: Resource,
    key: ObjectKey,
    patch: Mapping[str, Any],
    *,
    subresource: str = "",
    manager: str = "",
    dry_run: bool = False,
) -> Request:
    """A patch by example (RFC 7386): null removes, lists are replaced."""
    return _patch(resource, key, MERGE_PATCH, patch, subresource, manager, dry_run)


def strategic_patch(
    resource: Resource,
    key: ObjectKey,
    patch: Mapping[str, Any],
    *,
    subresource: str = "",
    manager: str = "",
    dry_run: bool = False,
) -> Request:
    """A patch by example that knows keyed lists; built-in kinds only."""
    return _patch(resource, key, STRATEGIC_PATCH, patch, subresource, manager, dry_run)


def apply(
    resource: Resource,
    obj: Mapping[str, Any],
    *,
    manager: str,
    force: bool = True,
    subresource: str = "",
    dry_run: bool = False,
) -> Request:
    """Server-side apply: afterwards ``manager`` owns exactly the fields of ``obj``."""
    key = key_of(resource, obj)
    return Request(
        "PATCH",
        resource.path(key.namespace, key.name, subresource),
        _given(
            fieldManager=manager,
            force="true" if force else "",
            dryRun="All" if dry_run else "",
        ),
        msgspec.json.encode(obj),
        content_type=APPLY_PATCH,
    )


def _patch(
    resource: Resource,
    key: ObjectKey,
    content_type: str,
    patch: object,
    subresource: str,
    manager: str,
    dry_run: bool,
    accept: str = JSON,
) -> Request:
    return Request(
        "PATCH",
        resource.path(key.namespace, key.name, subresource),
        _given(fieldManager=manager, dryRun="All" if dry_run else ""),
        msgspec.json.encode(patch),
        content_type=content_type,
        accept=accept,
    )


def _given(**query: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in query.items() if value)


def status_error(
    status: int, headers: Mapping[str, str], body: bytes, request: Request | None = None
) -> ApiError:
    """The typed error of a failed answer; header names are lower case. Never raises.

    A body that is no ``Status`` (a proxy, an unknown path) gives a message of its first line.
    """
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        document = None
    if not isinstance(document, dict) or document.get("kind") != "Status":
        text = body.decode(errors="replace").strip().split("\n", 1)[0][:200]
        message = f"HTTP {status}" + (f" to {request}" if request else "")
        return api_error(
            f"{message}: {text}" if text else message,
            status=status,
            retry_after=_seconds(headers.get("retry-after")),
        )
    details = document.get("details") or {}
    retry_after = _seconds(headers.get("retry-after"))
    if retry_after is None:
        retry_after = _seconds(details.get("retryAfterSeconds"))
    message = document.get("message") or f"HTTP {status}"
    if request is not None and status in (401, 429, 500, 503, 504):
        message = f"{request}: {message}"  # the server's own text names no object here
    return api_error(
        message,
        status=status,
        reason=document.get("reason") or "",
        details=details,
        retry_after=retry_after,
    )


def _seconds(value: Any) -> float | None:
    try:
        return max(0.0, float(value)) or None
    except (TypeError, ValueError):
        return None
