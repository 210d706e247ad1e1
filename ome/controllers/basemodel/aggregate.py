"""Which model is where, kept up to date by differences: an event costs the entries that changed.

For each key of a status ConfigMap the aggregate knows the nodes that report it and what each says.
A node counts while its Node object exists. Counts are sizes of sets and nothing is ever scanned;
the whole always equals a recomputation from the ConfigMaps and the nodes.

Thousands of nodes read the same files, so what they read is kept once: equal configs of all reports
are one object, and a text that many nodes write is decoded once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
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


class Report(msgspec.Struct, frozen=True, gc=False):
    """What one node says of one model; ``entry`` is None when it cannot be read.

    Without the progress, which concerns no controller: equal reports mean the same to them.
    """

    entry: Entry | None

    @property
    def state(self) -> str:
        """The reported status, or ``Unreadable``."""
        return UNREADABLE if self.entry is None else self.entry.status


@dataclass(slots=True)
class ModelReports:
    """The reports on one model from nodes that exist, and the nodes by state."""

    reports: dict[str, Report] = field(default_factory=dict)
    by_state: dict[str, set[str]] = field(default_factory=dict)

    def nodes(self, state: str) -> set[str]:
        """The nodes that report a state; not to be changed."""
        return self.by_state.get(state, set())

    def holding(self) -> int:
        """How many nodes may still have files: all that do not say ``Deleted``."""
        return len(self.reports) - len(self.nodes(DELETED))

    def put(self, node: str, report: Report | None) -> None:
        """Replace what a node says."""
        before = self.reports.get(node)
        was = None if before is None else before.state
        state = None if report is None else report.state
        if report is not None:
            self.reports[node] = report
        elif before is not None:
            del self.reports[node]
        if was != state:
            if was is not None:
                self.by_state[was].discard(node)
            if state is not None:
                self.by_state.setdefault(state, set()).add(node)


class Aggregate:
    """All reports of all nodes; every method gives the keys of the models that it changed."""

    def __init__(self) -> None:
        self._raw: dict[str, dict[str, str]] = {}
        self._said: dict[str, dict[str, Report]] = {}
        self._nodes: set[str] = set()
        self._models: dict[str, ModelReports] = {}
        self._configs: WeakValueDictionary[bytes, Config] = WeakValueDictionary()
        self._texts: dict[str, tuple[str, Report]] = {}

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
        said = self._said.setdefault(node, {})
        changed: set[str] = set()
        for key, text in after.items():
            # Decoding is what costs: a value that is the same string is the same report.
            had = before.get(key)
            if had == text:
                after[key] = had
            else:
                after[key], new = self._report(text)
                if said.get(key) != new:
                    said[key] = new
                    changed.add(key)
                    self._count(node, key, new)
        if said.keys() != after.keys():
            for key in said.keys() - after.keys():
                del said[key]
                changed.add(key)
                self._count(node, key, None)
        if not said:
            del self._said[node]
        return changed if node in self._nodes else set()

    def node(self, name: str, exists: bool) -> set[str]:
        """A Node object appeared or is gone."""
        if exists == (name in self._nodes):
            return set()
        (self._nodes.add if exists else self._nodes.discard)(name)
        said = self._said.get(name, {})
        for key, report in said.items():
            self._place(name, key, report if exists else None)
        return set(said)

    def _count(self, node: str, key: str, report: Report | None) -> None:
        if node in self._nodes:
            self._place(node, key, report)

    def _place(self, node: str, key: str, report: Report | None) -> None:
        model = self._models.setdefault(key, ModelReports())
        model.put(node, report)
        if not model.reports:
            del self._models[key]

    def _report(self, text: str) -> tuple[str, Report]:
        """The text as it is held already, and what it says."""
        known = self._texts.get(text)
        if known is not None:
            return known
        entry = decode_entry(text)
        if entry is None:
            return text, Report(None)
        config = None if entry.config is None else self._shared(entry.config)
        report = Report(msgspec.structs.replace(entry, config=config, progress=None))
        if entry.progress is None:
            if len(self._texts) >= _TEXTS:
                self._texts.clear()
            self._texts[text] = text, report
        return text, report

    def _shared(self, config: Config) -> Config:
        return self._configs.setdefault(msgspec.json.encode(config), config)
