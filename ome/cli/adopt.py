"""``ome adopt --dry-run``: what taking over a cluster's services would change, and what not."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import anyio

from ome.cli.goflags import Flag, parse
from ome.cli.output import form_of, name_of, names_text, output_flags, written
from ome.cli.reading import CLUSTER_FLAGS, Where, reading
from ome.cli.render.difference import difference
from ome.cli.render.effects import pods_text
from ome.cli.render.plans import PAUSED, Rendered, render
from ome.controllers.inferenceservice.adopting import keeps, kept
from ome.controllers.inferenceservice.workload import is_workload, same_pods
from ome.errors import UserError
from ome.kube.resource import ObjectKey
from ome.telemetry.logging import LogSettings, configure_logging

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ome.cli.render.cluster import Found

__all__ = ["Fate", "adoption", "run", "told_as"]

FLAGS = (
    Flag("dry-run", False, "required: adopting is what the manager does by itself when it starts"),
    Flag("n", "", "only services of this namespace"),
    Flag("namespace", "", "the same as -n"),
    Flag("operator-namespace", "ome", "where the ConfigMap inferenceservice-config is"),
    *output_flags(),
    *CLUSTER_FLAGS,
)
_MORE = """
Examples:
  ome adopt --dry-run
  ome adopt --dry-run -n demo

For each service: the workloads that another operator has left and whose pods stay as they are, with
what annotation ome.io/upgrade-template: "true" would change in them, and the objects that change
without touching a pod. Nothing is written.

Exit code: 0 no pod would be replaced, 1 some would, 2 the command is wrong, 3 the cluster
refuses or does not answer."""


def run(words: Sequence[str]) -> int:
    """Tell it; the exit code."""
    flags = parse("ome adopt", FLAGS, words, takes="--dry-run", more=_MORE)
    if not flags["dry-run"]:
        raise UserError(
            "ome adopt: only --dry-run is there: the manager adopts what it finds when it starts"
        )
    configure_logging(LogSettings(level="error"))  # the log of planning is no concern here
    return anyio.run(_tell, flags)


async def _tell(flags: Mapping[str, Any]) -> int:
    from ome.cli.render.cluster import read_all  # loads an HTTP client

    async with reading("ome adopt", Where.of(flags), 300) as client:
        held = await read_all(client, flags["operator-namespace"], ())
    namespace = flags["namespace"] or flags["n"]
    wanted = [
        document
        for document in held.documents
        if not namespace or document["metadata"].get("namespace") == namespace
    ]
    services = render(wanted, held.documents, held.settings, held.children)
    fates = [Fate(item, tuple(adoption(item, held.children))) for item in services]
    told = [fate for fate in fates if fate.said or fate.service.problem]
    sys.stdout.write(told_as(told, form_of(flags)))
    replaced = sum(fate.replaces for fate in fates)
    sys.stderr.write(
        f"services: {len(services)}, with something to tell: {len(told)}, with pods that would be"
        f" replaced: {replaced}\n"
    )
    return 1 if replaced else 0


@dataclass(frozen=True, slots=True)
class Fate:
    """A service, and what is said of its objects with whether pods are replaced by it."""

    service: Rendered
    said: tuple[tuple[str, bool], ...]

    @property
    def replaces(self) -> bool:
        """Whether any pod is replaced."""
        return any(replaces for _, replaces in self.said)


def told_as(told: Sequence[Fate], form: str) -> str:
    """What becomes of services, as ``-o`` wants it."""
    if form == "name":
        return names_text(name_of("InferenceService", it.service.service.name) for it in told)
    if form != "table":
        return written([_document(fate) for fate in told], form)
    lines: list[str] = []
    for fate in told:
        if fate.service.problem:
            lines.append(f"# InferenceService {fate.service.service}: {fate.service.problem}\n")
        lines += (text for text, _ in fate.said)
    return "".join(lines)


def _document(fate: Fate) -> dict[str, Any]:
    return {
        "namespace": fate.service.service.namespace,
        "name": fate.service.service.name,
        "problem": fate.service.problem or None,
        "replacesPods": fate.replaces,
        "changes": [text.rstrip("\n") for text, _ in fate.said],
    }


def adoption(item: Rendered, found: Found) -> Iterator[tuple[str, bool]]:
    """What becomes of each object of a service, and whether pods are replaced by it."""
    if item.paused:
        yield f"# InferenceService {item.service} {PAUSED}\n", False
        return
    if item.waits:
        yield f"# InferenceService {item.service}: nothing is written: {item.waits}\n", False
        return
    stays: list[dict[str, Any]] = []
    for desired in item.objects:
        metadata = desired["metadata"]
        key = ObjectKey(metadata["namespace"], metadata["name"])
        live = found.cached(desired["apiVersion"], desired["kind"], key)
        if live is None or not is_workload(desired) or not _keeps(item, live, desired):
            stays.append(desired)
            continue
        named = f"{desired['kind']} {key}"
        yield f"# {named} was left by another operator and keeps its {pods_text(live)}\n", False
        if not same_pods(live, desired):
            yield "# with ome.io/upgrade-template it would change so:\n", False
            alone = Rendered(item.service, "", (desired,), upgrade=True)
            for text in difference(alone, found):
                yield text.partition("\n")[2], False
        stays.append(_without_marks(kept(live, desired), live))
    rest = Rendered(item.service, item.uid, tuple(stays), item.problem, upgrade=True)
    for text in difference(rest, found):
        yield text, "its pods are replaced" in text.partition("\n")[0]


def _keeps(item: Rendered, live: Mapping[str, Any], desired: Mapping[str, Any]) -> bool:
    return not item.upgrade and keeps(live, desired, item.generation)


def _without_marks(document: dict[str, Any], live: Mapping[str, Any]) -> dict[str, Any]:
    """Without the annotations that adopting adds, which say nothing to a user."""
    metadata = document["metadata"]
    held = live["metadata"].get("annotations") or {}
    annotations = {name: text for name, text in metadata["annotations"].items() if name in held}
    return {**document, "metadata": {**metadata, "annotations": annotations}}
