"""Names that fit: cutting with a hash, and the keys and labels of models.

Shared with agents and schedulers bit for bit; the rules are part of the node status protocol.
"""

from __future__ import annotations

from hashlib import sha256

from ome.api import names

__all__ = [
    "model_configmap_key",
    "model_node_label",
    "truncate_dns",
    "truncate_with_hash",
    "weight_configmap_key",
    "weight_node_label",
]

_HASH = 8
_KEY_BUDGET = 242
_LABEL_BUDGET = 38
_NAMESPACE_KEPT = 8


def truncate_with_hash(text: str, limit: int) -> str:
    """``text`` when it fits, else 8 hex digits of its hash, a dash and its tail."""
    if len(text.encode()) <= limit:
        return text
    return _cut(text, sha256(text.encode()).hexdigest()[:_HASH], limit)


def truncate_dns(text: str, limit: int = 63) -> str:
    """As ``truncate_with_hash``, but the result never begins with a digit of the hash."""
    if len(text) <= limit:
        return text
    digest = sha256(text.encode()).hexdigest()[:_HASH]
    if digest[0].isdigit():
        digest = "a" + digest[1:]
    return _cut(text, digest, limit)


def _cut(text: str, digest: str, limit: int) -> str:
    keep = limit - _HASH - 1
    return digest[:limit] if keep <= 0 else f"{digest}-{text[-keep:]}"


def model_configmap_key(namespace: str, name: str) -> str:
    """The key of a model in a node's status ConfigMap; cluster scope when no namespace."""
    if not namespace:
        return names.CLUSTER_BASE_MODEL_PREFIX + truncate_with_hash(name, 236)
    return _namespaced(namespace, name, _KEY_BUDGET)


def weight_configmap_key(name: str) -> str:
    """The key of a fine-tuned weight in a node's status ConfigMap."""
    return names.FINE_TUNED_WEIGHT_PREFIX + truncate_with_hash(name, 237)


def model_node_label(namespace: str, name: str) -> str:
    """The label of a node that holds the model; cluster scope when no namespace."""
    if not namespace:
        prefix = names.NODE_LABEL_PREFIX + names.CLUSTER_BASE_MODEL_PREFIX
        return prefix + truncate_with_hash(name, 32)
    return names.NODE_LABEL_PREFIX + _namespaced(namespace, name, _LABEL_BUDGET)


def weight_node_label(name: str) -> str:
    """The label of a node that holds the fine-tuned weight."""
    prefix = names.NODE_LABEL_PREFIX + names.FINE_TUNED_WEIGHT_PREFIX
    return prefix + truncate_with_hash(name, 33)


def _namespaced(namespace: str, name: str, budget: int) -> str:
    if len(namespace) + len(name) <= budget:
        return f"{namespace}{names.BASE_MODEL_INFIX}{name}"
    kept = min(len(namespace), _NAMESPACE_KEPT)
    cut = truncate_with_hash(namespace, kept)
    return cut + names.BASE_MODEL_INFIX + truncate_with_hash(name, budget - kept)
