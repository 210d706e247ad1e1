"""Conditions of an InferenceService: a living set whose ``Ready`` follows its dependents.

The rules come from the Knative condition manager that users of the kind know: dependents and
``Ready`` carry no severity, everything else is ``severity: Info`` and never counts; the list is
sorted by type; ``lastTransitionTime`` moves only when status, reason, message or severity does.
Unlike there, ``Ready`` is derived once from the whole set, so the order of setting cannot matter,
and each condition has the generation of the service that it speaks of (``observedGeneration``), so
that whoever waits for one is not answered by what was true before an edit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["Condition", "ConditionSet", "Status"]

Status = Literal["True", "False", "Unknown"]

READY = "Ready"


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition; ``changed`` is the RFC 3339 time of its last transition."""

    type: str
    status: Status
    reason: str = ""
    message: str = ""
    severity: str = ""
    changed: str = ""
    observed: int = 0
    """The generation that it speaks of; 0 when that is not told."""

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> Condition:
        """From a stored status; absent members are empty."""
        status = document.get("status")
        return cls(
            type=str(document.get("type") or ""),
            status=status if status in ("True", "False") else "Unknown",
            reason=str(document.get("reason") or ""),
            message=str(document.get("message") or ""),
            severity=str(document.get("severity") or ""),
            changed=str(document.get("lastTransitionTime") or ""),
            observed=int(document.get("observedGeneration") or 0),
        )

    def document(self) -> dict[str, Any]:
        """As stored: empty members are left out."""
        members = {
            "type": self.type,
            "status": self.status,
            "severity": self.severity,
            "lastTransitionTime": self.changed,
            "reason": self.reason,
            "message": self.message,
            "observedGeneration": self.observed,
        }
        return {name: value for name, value in members.items() if value}


class ConditionSet:
    """The conditions of one service while a pass works on them.

    ``dependents`` decide ``Ready``: False when one is False (the one that changed last gives reason
    and message), else Unknown when one is Unknown or missing, else True. What is set speaks of
    ``generation``; what is not keeps its own, and ``Ready`` has that of what decided it.
    """

    def __init__(
        self,
        stored: Iterable[Mapping[str, Any]],
        dependents: Sequence[str],
        now: str,
        generation: int = 0,
    ) -> None:
        parsed = (Condition.parse(document) for document in stored)
        self._stored = {condition.type: condition for condition in parsed if condition.type}
        self._current = dict(self._stored)
        self._dependents = tuple(dependents)
        self._now = now
        self._generation = generation

    def get(self, type_: str) -> Condition | None:
        """The condition as it is now, or None."""
        return self._current.get(type_)

    def is_true(self, type_: str) -> bool:
        """Whether the condition is there and True."""
        condition = self._current.get(type_)
        return condition is not None and condition.status == "True"

    def set(self, type_: str, status: Status, reason: str = "", message: str = "") -> None:
        """Set one condition; texts are literal. An unchanged one keeps its time."""
        plain = type_ == READY or type_ in self._dependents
        severity = "" if plain else "Info"
        self._put(Condition(type_, status, reason, message, severity, self._now, self._generation))

    def confirm(self, *types: str) -> None:
        """Say that conditions, as far as they are there, hold as they are for this generation."""
        for type_ in types:
            if type_ in self._current:
                held = self._current[type_]
                self._current[type_] = replace(held, observed=self._generation)

    def _put(self, wanted: Condition) -> None:
        before = self._stored.get(wanted.type)
        if before is not None and _says(before) == _says(wanted):
            wanted = replace(wanted, changed=before.changed)
        self._current[wanted.type] = wanted

    def remove(self, *types: str) -> None:
        """Forget conditions, for a component that is gone."""
        for type_ in types:
            self._current.pop(type_, None)

    def finish(self) -> list[dict[str, Any]]:
        """Create missing dependents as Unknown, derive ``Ready`` and give the sorted list."""
        for type_ in self._dependents:
            if type_ not in self._current:
                self.set(type_, "Unknown")
            elif self._current[type_].severity:
                self._put(replace(self._current[type_], severity="", changed=self._now))
        deciding = self._deciding()
        present = [self._current[type_].observed for type_ in self._dependents]
        if deciding is None:
            whole = Condition(READY, "True", observed=min(present, default=self._generation))
        else:
            whole = replace(deciding, type=READY, severity="")
        self._put(replace(whole, changed=self._now))
        return [self._current[type_].document() for type_ in sorted(self._current)]

    def _deciding(self) -> Condition | None:
        present = [self._current[type_] for type_ in self._dependents]
        for status in ("False", "Unknown"):
            candidates = [condition for condition in present if condition.status == status]
            if candidates:
                # Stable: of several that changed in one second the first dependent wins.
                return max(candidates, key=lambda condition: condition.changed)
        return None


def _says(condition: Condition) -> Condition:
    """A condition without what it may change in while it says the same."""
    return replace(condition, changed="", observed=0)
