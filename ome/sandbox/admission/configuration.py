"""Webhook configurations, read once for each of their versions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ome.sandbox.selectors import LabelSelector, selector_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Configurations", "Rule", "Webhook"]

_KNOWN_REVIEWS = ("v1", "v1beta1")


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of ``rules``."""

    operations: frozenset[str]
    groups: frozenset[str]
    versions: frozenset[str]
    resources: tuple[str, ...]
    scope: str


@dataclass(frozen=True, slots=True, eq=False)
class Webhook:
    """One entry of ``webhooks``, with the defaults that the API fills in."""

    name: str
    client: Mapping[str, Any]
    rules: tuple[Rule, ...]
    namespaces: LabelSelector
    objects: LabelSelector
    conditions: tuple[str, ...]
    """The expressions of ``matchConditions``."""
    equivalent: bool
    ignores_failures: bool
    reinvoked: bool
    side_effects: str
    seconds: int
    review_version: str
    """The first of ``admissionReviewVersions`` that is known here."""

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Webhook:
        versions = [v for v in entry.get("admissionReviewVersions") or () if v in _KNOWN_REVIEWS]
        return cls(
            name=entry["name"],
            client=entry["clientConfig"],
            rules=tuple(_rule(rule) for rule in entry.get("rules") or ()),
            namespaces=selector_of(entry.get("namespaceSelector")),
            objects=selector_of(entry.get("objectSelector")),
            conditions=tuple(c["expression"] for c in entry.get("matchConditions") or ()),
            equivalent=entry.get("matchPolicy") != "Exact",
            ignores_failures=entry.get("failurePolicy") == "Ignore",
            reinvoked=entry.get("reinvocationPolicy") == "IfNeeded",
            side_effects=entry.get("sideEffects") or "Unknown",
            seconds=entry.get("timeoutSeconds") or 10,
            review_version=versions[0] if versions else "v1",
        )


class Configurations:
    """The webhooks of all configurations of a kind, in the order in which they are called."""

    def __init__(self) -> None:
        self._read: dict[str, tuple[list[Mapping[str, Any]], list[Webhook]]] = {}

    def webhooks(
        self, kind: str, configurations: Sequence[tuple[str, Mapping[str, Any]]]
    ) -> list[Webhook]:
        """By names of configurations, then as they stand there."""
        documents = [document for kind_, document in configurations if kind_ == kind]
        documents.sort(key=lambda document: str(document["metadata"]["name"]))
        known, webhooks = self._read.get(kind, ([], []))
        if len(known) != len(documents) or any(
            a is not b for a, b in zip(known, documents, strict=True)
        ):
            webhooks = [
                Webhook.of(entry)
                for document in documents
                for entry in document.get("webhooks") or ()
            ]
            self._read[kind] = (documents, webhooks)
        return webhooks


def _rule(rule: Mapping[str, Any]) -> Rule:
    return Rule(
        frozenset(rule.get("operations") or ()),
        frozenset(rule.get("apiGroups") or ()),
        frozenset(rule.get("apiVersions") or ()),
        tuple(rule.get("resources") or ()),
        rule.get("scope") or "*",
    )
