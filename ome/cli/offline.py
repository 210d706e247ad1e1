"""What admission would say of a manifest, found out without a cluster."""

from __future__ import annotations

import contextlib
import copy
import re
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Any

from ome.api import KINDS, names
from ome.api.crds.checking import Fault, Path, completed, faults, field_text, root_schema
from ome.errors import AdmissionDenied, OmeError, UserError
from ome.webhooks import (
    acceleratorclass,
    basemodel,
    benchmarkjob,
    finetunedweight,
    inferenceservice,
    servingruntime,
)
from ome.webhooks.documents import Documents
from ome.webhooks.inferenceservice.resolution import Unresolved
from ome.webhooks.registry import IfAbsent, Problem, Review, Undecodable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ome.api.schema import KindObject
    from ome.cli.manifests import Manifest
    from ome.webhooks.registry import Defaulter, Validator

__all__ = ["Finding", "admitted", "check", "refuse_broken"]

_BY_KIND: Mapping[str, type[KindObject]] = {kind.KIND: kind for kind in KINDS}
_HANDLERS: Mapping[str, tuple[Defaulter, Validator]] = {
    "InferenceService": (inferenceservice.default, inferenceservice.validate),
    "ServingRuntime": (servingruntime.default, servingruntime.validate),
    "ClusterServingRuntime": (servingruntime.default, servingruntime.validate),
    "BaseModel": (basemodel.default, basemodel.validate),
    "ClusterBaseModel": (basemodel.default, basemodel.validate),
    "FineTunedWeight": (finetunedweight.default, finetunedweight.validate),
    "BenchmarkJob": (benchmarkjob.default, benchmarkjob.validate),
    "AcceleratorClass": (acceleratorclass.default, acceleratorclass.validate),
}
_ON_NODES = ("BaseModel", "ClusterBaseModel", "FineTunedWeight")
_TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
_METADATA: dict[str, Any] = {
    "type": "object",
    "x-kubernetes-preserve-unknown-fields": True,
    "properties": {
        "name": {"type": "string"},
        "generateName": {"type": "string"},
        "namespace": {"type": "string"},
        "labels": _TEXTS,
        "annotations": _TEXTS,
    },
}
_SHOWN = 10
_UNDECIDED = "(not decided by the files given; the cluster may differ)"
_COMPONENT = len(("spec", "engine"))
_MIGRATED = ("engine", "model", "runtime")
_WHERE = re.compile(r'((?:spec|metadata)(?:\.[\w-]+|\[\d+\]|\["[^"]*"\])*): (.*)', re.DOTALL)
_PART = re.compile(r'\.?([\w-]+)|\[(\d+)\]|\["([^"]*)"\]')


@dataclass(frozen=True, slots=True)
class Finding:
    """One line for the user; ``level`` is error, warning or note."""

    file: str
    line: int
    subject: str
    field: str
    level: str
    message: str

    @property
    def text(self) -> str:
        """``file:line kind/name field: message``; the level is said unless it is an error.

        One line, whatever the values are that it repeats.
        """
        field = f" {self.field}" if self.field else ""
        level = "" if self.level == "error" else f"{self.level}: "
        said = f"{self.file}:{self.line} {self.subject}{field}: {level}{self.message}"
        return "\\n".join(said.splitlines())


def check(
    manifests: Iterable[Manifest], *, namespace: str, self_contained: bool
) -> tuple[int, list[Finding]]:
    """How many objects are OME's, and what is to be said of them, in the order of the files.

    Unless the files are ``self_contained``, what they lack may be in the cluster: a reference that
    leads nowhere is a note.
    """
    found = list(manifests)
    ours = [manifest for manifest in found if _is_ours(manifest.document)]
    complete = {id(manifest): _complete(manifest.document) for manifest in ours}
    known = Documents(
        (
            complete.get(id(manifest), manifest.document)
            for manifest in found
            if isinstance(manifest.document, dict)
        ),
        namespace=namespace,
    )
    crowded = _crowded([item.document for item in ours])
    findings: list[Finding] = []
    for index, manifest in enumerate(ours):
        judge = _Judge(manifest, known, namespace, self_contained)
        said = [*judge.findings(complete[id(manifest)])]
        if index in crowded:
            said.append(judge.crowded(crowded[index]))
        findings += sorted(said, key=lambda finding: finding.line)
    return len(ours), findings


