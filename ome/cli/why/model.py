"""The story of a model or a weight: where it is, where it is not, and when it will be. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ome.agent.eligibility import eligible
from ome.agent.protocol import DELETED, FAILED, READY, UPDATING, Entry, decode_entry
from ome.api import names
from ome.api.truncate import model_configmap_key, weight_configmap_key
from ome.cli.why.history import history
from ome.cli.why.story import NodeProgress, Story, condition, moment_of, size, span
from ome.controllers.basemodel.problems import nodes as counted
from ome.controllers.basemodel.problems import one_line, problem_of_uri
from ome.controllers.basemodel.status import DISABLED
from ome.controllers.finetunedweight.status import for_nodes
from ome.controllers.resources import FINE_TUNED_WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ome.cli.why.facts import Facts

__all__ = ["model_story", "seconds_left"]

_SILENT = 300.0
"""Seconds after which a node that downloads should have said how far it is."""
_NAMED = 6


@dataclass(slots=True)
class _Nodes:
    """The nodes by what they say of the model."""

    ready: list[str] = field(default_factory=list)
    failed: dict[str, Entry] = field(default_factory=dict)
    downloading: list[NodeProgress] = field(default_factory=list)
    queued: list[str] = field(default_factory=list)
    silent: dict[str, float] = field(default_factory=dict)
    """Downloading, but not heard of for so many seconds."""
    missing: list[str] = field(default_factory=list)
    """Should have it, and say nothing of it."""
    unasked: int = 0
    """Nodes that are not to have it."""


def seconds_left(downloading: Sequence[NodeProgress], queued: int) -> float | None:
    """Until the last node has the model, if all goes on as it is; None when nothing moves.

    No sooner than the slowest node at its own rate, and no sooner than all bytes at the rate of all
    together: nodes that wait take the places of those that are done.
    """
    rates = sum(item.rate for item in downloading)
    if not rates:
        return None if downloading or queued else 0.0
    whole = max((item.total for item in downloading), default=0)
    left = sum(max(item.total - item.completed, 0) for item in downloading) + queued * whole
    slowest = max((item.seconds_left or 0.0 for item in downloading), default=0.0)
    return max(left / rates, slowest)


def model_story(facts: Facts) -> Story:
    """Where it is ready, what goes on elsewhere, what went wrong, and what happened lately."""
    document = facts.target.document
    nodes = _sorted(facts)
    elsewhere = _elsewhere(facts)
    left = seconds_left(nodes.downloading, len(nodes.queued))
    troubles = list(_troubles(facts, nodes, elsewhere))
    return Story(
        str(facts.target),
        not troubles,
        _not_on_nodes(document, elsewhere) if elsewhere else _answer(nodes, left),
        list(_facts(document, nodes, asks=elsewhere is None)),
        troubles,
        sorted(nodes.downloading, key=lambda item: -(item.seconds_left or float("inf"))),
        left if nodes.downloading or nodes.queued else None,
        history(facts),
        facts.notes,
    )


def _is_weight(facts: Facts) -> bool:
    return facts.target.resource == FINE_TUNED_WEIGHTS


def _elsewhere(facts: Facts) -> tuple[str, str] | None:
    """Where it is, and who brings it, when no node is to fetch it."""
    spec = facts.target.document.get("spec") or {}
    if _is_weight(facts):
        return None if for_nodes(spec) else ("is for pods only", "those that serve it fetch it")
    if str((spec.get("storage") or {}).get("storageUri") or "").startswith("pvc://"):
        return "is on a persistent volume claim", "pods mount it, nodes fetch nothing"
    return None


def _sorted(facts: Facts) -> _Nodes:
    found = _Nodes()
    key = model_configmap_key(*facts.target.key)
    if _is_weight(facts):
        key = weight_configmap_key(facts.target.key.name)
    storage = (facts.target.document.get("spec") or {}).get("storage") or {}
    said = {item["metadata"]["name"]: item.get("data") or {} for item in facts.config_maps}
    labels = {
        item["metadata"]["name"]: item["metadata"].get("labels") or {} for item in facts.nodes
    }
    for node in sorted(labels or said):
        text = said.get(node, {}).get(key)
        entry = decode_entry(text) if text is not None else None
        if entry is not None and entry.status != DELETED:
            _sort(found, node, entry, facts.now)
        elif labels and not eligible(storage, labels[node], node):
            found.unasked += 1
        elif node in said:  # a node without an agent is nobody's to fill
            found.missing.append(node)
    return found


def _sort(found: _Nodes, node: str, entry: Entry, now: float) -> None:
    if entry.status == READY:
        found.ready.append(node)
    elif entry.status == FAILED:
        found.failed[node] = entry
    elif entry.status == UPDATING and entry.progress is not None:
        progress = entry.progress
        rate, heard = progress.speed_bytes_per_sec, moment_of(progress.last_updated)
        age = max(now - heard, 0.0) if heard else 0.0
        if age > _SILENT:
            found.silent[node] = age
            rate = 0.0
        # Nodes report each half minute at most: meanwhile the download has gone on.
        done = min(progress.completed_bytes + int(rate * age), progress.total_bytes)
        found.downloading.append(
            NodeProgress(
                node,
                progress.phase or names.PHASE_DOWNLOADING,
                done,
                progress.total_bytes,
                rate,
                (progress.total_bytes - done) / rate if rate > 0 else None,
            )
        )
    else:
        found.queued.append(node)


def _answer(nodes: _Nodes, left: float | None) -> str:
    parts = [f"is ready on {counted(len(nodes.ready))}"]
    under_way = len(nodes.downloading) + len(nodes.queued)
    if nodes.downloading:
        when = f"done in about {span(left)}" if left is not None else "at no known rate"
        parts.append(f"downloading on {len(nodes.downloading)} ({when})")
    if nodes.queued:
        parts.append(f"waiting on {len(nodes.queued)} for a turn or a first report")
    if nodes.failed:
        parts.append(f"failed on {len(nodes.failed)}")
    if nodes.missing:
        parts.append(f"not begun on {len(nodes.missing)}")
    if len(parts) == 1 and not nodes.ready and not under_way:
        return "is on no node, and no node has reported on it"
    return ", ".join(parts)


def _not_on_nodes(document: Mapping[str, Any], elsewhere: tuple[str, str]) -> str:
    where, who = elsewhere
    ready = condition(document, "Ready").get("status") == "True"
    return f"{where}, and ready: {who}" if ready else f"{where}, and not ready"


def _facts(document: Mapping[str, Any], nodes: _Nodes, *, asks: bool) -> Iterator[tuple[str, str]]:
    spec = document.get("spec") or {}
    storage = spec.get("storage") or {}
    yield "source", str(storage.get("storageUri") or "none")
    if storage.get("path"):
        yield "path", str(storage["path"])
    total = max((item.total for item in nodes.downloading), default=0)
    if total:
        rate = sum(item.rate for item in nodes.downloading)
        yield "size", f"{size(total)}; all nodes together fetch {size(rate)}/s"
    for label, group in (("ready on", nodes.ready), ("waiting", nodes.queued)):
        if group:
            yield label, _named(group)
    annotations = document["metadata"].get("annotations") or {}
    most = annotations.get(names.ANNOTATION_MAX_CONCURRENT_NODES)
    if most:
        yield "turns", f"at most {most} nodes at once ({names.ANNOTATION_MAX_CONCURRENT_NODES})"
    if nodes.unasked and asks:
        yield "not asked", f"{counted(nodes.unasked)} that spec.storage does not select"


def _named(group: Sequence[str]) -> str:
    shown = ", ".join(group[:_NAMED])
    more = len(group) - _NAMED
    return f"{shown} and {more} more" if more > 0 else shown


def _troubles(facts: Facts, nodes: _Nodes, elsewhere: tuple[str, str] | None) -> Iterator[str]:
    document = facts.target.document
    spec = document.get("spec") or {}
    invalid = problem_of_uri(str((spec.get("storage") or {}).get("storageUri") or ""))
    if invalid:
        yield invalid
    ready = condition(document, "Ready")
    of_itself = (names.REASON_BASE_MODEL_NOT_FOUND, names.REASON_INVALID_STORAGE_URI)
    if ready.get("reason") in of_itself and not (invalid or elsewhere):
        yield str(ready.get("message"))
    if elsewhere:
        if ready.get("status") != "True":
            told = ": ".join(str(ready[name]) for name in ("reason", "message") if ready.get(name))
            yield told or "no report yet; is a manager running?"
        return
    if document["metadata"].get("deletionTimestamp"):
        yield from _leaving(nodes)
    groups: dict[tuple[str, str], list[str]] = {}
    for node, entry in nodes.failed.items():
        error = entry.error
        cause = ("Failed", "no reason given") if error is None else (error.reason, error.message)
        groups.setdefault(cause, []).append(node)
    for (reason, message), group in sorted(groups.items(), key=lambda item: -len(item[1])):
        yield f"{_named(group)}: {reason}: {one_line(message)}"
    for node, seconds in nodes.silent.items():
        yield f"{node}: no news of its download for {span(seconds)}; see the log of its agent"
    if spec.get("disabled"):
        if not nodes.ready:
            yield DISABLED
        return
    if not (nodes.ready or nodes.failed or nodes.downloading or nodes.queued) and facts.complete:
        yield _nobody(nodes, spec.get("storage") or {})


def _leaving(nodes: _Nodes) -> Iterator[str]:
    """What a deletion waits for."""
    held = sorted([*nodes.ready, *nodes.failed, *nodes.queued, *_names(nodes.downloading)])
    if held:
        yield (
            f"it is being deleted and waits for {counted(len(held))} to remove the files"
            f" ({_named(held)}); see the log of the agent there, or annotate it"
            f' {names.ANNOTATION_FORCE_DELETE}: "true" to give the files up'
        )


def _names(downloading: Sequence[NodeProgress]) -> list[str]:
    return [item.node for item in downloading]


def _nobody(nodes: _Nodes, storage: Mapping[str, Any]) -> str:
    if nodes.unasked and not nodes.missing:
        wanted = [name for name in ("nodeSelector", "nodeAffinity") if storage.get(name)]
        fields = " and ".join(f"spec.storage.{name}" for name in wanted) or "spec.storage"
        return f"{fields} selects none of {counted(nodes.unasked)}; correct it, or label nodes"
    return "no node has reported on it; is an agent running on the nodes that it is meant for?"
