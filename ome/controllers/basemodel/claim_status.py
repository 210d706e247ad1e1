"""The status of a model on a claim: pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

from ome.controllers.metaconditions import Wanted, find_condition, lay_conditions

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["EXTRACTED", "Outcome", "compute", "extracted", "says"]

EXTRACTED = "MetadataExtracted"
"""True once a Job has read this URI; outlives the Job."""

_COUNTS = ("nodesReadyCount", "nodesFailedCount", "nodesUpdatingCount")
_LISTS = ("nodesReady", "nodesFailed")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a pass found; ``event`` is the type of event when it changed, "" for none."""

    state: Literal["In_Transit", "Importing", "Ready", "Failed"]
    reason: str
    message: str
    event: Literal["", "Normal", "Warning"] = ""
    read: str = ""
    """The URI that a Job has read, when one has."""
    recheck: float | None = None
    """Seconds until the model is looked at without an event."""

    @classmethod
    def failed(cls, reason: str, message: str, recheck: float | None = None) -> Self:
        """Something that somebody has to mend."""
        return cls("Failed", reason, message, "Warning", recheck=recheck)

    @classmethod
    def importing(cls, namespace: str, job: str) -> Self:
        """A Job reads what the model is."""
        text = f"Job {namespace}/{job} reads the model's configuration"
        return cls("Importing", "ReadingMetadata", text)

    @classmethod
    def ready(cls, uri: str, by_job: bool) -> Self:
        """The claim can be mounted and all is known."""
        return cls("Ready", "ClaimReady", f"served from {uri}", read=uri if by_job else "")


def extracted(status: Mapping[str, Any], uri: str) -> bool:
    """Whether a Job has read this URI before."""
    held = find_condition(status, EXTRACTED)
    return held.get("status") == "True" and held.get("message") == _read_from(uri)


def says(status: Mapping[str, Any]) -> tuple[str, str]:
    """Reason and message of ``Ready``."""
    held = find_condition(status, "Ready")
    return str(held.get("reason", "")), str(held.get("message", ""))


def compute(stored: Mapping[str, Any], outcome: Outcome, *, wall: str) -> dict[str, Any]:
    """The status to store; equal to ``stored`` when nothing changed. Other members stay."""
    failed = outcome.state == "Failed"
    ready = outcome.state == "Ready"
    wanted = {
        "Ready": Wanted("True" if ready else "False", outcome.reason, outcome.message),
        "Degraded": Wanted(
            "True" if failed else "False",
            outcome.reason if failed else "NoProblem",
            outcome.message if failed else "",
        ),
    }
    if outcome.read:
        wanted[EXTRACTED] = Wanted("True", "JobSucceeded", _read_from(outcome.read))
    status = {key: value for key, value in stored.items() if key not in _LISTS}
    return {
        **status,
        "state": outcome.state,
        **dict.fromkeys(_COUNTS, 0),
        "conditions": lay_conditions(stored.get("conditions"), wanted, wall),
    }


def _read_from(uri: str) -> str:
    return f"read from {uri}"
