"""Whether a live object already holds what is desired, as the API server stores it.

Fields that only the live object has are fine: they are defaults, or somebody else's. A miss in the
other direction only costs a request, while an overlooked difference lasts, so the rules that look
away are lists of names, not guesses.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import msgspec

from ome.kube.quantity import same_quantity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["MERGE_KEYS", "contains", "document_hash"]

MergeKeys = dict[str, tuple[tuple[str, ...], ...]]

MERGE_KEYS: MergeKeys = {
    "conditions": (("type",),),
    "containers": (("name",),),
    "initContainers": (("name",),),
    "ephemeralContainers": (("name",),),
    "env": (("name",),),
    "hostAliases": (("ip",),),
    "imagePullSecrets": (("name",),),
    "ownerReferences": (("uid",),),
    "ports": (("containerPort", "protocol"), ("port", "protocol")),
    "resourceClaims": (("name",),),
    "claims": (("name",),),
    "topologySpreadConstraints": (("topologyKey", "whenUnsatisfiable"),),
    "volumeDevices": (("devicePath",),),
    "volumeMounts": (("mountPath",),),
    "volumes": (("name",),),
}
"""For each field name the keys that may identify its items; other lists of objects are atomic."""

_KEY_DEFAULTS = {"protocol": "TCP"}

_SETS = frozenset({"finalizers"})

_QUANTITY_MAPS = frozenset({"limits", "requests", "capacity", "allocatable", "hard", "overhead"})
_QUANTITIES = frozenset({"sizeLimit", "averageValue", "divisor", "storage"})
_INT_OR_STRING = frozenset({"port", "targetPort", "maxSurge", "maxUnavailable", "minAvailable"})

_STRING_MAPS = frozenset(
    {"annotations", "binaryData", "data", "labels", "matchLabels", "nodeSelector", "stringData"}
)
"""Here the empty string is a value like any other; elsewhere the server leaves it out."""

_STATEMENTS = frozenset({"emptyDir", "namespaceSelector", "podSelector"})
"""Here ``{}`` says something; elsewhere the server may leave it out."""

_DROPPED_WHEN_ZERO = frozenset(
    {
        "hostIPC",
        "hostNetwork",
        "hostPID",
        "hostPort",
        "initialDelaySeconds",
        "minReadySeconds",
        "nodePort",
        "paused",
        "publishNotReadyAddresses",
        "readOnly",
        "stdin",
        "stdinOnce",
        "tty",
    }
)
"""Numbers and booleans that built-in kinds do not store when they are 0 or false."""


def contains(
    live: Any,
    desired: Any,
    *,
    merge_keys: Mapping[str, tuple[tuple[str, ...], ...]] = MERGE_KEYS,
) -> bool:
    """Whether the API server would change nothing in ``live`` when ``desired`` is applied.

    Reflexive. Knows quantities (``1`` is ``1000m`` in ``limits``), ports given as text, keyed lists
    in any order with items of others among them, and empty values that are not stored.
    ``merge_keys`` replaces the table of keyed lists.
    """
    return _contains(live, desired, ("", ""), merge_keys)


def document_hash(document: Mapping[str, Any]) -> str:
    """A hash of a JSON document that does not depend on the order of its keys."""
    canonical = msgspec.json.encode(document, order="sorted")
    return hashlib.sha256(canonical).hexdigest()[:32]


def _contains(
    live: Any,
    desired: Any,
    where: tuple[str, str],
    keys: Mapping[str, tuple[tuple[str, ...], ...]],
) -> bool:
    """``where`` is the name of the field that holds the values, and of the one around it."""
    if live is None or desired is None:
        return _negligible(live, where) and _negligible(desired, where)
    if isinstance(desired, dict):
        return isinstance(live, dict) and _dict_contains(live, desired, where, keys)
    if isinstance(desired, list):
        return isinstance(live, list) and _list_contains(live, desired, where, keys)
    return _same(live, desired, where)


def _dict_contains(
    live: Mapping[str, Any],
    desired: Mapping[str, Any],
    where: tuple[str, str],
    keys: Mapping[str, tuple[tuple[str, ...], ...]],
) -> bool:
    for name, value in desired.items():
        held = live.get(name)
        # Most of what a child says are equal texts, and each child is compared in each run.
        if type(value) is str and held == value:
            continue
        if not _contains(held, value, (name, where[0]), keys):
            return False
    return True


def _negligible(value: Any, where: tuple[str, str]) -> bool:
    """Whether the value may as well be absent."""
    name, parent = where
    match value:
        case None:
            return True
        case dict():
            return name not in _STATEMENTS and all(
                _negligible(item, (key, name)) for key, item in value.items()
            )
        case list():
            return not value
        case str():
            return not value and parent not in _STRING_MAPS
        case _:
            return not value and name in _DROPPED_WHEN_ZERO


def _same(live: Any, desired: Any, where: tuple[str, str]) -> bool:
    if isinstance(live, bool) or isinstance(desired, bool):
        return live is desired
    if live == desired:
        return True
    name, parent = where
    if parent in _STRING_MAPS:
        return False
    if parent in _QUANTITY_MAPS or name in _QUANTITIES or (name, parent) == ("value", "target"):
        return same_quantity(live, desired)
    return name in _INT_OR_STRING and str(live) == str(desired)


def _list_contains(
    live: Sequence[Any],
    desired: Sequence[Any],
    where: tuple[str, str],
    keys: Mapping[str, tuple[tuple[str, ...], ...]],
) -> bool:
    name = where[0]
    if name in _SETS:
        return all(item in live for item in desired)
    for key in keys.get(name, ()):
        by_key, wanted = _keyed(live, key), _keyed(desired, key)
        if by_key is not None and wanted is not None:
            return all(
                identity in by_key and _contains(by_key[identity], item, where, keys)
                for identity, item in wanted.items()
            )
    return len(live) == len(desired) and all(
        _contains(one, other, where, keys) for one, other in zip(live, desired, strict=True)
    )


def _keyed(items: Sequence[Any], key: tuple[str, ...]) -> dict[tuple[Any, ...], Any] | None:
    """The items by their key; None when some have none, or no plain one, or two the same."""
    found: dict[tuple[Any, ...], Any] = {}
    for item in items:
        if not isinstance(item, dict) or key[0] not in item:
            return None
        identity = tuple(item.get(part, _KEY_DEFAULTS.get(part)) for part in key)
        if any(isinstance(part, (dict, list)) for part in identity) or identity in found:
            return None
        found[identity] = item
    return found