def _crowded(documents: Sequence[Mapping[str, Any]]) -> dict[int, str]:
    """By place in the list, what is to be said of models in each other's way."""
    kinds = [document.get("kind") for document in documents]
    if sum(kind in _ON_NODES for kind in kinds) < 2:
        return {}
    # Late: what agents know of storage takes its time to load.
    from ome.cli.placing import in_the_way

    return dict(in_the_way(documents))


def admitted(manifests: Iterable[Manifest], namespace: str) -> list[dict[str, Any]]:
    """The objects of OME's kinds as the API server would store them, defaults and all.

    ``namespace`` is that of objects that name none. Raises ``UserError`` for one without a name.
    """
    ours = [item for item in manifests if _is_ours(item.document)]
    complete = [_placed(item, namespace) for item in ours]
    known = Documents(complete, namespace=namespace)
    stored: list[dict[str, Any]] = []
    for document in complete:
        metadata, kind = document["metadata"], document["kind"]
        review = Review(
            "CREATE",
            kind,
            metadata.get("namespace", ""),
            metadata["name"],
            document,
            None,
            dry_run=True,
        )
        with contextlib.suppress(OmeError):  # what cannot be defaulted is judged as it is
            document = _complete(_HANDLERS[kind][0](review, known))
        stored.append(document)
    return stored


def refuse_broken(command: str, manifests: Iterable[Manifest]) -> None:
    """Raise ``UserError`` with what no API server would take: fields of a wrong name or type.

    What is made from such a file would say nothing of the one that its author means.
    """
    found: list[Finding] = []
    for manifest in manifests:
        if _is_ours(manifest.document):
            found += _Judge(manifest, Documents(()), "", self_contained=False).broken()
    if found:
        lines = [finding.text for finding in sorted(found, key=lambda item: item.line)]
        if len(lines) > _SHOWN:
            lines[_SHOWN:] = [f"and {len(lines) - _SHOWN} more; ome validate tells them"]
        raise UserError(f"{command}: the files are refused:\n" + "\n".join(lines))


def _placed(manifest: Manifest, namespace: str) -> dict[str, Any]:
    document = _complete(manifest.document)
    kind, metadata = str(document.get("kind")), document.get("metadata")
    where = f"{manifest.file}:{manifest.line(())}"
    if kind not in _BY_KIND:
        raise UserError(f"{where} kind: {kind!r} is no kind of {names.GROUP}")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
        raise UserError(f"{where} {kind}: metadata.name: expected a name; add one")
    place = dict(metadata)
    if _BY_KIND[kind].NAMESPACED:
        place["namespace"] = metadata.get("namespace") or namespace
    return {**document, "apiVersion": names.API_VERSION, "metadata": place}


def _is_ours(document: Any) -> bool:
    if not isinstance(document, dict):
        return False
    version = document.get("apiVersion")
    if version is None:
        return str(document.get("kind")) in _BY_KIND
    return isinstance(version, str) and version.partition("/")[0] == names.GROUP


@cache
def _schema(kind: str) -> dict[str, Any]:
    root = root_schema(_BY_KIND[kind])
    properties = {**root["properties"], "metadata": _METADATA}
    return {**root, "properties": properties}


def _complete(document: dict[str, Any]) -> dict[str, Any]:
    """The object as the API server would store it."""
    kind = document.get("kind")
    if not isinstance(kind, str) or kind not in _BY_KIND:
        return document
    filled: dict[str, Any] = completed(_schema(kind), document)
    return filled


def _in_order(fault: Fault) -> list[tuple[int, str]]:
    """Places of a list by number, 2 before 10."""
    return [(part, "") if isinstance(part, int) else (-1, str(part)) for part in fault.path]


def _without(document: dict[str, Any], broken: Iterable[Fault]) -> dict[str, Any]:
    """A copy without the values that the schema refuses, so that the others can be judged."""
    kept = copy.deepcopy(document)
    # From the end, so that what is gone from a list does not move what is still to go.
    for fault in sorted(broken, key=_in_order, reverse=True):
        holder: Any = kept
        for part in fault.path[:-1]:
            holder = holder[part]
        if fault.rule != "required":
            with contextlib.suppress(KeyError, IndexError):
                del holder[fault.path[-1]]
    return kept


