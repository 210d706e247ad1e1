"""From the bytes of a request to a JSON value."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import msgspec
import yaml

from ome.sandbox.refusal import bad_request

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = ["decode"]

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
_WHOLE = 1e21
"""Floats from here on are written with an exponent, and so stay floats."""


def decode(body: bytes, strict: bool) -> tuple[Any, list[str]]:
    """The value of a JSON or YAML body and, when strict, the paths of fields that stand twice.

    Integers and floats stay apart. Of a field that stands twice the last one counts. Raises
    ``Refused`` 400 for a body that is neither.
    """
    try:
        value = _decode(body)
    except UnicodeDecodeError as error:
        raise bad_request(f"the body of the request is not UTF-8: {error}") from None
    except msgspec.DecodeError as error:
        return _from_yaml(body, error, strict)
    except RecursionError:
        raise bad_request("the body of the request is nested too deeply") from None
    if strict and _may_have_duplicates(body, value):
        return value, _duplicates(json.loads(body, object_pairs_hook=_Pairs), "")
    return value, []


class _Pairs(list[tuple[str, Any]]):
    """An object as it was written."""


def _may_have_duplicates(body: bytes, value: Any) -> bool:
    """Whether the text has more quotes than its value needs.

    Only a dropped member takes quotes away, unless an escaped one was added: then nobody knows.
    """
    return b"\\u0022" in body or _encode(value).count(b'"') != body.count(b'"')


def _duplicates(value: Any, path: str) -> list[str]:
    found: list[str] = []
    if isinstance(value, _Pairs):
        seen: set[str] = set()
        for name, item in value:
            at = f"{path}.{name}" if path else name
            if name in seen:
                found.append(at)
            seen.add(name)
            found += _duplicates(item, at)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            found += _duplicates(item, f"{path}[{index}]")
    return found


def _from_yaml(body: bytes, error: msgspec.DecodeError, strict: bool) -> tuple[Any, list[str]]:
    start = body.lstrip()[:1]
    if not start:
        raise bad_request("the body of the request is empty; expected an object in JSON or YAML")
    if start in (b"{", b"["):
        raise bad_request(f"the body of the request is not JSON: {error}")
    try:
        loader = _Loader(body)
        value = loader.get_single_data()
    except (yaml.YAMLError, ValueError, RecursionError) as wrong:
        said = " ".join(str(wrong).split())
        raise bad_request(
            f"the body of the request is neither JSON nor YAML: {said}; expected an object"
        ) from None
    if isinstance(value, str):
        raise bad_request(
            f"the body of the request is neither JSON nor an object in YAML: {error}; expected an"
            " object"
        )
    return value, loader.duplicates if strict else []


class _Loader(yaml.SafeLoader):
    """YAML as the server turns it into JSON: dates stay texts, keys become texts."""

    def __init__(self, body: bytes) -> None:
        super().__init__(body)
        self.duplicates: list[str] = []

    def construct_document(self, node: yaml.Node) -> Any:
        return self._value(node, "")

    def _value(self, node: yaml.Node, path: str) -> Any:
        if isinstance(node, yaml.MappingNode):
            _plain(node, "map")
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            _plain(node, "seq")
            return [self._value(item, f"{path}[{index}]") for index, item in enumerate(node.value)]
        return _json_value(self.construct_object(node))

    def _mapping(self, node: yaml.MappingNode, path: str) -> dict[str, Any]:
        # What a merge brings in may be said again.
        written = {id(key) for key, _ in node.value}
        self.flatten_mapping(node)
        found: dict[str, Any] = {}
        own: set[str] = set()
        for key_node, item in node.value:
            key = _key(self.construct_object(key_node))
            at = f"{path}.{key}" if path else key
            if id(key_node) in written:
                if key in own:
                    self.duplicates.append(at)
                own.add(key)
            found[key] = self._value(item, at)
        return found


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _plain(node: yaml.Node, kind: str) -> None:
    if node.tag != f"tag:yaml.org,2002:{kind}":
        raise ValueError(f"{node.tag} cannot be said in JSON")


def _key(value: Hashable) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(_json_value(value))
    raise ValueError(f"a key of an object must be a text, not {value!r}")


def _json_value(value: Any) -> Any:
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{value} is no number of JSON")
        # A whole number has no point any more once it is written as JSON.
        return int(value) if value.is_integer() and abs(value) < _WHOLE else value
    if value is None or isinstance(value, (bool, int, str)):
        return value
    raise ValueError(f"a {type(value).__name__} cannot be said in JSON")
