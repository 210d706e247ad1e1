"""A request as the API server understands it, and its answer; no HTTP library in sight."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import msgspec

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

__all__ = [
    "ANONYMOUS",
    "Answer",
    "Call",
    "Target",
    "User",
    "copied",
    "encode",
    "json_answer",
    "target_of",
]

encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def copied(document: Any) -> Any:
    """A deep copy of a JSON value."""
    return _decode(encode(document))


@dataclass(frozen=True, slots=True)
class User:
    """Who asks."""

    name: str
    groups: tuple[str, ...] = ()


ANONYMOUS = User("system:anonymous", ("system:unauthenticated",))


@dataclass(frozen=True, slots=True)
class Target:
    """Which resource and object a path names."""

    group: str
    version: str
    plural: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""


@dataclass(slots=True)
class Call:
    """One request. Header names are lower case."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    user: User = ANONYMOUS
    warnings: list[str] = field(default_factory=list)
    """Texts for ``Warning`` headers, gathered while the call is served."""

    def flag(self, name: str) -> bool:
        """A query parameter that is true when present and not ``false`` or ``0``."""
        value = self.query.get(name)
        return value is not None and value not in ("false", "0")

    @property
    def dry_run(self) -> bool:
        return bool(self.query.get("dryRun"))

    @property
    def manager(self) -> str:
        """The field manager: as said, or the program's name."""
        given = self.query.get("fieldManager")
        return given or self.headers.get("user-agent", "unknown").split("/")[0][:128] or "unknown"


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer, or one whose body is still coming (``stream``)."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: AsyncIterator[bytes] | None = None


def json_answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """A JSON answer."""
    return Answer(status, encode(value), headers=headers or {})


def target_of(path: str) -> Target | None:
    """The resource that a path names; None for a path that is none of a resource.

    ``/api/v1/namespaces/x/pods/y/status``, ``/apis/apps/v1/deployments``.
    """
    parts = [unquote(part) for part in path.strip("/").split("/")]
    if len(parts) >= 3 and parts[0] == "api":
        group, version, rest = "", parts[1], parts[2:]
    elif len(parts) >= 4 and parts[0] == "apis":
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    namespace = ""
    if rest[0] == "namespaces" and len(rest) >= 3 and not _is_namespace_itself(group, rest):
        namespace, rest = rest[1], rest[2:]
    plural, name, subresource = [*rest, "", ""][:3]
    if len(rest) > 3:
        return None
    return Target(group, version, plural, namespace, name, subresource)


def _is_namespace_itself(group: str, rest: list[str]) -> bool:
    return not group and len(rest) == 3 and rest[2] in ("status", "finalize")
