"""ConfigMaps and Secrets."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from ome.sandbox.builtin import names
from ome.sandbox.builtin.causes import forbidden, immutable, invalid, required, too_long

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ome.sandbox.refusal import Cause

__all__ = ["validate_configmap", "validate_secret"]

_MOST_BYTES = 1024 * 1024
_WHEN_IMMUTABLE = "field is immutable when `immutable` is set"
_ACCOUNT = "kubernetes.io/service-account.name"
_ACCOUNT_TOKEN = "kubernetes.io/service-account-token"
_NEEDED = {
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
}


def validate_configmap(
    document: Mapping[str, Any], old: Mapping[str, Any] | None
) -> Iterator[Cause]:
    """A ConfigMap: its keys, its size, and that an immutable one stays."""
    texts, binaries = document.get("data", {}), document.get("binaryData", {})
    yield from _keys(texts, "data")
    for key in texts:
        if key in binaries:
            yield invalid(f"data[{key}]", key, "duplicate of key present in binaryData")
    yield from _keys(binaries, "binaryData")
    size = sum(len(text.encode()) for text in texts.values()) + _decoded_size(binaries)
    if size > _MOST_BYTES:
        yield too_long("", _MOST_BYTES)
    yield from _frozen(document, old, ("data", "binaryData"))


def validate_secret(document: Mapping[str, Any], old: Mapping[str, Any] | None) -> Iterator[Cause]:
    """A Secret: its keys, its size, what its type needs, and that an immutable one stays."""
    data = document.get("data", {})
    yield from _keys(data, "data")
    if _decoded_size(data) > _MOST_BYTES:
        yield too_long("data", _MOST_BYTES)
    yield from _of_type(document, data)
    if old is not None and document.get("type") != old.get("type"):
        yield immutable("type", document.get("type"))
    yield from _frozen(document, old, ("data",))


def _keys(data: Mapping[str, str], field: str) -> Iterator[Cause]:
    for key in data:
        for text in names.config_key(key):
            yield invalid(f"{field}[{key}]", key, text)


def _decoded_size(data: Mapping[str, str]) -> int:
    return sum(len(text) * 3 // 4 for text in data.values())


def _of_type(document: Mapping[str, Any], data: Mapping[str, str]) -> Iterator[Cause]:
    type_ = document.get("type", "")
    if type_ == _ACCOUNT_TOKEN:
        annotations = document["metadata"].get("annotations") or {}
        if not annotations.get(_ACCOUNT):
            yield required(f"metadata.annotations[{_ACCOUNT}]")
    elif type_ == "kubernetes.io/basic-auth":
        if not {"username", "password"} & set(data):
            yield required("data[username]")
            yield required("data[password]")
    for key in _NEEDED.get(type_, ()):
        if key not in data:
            yield required(f"data[{key}]")
        elif key.startswith(".docker"):
            yield from _json(data[key], f"data[{key}]")


def _json(encoded: str, field: str) -> Iterator[Cause]:
    try:
        text = base64.b64decode(encoded).decode(errors="replace")
    except ValueError:
        # Not base64 at all: the check of types says so.
        return
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        said = (
            f"invalid character '{text[error.pos]}' looking for beginning of value"
            if error.pos < len(text)
            else "unexpected end of JSON input"
        )
        yield invalid(field, "<secret contents redacted>", said)


def _frozen(
    document: Mapping[str, Any], old: Mapping[str, Any] | None, fields: tuple[str, ...]
) -> Iterator[Cause]:
    if old is None or not old.get("immutable"):
        return
    if not document.get("immutable"):
        yield forbidden("immutable", _WHEN_IMMUTABLE)
    for name in fields:
        if document.get(name, {}) != old.get(name, {}):
            yield forbidden(name, _WHEN_IMMUTABLE)