class _Judge:
    """Goes through one manifest as an API server does."""

    def __init__(
        self, manifest: Manifest, known: Documents, namespace: str, self_contained: bool
    ) -> None:
        self._manifest = manifest
        self._known = known
        self._closed = self_contained
        document = manifest.document
        self._kind = str(document.get("kind") or "")
        held = document.get("metadata")
        self._held: dict[str, Any] = held if isinstance(held, dict) else {}
        self._name = str(self._held.get("name") or self._held.get("generateName") or "")
        kind = _BY_KIND.get(self._kind)
        own = str(self._held.get("namespace") or namespace)
        self._namespace = own if kind is not None and kind.NAMESPACED else ""

    def findings(self, complete: dict[str, Any]) -> Iterator[Finding]:
        yield from self.broken()
        if self._kind not in _BY_KIND:
            return
        broken = list(faults(_schema(self._kind), self._manifest.document))
        if all(len(fault.path) > _COMPONENT for fault in broken):
            yield from self._admission(_without(complete, broken), broken=bool(broken))

    def broken(self) -> Iterator[Finding]:
        """What the schema and the heading are refused for."""
        yield from self._heading()
        if self._kind in _BY_KIND:
            for fault in faults(_schema(self._kind), self._manifest.document):
                yield self._at(fault.path, "error", fault.message)

    def crowded(self, message: str) -> Finding:
        """That another model of the files is in the way of this one."""
        return self._at(("spec", "storage", "path"), "warning", message)

    def _heading(self) -> Iterator[Finding]:
        version = self._manifest.document.get("apiVersion")
        if version != names.API_VERSION:
            wrong = "is missing" if version is None else f"{version!r} is not known"
            yield self._at(("apiVersion",), "error", f"{wrong}; write {names.API_VERSION}")
        if self._kind not in _BY_KIND:
            near = get_close_matches(self._kind, _BY_KIND, 1, 0.6)
            hint = f"did you mean {near[0]}?" if near else f"use one of {', '.join(_BY_KIND)}"
            yield self._at(
                ("kind",), "error", f"{self._kind!r} is no kind of {names.GROUP}; {hint}"
            )
        if not self._name:
            yield self._at(("metadata",), "error", "name is required; add metadata.name")
        for place, line in self._manifest.twice:
            field = field_text(place)
            message = "is written twice, and only the last one counts; remove one"
            yield Finding(self._manifest.file, line, self._subject, field, "error", message)

    def _admission(self, complete: dict[str, Any], *, broken: bool) -> Iterator[Finding]:
        default, validate = _HANDLERS[self._kind]
        review = self._review(complete)
        try:
            review = self._review(_complete(default(review, self._known)))
        except AdmissionDenied as error:
            for field, message in error.causes:
                yield self._problem(Unresolved(field, message))
        except OmeError as error:
            yield self._problem(Problem("", str(error)))
        try:
            verdict = validate(review, self._known)
        except Undecodable as error:
            if not broken:  # else the schema has said it, field by field
                yield self._problem(Problem("", str(error)))
            return
        for problem in verdict.problems:
            yield self._problem(problem)
        for warning in verdict.warnings:
            split = _WHERE.fullmatch(warning)
            field, message = (split[1], split[2]) if split else ("", str(warning))
            if isinstance(warning, IfAbsent) and not self._closed:
                yield self._at(_path(field), "note", f"{message} {_UNDECIDED}")
            else:
                yield self._at(_path(field), "warning", message)

    def _review(self, document: dict[str, Any]) -> Review:
        name = str(self._held.get("name") or "")
        return Review("CREATE", self._kind, self._namespace, name, document, None, dry_run=True)

    def _problem(self, problem: Problem) -> Finding:
        if isinstance(problem, Unresolved) and not self._closed:
            return self._at(_path(problem.field), "note", f"{problem.message} {_UNDECIDED}")
        return self._at(_path(problem.field), "error", problem.message)

    @property
    def _subject(self) -> str:
        return f"{self._kind}/{self._name}"

    def _at(self, path: Path, level: str, message: str) -> Finding:
        line = self._manifest.line(self._written(path))
        return Finding(self._manifest.file, line, self._subject, field_text(path), level, message)

    def _written(self, path: Path) -> Path:
        """Where a migrated field comes from."""
        predictor: Path = ("spec", "predictor")
        if path[:1] == ("spec",) and path[1:2] and path[1] in _MIGRATED:
            if path[:2] not in self._manifest.lines and predictor in self._manifest.lines:
                return predictor
        return path


def _path(field: str) -> Path:
    """``spec.a[0]["b.c"]`` taken apart."""
    return tuple(
        int(match[2]) if match[2] else match[3] if match[3] is not None else match[1]
        for match in _PART.finditer(field)
    )
