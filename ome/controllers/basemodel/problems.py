"""What is wrong with a model, by reason and in one line each: pure.

A line names how many nodes say so, the first of them with its text, and what the user can do.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ome.agent.protocol import FAILED
from ome.api import names
from ome.storage.errors import InvalidUri
from ome.storage.objects import source_uri

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ome.agent.protocol import Entry
    from ome.controllers.basemodel.aggregate import ModelReports

__all__ = [
    "Problem",
    "in_one",
    "nodes",
    "one_line",
    "problem_of_uri",
    "problems",
    "reported_problems",
    "said_in",
]

_LONGEST_TEXT = 400
_LONGEST_REASON = 100
_MOST_TOLD = 20
"""The server takes 32 KiB of a condition's message."""
_AGENT_REASON = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)*")
_NO_TEXT = "the agent gave no reason"


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason and one line; ``fails`` when it is why nodes are ``Failed``."""

    reason: str
    """Of the condition: why a download failed is a reason of its own."""
    text: str
    fails: bool = False
    event: str = ""
    """Of the event, where it is a wider one: all failed downloads share theirs."""


@dataclass(frozen=True, slots=True)
class _Words:
    happened: str
    next_step: str


_WORDS = {
    names.REASON_DOWNLOAD_FAILED: _Words(
        "failed to download",
        "check spec.storage.storageUri and the agent's log on that node",
    ),
    names.REASON_CREDENTIALS_NOT_FOUND: _Words(
        "found no credentials",
        "create the Secret that spec.storage.key names, with the entry that"
        " spec.storage.parameters.secretKey names (token when absent)",
    ),
    names.REASON_CONFIG_PARSE_FAILED: _Words(
        "could not read the model's configuration",
        "mend its config.json, or set the fields in spec and annotate the model"
        f' {names.ANNOTATION_SKIP_CONFIG_PARSING[0]}: "true"',
    ),
}


def problem_of_uri(uri: str) -> str:
    """Why a storage URI cannot be used; empty when it can, in the strict or the object form."""
    try:
        source_uri(uri)
    except InvalidUri as error:
        return f"spec.storage.storageUri: {one_line(str(error))}"
    return ""


def problems(reports: ModelReports, uri: str) -> list[Problem]:
    """All that is wrong, what fails most nodes first."""
    found: list[Problem] = []
    invalid = problem_of_uri(uri)
    if invalid:
        found.append(Problem(names.REASON_INVALID_STORAGE_URI, invalid, fails=True))
    return found + reported_problems(reports)


def reported_problems(reports: ModelReports) -> list[Problem]:
    """What nodes say is wrong, what fails most of them first."""
    told: defaultdict[tuple[str, str], _Told] = defaultdict(_Told)
    for report, group in reports.by_report.items():
        said = None if report.entry is None else _said(report.entry)
        if said is not None:
            event, reason, text = said
            first = reports.first(report)
            told[event, reason].add(len(group), first, text, fails=report.state == FAILED)
    worst = sorted(told, key=lambda key: (-told[key].failed, -told[key].count, key))
    return [
        Problem(reason, told[event, reason].line(event), told[event, reason].failed > 0, event)
        for event, reason in worst
    ]


@dataclass(slots=True)
class _Told:
    """What nodes say under one reason."""

    count: int = 0
    failed: int = 0
    first: tuple[str, str] | None = None
    """The first node by name and its text: only this one is shown."""

    def add(self, count: int, first: str, text: str, *, fails: bool) -> None:
        self.count += count
        self.failed += count if fails else 0
        said = first, text
        self.first = said if self.first is None else min(self.first, said)

    def line(self, event: str) -> str:
        words = _WORDS[event]
        node, said = self.first or ("", "")
        happened = f"{nodes(self.count)} {words.happened}, first {node}: {one_line(said)}"
        return f"{happened}; {words.next_step}"


def _said(entry: Entry) -> tuple[str, str, str] | None:
    """The reasons of the event and of the condition, and the node's text."""
    error = entry.error
    failed = names.REASON_DOWNLOAD_FAILED
    if error is None or not (error.reason or error.message):
        return (failed, failed, _NO_TEXT) if entry.status == FAILED else None
    text = error.message if error.message.strip() else error.reason
    if error.reason in _WORDS:
        return error.reason, error.reason, text
    return failed, _own_reason(error.reason) or failed, text


def _own_reason(reason: str) -> str:
    """What an agent calls a failure (``disk_full``) as conditions write it (``DiskFull``).

    Empty when it is no word that a condition may hold.
    """
    if len(reason) > _LONGEST_REASON or not _AGENT_REASON.fullmatch(reason):
        return ""
    return "".join(part[:1].upper() + part[1:] for part in reason.split("_"))


def nodes(count: int) -> str:
    """``1 node``, ``2 nodes``."""
    return f"{count} node" if count == 1 else f"{count} nodes"


def one_line(text: str) -> str:
    """A text of somebody else, fit to stand in a condition."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_TEXT else line[: _LONGEST_TEXT - 3] + "..."


def in_one(found: Sequence[Problem]) -> str:
    """The worst problem's text, and the others after their reasons, as many as a condition takes.

    Nodes may make reasons up, as many as they like.
    """
    others = [f"{problem.reason}: {problem.text}" for problem in found[1:_MOST_TOLD]]
    if len(found) > _MOST_TOLD:
        others.append(f"and {len(found) - _MOST_TOLD} more")
    return "; ".join([*(problem.text for problem in found[:1]), *others])


def said_in(condition: Mapping[str, str] | None, problem: Problem) -> bool:
    """Whether a stored ``Degraded`` condition says exactly this of this reason."""
    if condition is None or condition.get("status") != "True":
        return False
    message = condition.get("message", "")
    first = condition.get("reason") == problem.reason and message.startswith(problem.text)
    return first or f"; {problem.reason}: {problem.text}" in message
