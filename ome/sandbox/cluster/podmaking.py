"""Pods from templates, and who is first to go: shared by what makes pods."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec

from ome.kube.resources import PODS
from ome.sandbox.cluster.objects import head_of, owner_reference

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ome.sandbox.cluster.context import Context
    from ome.sandbox.cluster.pods import PodView
    from ome.sandbox.selectors import LabelSelector

__all__ = ["adopted", "first_to_go", "pod_from", "released", "safe_hash"]

_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_PRIME, _BASIS = 16777619, 2166136261


def pod_from(
    template: Mapping[str, Any], owner: Mapping[str, Any], *, name: str = ""
) -> dict[str, Any]:
    """A pod of a template, controlled by ``owner`` and named after it."""
    metadata = template.get("metadata") or {}
    pod: dict[str, Any] = {
        "namespace": owner["metadata"]["namespace"],
        "labels": dict(metadata.get("labels") or {}),
        "annotations": dict(metadata.get("annotations") or {}),
        "finalizers": list(metadata.get("finalizers") or ()),
        "ownerReferences": [owner_reference(owner)],
    }
    if name:
        pod["name"] = name
    else:
        pod["generateName"] = f"{owner['metadata']['name']}-"
    return {
        "metadata": {field: value for field, value in pod.items() if value},
        "spec": msgspec.json.decode(msgspec.json.encode(template.get("spec") or {})),
    }


def safe_hash(value: object, salt: int | None = None) -> str:
    """A short name for a value, of letters that make no words."""
    text = msgspec.json.encode(value, order="sorted")
    if salt is not None:
        text += str(salt).encode()
    number = _BASIS
    for byte in text:
        number = (number ^ byte) * _PRIME & 0xFFFFFFFF
    return "".join(_ALPHABET[ord(char) % len(_ALPHABET)] for char in str(number))


def first_to_go(pods: Iterable[PodView]) -> list[PodView]:
    """Pods in the order in which a scale-down ends them."""
    pods = list(pods)
    together = Counter(pod.node for pod in pods if pod.node)

    def rank(pod: PodView) -> tuple[object, ...]:
        return (
            bool(pod.node),
            {"Pending": 0, "Unknown": 1}.get(pod.phase, 2),
            pod.ready,
            -together[pod.node],
            -pod.ready_since,
            -pod.created,
        )

    return sorted(pods, key=rank)


async def adopted(
    context: Context, owner: Mapping[str, Any], selector: LabelSelector
) -> list[PodView]:
    """Make the orphans that a selector selects the owner's own."""
    found = []
    for pod in context.pods.orphans(owner["metadata"]["namespace"]):
        if not pod.active or not selector.matches(pod.labels):
            continue

        def adopt(document: dict[str, Any]) -> bool:
            references = document["metadata"].get("ownerReferences") or []
            if any(entry.get("controller") for entry in references):
                return False
            document["metadata"]["ownerReferences"] = [*references, owner_reference(owner)]
            return True

        if await context.writer.change(PODS, pod.key, pod.uid, adopt) is not None:
            found.append(pod)
    return found


async def released(context: Context, owner_uid: str, pod: PodView) -> None:
    """Let go of a pod that is not selected any more."""
    stored = context.local.get(PODS, pod.key)
    if stored is None or head_of(stored).deletionTimestamp:
        return

    def release(document: dict[str, Any]) -> None:
        references = document["metadata"].get("ownerReferences") or []
        kept = [entry for entry in references if entry["uid"] != owner_uid]
        document["metadata"]["ownerReferences"] = kept

    await context.writer.change(PODS, pod.key, pod.uid, release)
