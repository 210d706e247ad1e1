"""Recorded writes, done again without a server: what each would store, or what is wrong with it."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ome.sandbox import builtin
from ome.sandbox.builtin.facts import FACTS
from ome.sandbox.patches.merge import merge_patch

if TYPE_CHECKING:
    from ome.sandbox.refusal import Cause

__all__ = ["RECORDED", "Outcome", "gk_of", "replay"]

RECORDED: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parent / "recorded.json").read_text()
)
_CLUSTER = frozenset(
    (
        "ClusterRole ClusterRoleBinding CustomResourceDefinition MutatingWebhookConfiguration"
        " Namespace Node PersistentVolume ValidatingWebhookConfiguration"
    ).split()
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The document as it would be stored, and what is wrong with it."""

    document: dict[str, Any]
    causes: list[Cause]


def gk_of(document: dict[str, Any]) -> tuple[str, str]:
    """Group and kind."""
    return document["apiVersion"].rpartition("/")[0], document["kind"]


def replay(case: dict[str, Any]) -> Outcome:
    """Do what the API server does with a recorded create or change, admission apart."""
    answer = case["answer"] if case["answer"]["kind"] != "Status" else {}
    if "sent" in case:
        generated = case["answer"].get("details", {}).get("name", "")
        return _create(copy.deepcopy(case["sent"]), answer.get("metadata", {}), generated)
    return _change(case)


def _create(document: dict[str, Any], given: dict[str, Any], generated: str) -> Outcome:
    gk, metadata = gk_of(document), document["metadata"]
    for name in [name for name, value in metadata.items() if value is None]:
        del metadata[name]
    if gk[1] not in _CLUSTER:
        metadata["namespace"] = "recording"
    metadata["uid"] = given.get("uid", "some-uid")
    metadata["creationTimestamp"] = given.get("creationTimestamp", "2026-01-01T00:00:00Z")
    if "generateName" in metadata:
        metadata.setdefault("name", generated)
    if builtin.has_generation(gk):
        metadata["generation"] = 1
    builtin.set_defaults(gk, document)
    builtin.prepare_create(gk, document)
    return _checked(gk, document, None)


def _change(case: dict[str, Any]) -> Outcome:
    old, gk = case["old"], gk_of(case["old"])
    document = merge_patch(copy.deepcopy(old), copy.deepcopy(case["change"]))
    builtin.prepare_update(gk, document, old, case["subresource"])
    builtin.set_defaults(gk, document, old)
    if builtin.bumps_generation(gk, old, document):
        document["metadata"]["generation"] = old["metadata"]["generation"] + 1
    return _checked(gk, document, old)


def _checked(gk: tuple[str, str], document: dict[str, Any], old: dict[str, Any] | None) -> Outcome:
    causes = builtin.validate_metadata(
        document["metadata"],
        gk[1] not in _CLUSTER,
        old["metadata"] if old else None,
        FACTS[gk].name_rule,
    )
    return Outcome(document, causes + builtin.validate(gk, document, old))
