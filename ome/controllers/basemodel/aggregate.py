"""Which model is where, kept up to date by differences: an event costs the entries that changed.

For each key of a status ConfigMap the aggregate knows the nodes that report it, grouped by what
they say. A node counts while its Node object exists. Counts are kept and nothing is ever scanned;
the whole always equals a recomputation from the ConfigMaps and the nodes.

Thousands of nodes read the same files and say the same of them, so what they say is kept once:
equal configs and equal reports of all nodes are one object each, and a text that many nodes write
is decoded once. Whoever looks at a model looks at its few different reports, not at its nodes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

import msgspec

from ome.agent.protocol import DELETED, Entry, decode_entry

if TYPE_CHECKING:
    from ome.agent.protocol import Config

__all__ = ["Aggregate", "ModelReports", "Report"]

UNREADABLE = "Unreadable"

_TEXTS = 4096
"""How many texts are remembered; reports of downloads, each of which differs, are not."""


class Report(msgspec.Struct, frozen=True, eq=False, weakref=True):
    """What nodes say of one model; ``entry`` is None when it cannot be read.

    Without the progress, which concerns no controller. The aggregate holds each of them once, so
    two are the same only if they are one object.
    """

    state: str
    """The reported status, or ``Unreadable``."""
    entry: Entry | None


@dataclass(slots=True)
class ModelReports:
    """The reports on one model from nodes that exist."""

    by_report: dict[Report, set[str]] = field(default_factory=dict)
    """The nodes that say each; not to be changed by readers."""
    counts: dict[str, int] = field(default_factory=dict)
    """How many nodes report each state."""
    _firsts: dict[Report, str] = field(default_factory=dict)

    def first(self, report: Report) -> str:
        """The first node by name of those that say this."""
        known = self._firsts.get(report)
        if known is None:
            known = self._firsts[report] = min(self.by_report[report])
        return known

    def nodes(self, state: str) -> list[str]:
        """The names of the nodes that report a state, in order."""
        groups = (nodes for report, nodes in self.by_report.items() if report.state == state)
        return sorted(chain.from_iterable(groups))

    def count(self, state: str) -> int:
        """How many nodes report a state."""
        return self.counts.get(state, 0)

    def entries(self) -> list[Entry]:
        """The different entries that can be read, each in the place of its first node by name."""
        readable = (report for report in self.by_report if report.entry is not None)
        return [report.entry for report in sorted(readable, key=self.first) if report.entry]

    def holding(self) -> int:
        """How many nodes may still have files: all that do not say ``Deleted``."""
        return sum(self.counts.values()) - self.count(DELETED)

    def change(self, node: str, before: Report | None, after: Report | None) -> None:
        """Replace what a node says; None is nothing."""
        if before is not None:
            others = self.by_report[before]
            others.remove(node)
            if self._firsts.get(before) == node:
                del self._firsts[before]
            if not others:
                del self.by_report[before]
            self.counts[before.state] -= 1
        if after is not None:
            self.by_report.setdefault(after, set()).add(node)
            if node < self._firsts.get(after, ""):
                self._firsts[after] = node
            self.counts[after.state] = self.counts.get(after.state, 0) + 1


class Aggregate:
    """All reports of all nodes; every method gives the keys of the models that it changed."""

    def __init__(self) -> None:
        self._raw: dict[str, dict[str, str]] = {}
        self._said: dict[str, dict[str, Report]] = {}
        self._nodes: set[str] = set()
        self._models: dict[str, ModelReports] = {}
        self._configs: WeakValueDictionary[bytes, Config] = WeakValueDictionary()
        self._reports: WeakValueDictionary[bytes, Report] = WeakValueDictionary()
        self._texts: dict[str, tuple[str, Report]] = {}
        self._unreadable = Report(UNREADABLE, None)

    def reports(self, key: str) -> ModelReports:
        """The reports on a model, by its ConfigMap key; empty when there are none."""
        return self._models.get(key) or ModelReports()

    def reporting(self) -> frozenset[str]:
        """The names of all ConfigMaps, also those of nodes that do not exist."""
        return frozenset(self._raw)

    def exists(self, node: str) -> bool:
        """Whether the Node object exists."""
        return node in self._nodes

    def config_map(self, node: str, data: dict[str, str] | None) -> set[str]:
        """A status ConfigMap is now this, or gone (None).

        Values of ``data`` are replaced by equal strings that others hold already: ten nodes that
        say the same take the memory of one.
        """
        before = self._raw.get(node, {})
        after = data or {}
        if data is None:
            self._raw.pop(node, None)
        else:
            self._raw[node] = data
        said, present = self._said.setdefault(node, {}), node in self._nodes
        changed: set[str] = set()
        for key, text in after.items():
            # Decoding is what costs: a value that is the same string is the same report.
            had = before.get(key)
            if had == text:
                after[key] = had
                continue
            held = said.get(key)
            after[key], report = self._texts.get(text) or self._report(text, held)
            if report is not held:
                if present:
                    self._place(node, key, held, report)
                said[key] = report
                changed.add(key)
        if said.keys() != after.keys():
            for key in said.keys() - after.keys():
                held = said.pop(key)
                if present:
                    self._place(node, key, held, None)
                changed.add(key)
        if not said:
            del self._said[node]
        return changed if present else set()

    def node(self, name: str, exists: bool) -> set[str]:
        """A Node object appeared or is gone."""
        if exists == (name in self._nodes):
            return set()
        (self._nodes.add if exists else self._nodes.discard)(name)
        said = self._said.get(name, {})
        for key, report in said.items():
            self._place(name, key, *((None, report) if exists else (report, None)))
        return set(said)

    def _place(self, node: str, key: str, before: Report | None, after: Report | None) -> None:
        model = self._models.get(key)
        if model is None:
            model = self._models[key] = ModelReports()
        model.change(node, before, after)
        if not model.by_report:
            del self._models[key]

    def _report(self, text: str, before: Report | None) -> tuple[str, Report]:
        """A text that is not remembered, and what it says; ``before`` when it says the same."""
        entry = decode_entry(text)
        if entry is None:
            return text, self._unreadable
        config = None if entry.config is None else self._shared(entry.config)
        lasting = msgspec.structs.replace(entry, config=config, progress=None)
        if before is not None and before.entry == lasting:
            report = before
        else:
            fresh = Report(entry.status, lasting)
            report = self._reports.setdefault(msgspec.json.encode(lasting), fresh)
        if entry.progress is None:
            if len(self._texts) >= _TEXTS:
                self._texts.clear()
            self._texts[text] = text, report
        return text, report

    def _shared(self, config: Config) -> Config:
        return self._configs.setdefault(msgspec.json.encode(config), config)
